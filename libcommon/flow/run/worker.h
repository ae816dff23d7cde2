// Topic to topic (or, with -g, to lines): one member of the group, its committer, its partitions. The
// delivery protocol's rules are carried out here; the numbers in comments are those of ARCHITECTURE.md's
// table of rules.
//
// A worker is built, run once and dropped. A fatal Kafka error leaves run() as KafkaError{fatal};
// run_worker() then builds the next one, which begins at what was committed. Its destructor makes no calls,
// so that dropping it is what a kill is.
#pragma once

#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "data/batch.h"
#include "flow/errors/late_notes.h"
#include "flow/membership/assignment.h"
#include "flow/membership/group_ends.h"
#include "flow/membership/group_membership.h"
#include "flow/membership/instance_slot.h"
#include "flow/membership/offset_resolver.h"
#include "flow/membership/origins.h"
#include "flow/run/processor.h"
#include "flow/run/progress.h"
#include "flow/run/worker_context.h"
#include "flow/tasks/idle_source_monitor.h"
#include "flow/tasks/repartition_maintenance.h"
#include "flow/tasks/restore_manager.h"
#include "flow/tasks/source_marks.h"
#include "flow/transaction/replay.h"
#include "flow/transaction/slice_pacer.h"
#include "flow/transaction/transaction_manager.h"

namespace kutils::flow {

class Worker final : private PartitionOwner {
 public:
  struct Parts : WorkerContext {
    const InstanceSlot& slot;
    Report& report;
    Progress& progress;
    OnError::Policy policy;
    SinkOutputs* lines;  // topic to lines with -g; else null
    CommitMemory& memory;
    Processor::Checkpoint counted;  // what earlier workers of this process have done
    bool distrusted = false;        // the state on disk turned out to be broken
  };
  explicit Worker(const Parts& parts);
  ~Worker() override;

  // Until the ends, a limit, a failed record or a signal; everything done is committed and the group left
  // when it returns.
  void run();

  bool has_committed() const { return transaction_ && transaction_->has_committed(); }
  bool was_away() const { return membership_ && membership_->was_away(); }  // see GroupMembership
  const Processor::Checkpoint& committed_counts() const { return checkpoint_; }
  // When it ended without committing what it counted last: the report says what was committed, and what
  // failed.
  void uncount_aborted();
  Processor::End ended() const;
  // It left to join anew: the group has partitions that are nobody's (unassigned_partition_monitor.h).
  bool rejoins() const { return rejoins_; }
  // The last id that the group knew us by; empty if we never joined.
  std::string member_id();

 private:
  void before_revoke(bool lost) override;
  void revoked(const kafka::TopicPartition& at) override;

  void open();
  void turn();
  void admit_assigned();
  bool refuse_added();
  void refuse_other_topic();
  void refuse_while_waiting();
  void settle_origins();
  void refuse_if_usage(const kafka::KafkaError& error);
  void check_unread_origins();
  std::string metadata_of(const OwnedPartition& partition) const;
  std::unique_ptr<Stage> make_stage(OwnedPartition& partition);
  std::unique_ptr<Stage> make_stateless_stage();
  void close_state(OwnedPartition& partition);
  void set_current_task(const OwnedPartition& partition);
  bool sources_at_end();
  void close_stages();
  void tell_idle_time();
  void tell_idle_time_of(IdleSourceMonitor& watch, std::optional<size_t> sub);
  void tell_idle_time_of(OwnedPartition& partition, int32_t source, int64_t silent_ms);
  void let_idle_sources_go(size_t sub);
  bool internal_topics_reached_ends();
  void tell_held_back();
  void before_commit();
  void write_marks(bool last);
  size_t dirty_rows() const;
  bool read();
  void take();
  void take_records(std::span<const Record> records);
  size_t gather_runs(std::span<const Record> records, size_t at);
  void skip(const Record& record, size_t at);
  void settle_runs(std::span<const Record> records, size_t done, int64_t now_us);
  Stage& stage_of(OwnedPartition& partition);
  void tick();
  void commit_if_due();
  void set_aside();
  bool replay_reached();
  // `last`: what is kept back until later goes as well.
  void commit(bool last = false);
  void abort_and_rewind();
  void rewind();
  bool finished();
  int32_t held_at_the_end() const;
  int64_t lag();
  Millis poll_timeout();
  std::vector<kafka::PartitionOffset> positions_to_commit() const;
  bool positions_moved() const;
  void leave();

  const Parts parts_;
  const Clock& clock_;
  std::optional<GroupMembership> membership_;
  std::optional<TransactionManager> transaction_;
  std::unique_ptr<Processor> processor_;
  std::unique_ptr<Stage> stage_;  // stateless jobs
  // The internal topic between a sub-topology and the next one.
  struct Between {
    RepartitionMaintenance maintenance;
    std::optional<SourceMarks> marks;               // windows are behind it
    std::optional<IdleSourceMonitor> idle_sources;  // of what is read before it
    bool idle_are_gone = false;                     // let_idle_sources_go() was called
  };
  std::vector<Between> between_;  // by sub-topology but the last
  std::optional<IdleSourceMonitor>
      idle_sources_;  // of the partitions themselves: windows without an internal topic
  LateNotes late_;
  std::optional<Origins> origins_;
  GroupEnds group_ends_;
  OffsetResolver offset_resolver_;
  RestoreManager restore_manager_;
  Assignment owned_;
  std::exception_ptr unwritten_;  // why a state that was closed is not on disk
  std::exception_ptr refusal_;    // what ends this run once all is committed and the group left
  bool rewind_needed_ = false;
  bool offset_gone_ = false;  // the broker refused a position: see gaps.h
  Batch batch_;
  std::span<const Record> rest_;                  // of the batch, still to be taken
  std::vector<kafka::PartitionOffset> met_ends_;  // behind the batch
  SlicePacer slices_;
  struct Run {
    OwnedPartition* partition;
    size_t first, last;  // indices in the batch, of one partition all
  };
  std::vector<Run> runs_;
  Replay replay_;
  Processor::Checkpoint checkpoint_;
  int64_t last_end_check_us_ = 0;
  bool rejoins_ = false;
  bool told_held_back_ = false;
};

// Runs workers until one ends as it should, at most three fatal errors in a row apart. Returns what the last
// one ended with.
Processor::End run_worker(const Job& job, const Environment& around, Report& report, Progress& progress,
                          Log& log, OnError::Policy policy);

}  // namespace kutils::flow
