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
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/batch.h"
#include "flow/errors/late_notes.h"
#include "flow/membership/assignment.h"
#include "flow/membership/group_ends.h"
#include "flow/membership/group_membership.h"
#include "flow/membership/instance_slot.h"
#include "flow/membership/origins.h"
#include "flow/run/partition_runs.h"
#include "flow/run/processor.h"
#include "flow/run/progress.h"
#include "flow/run/worker_context.h"
#include "flow/tasks/task_manager.h"
#include "flow/transaction/commit_memory.h"
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
  // It left to join again: partitions of the group are assigned to no member (unassigned_partition_monitor.h).
  bool rejoins() const { return rejoins_; }
  // The last id that the group knew us by; empty if we never joined.
  std::string member_id();

 private:
  void before_revoke(bool lost) override;
  void revoked(const kafka::TopicPartition& at) override { tasks_->drop(at); }
  bool comes_more(const kafka::TopicPartition& at, int64_t next) const override;

  void open();
  void turn();
  void admit();
  bool read();
  void take();
  void take_records(std::span<const Record> records);
  void commit_if_due();
  bool finished();
  bool is_settled();
  bool reached_ends();
  bool waits_for_partitions();
  struct Held {
    int32_t ours = 0;
    int32_t all = 0;
  };
  Held held_where_closed() const;
  bool close_in_turn(size_t sub);
  template <typename Step>
  bool attempt(const Step& step);
  bool replay_reached();
  bool internal_topics_reached_ends();
  // `last`: what is kept back until later goes as well.
  void commit(bool last = false);
  bool on_trial() const;
  bool try_again_in_pieces();
  bool try_again_one_by_one();
  void set_aside();
  void abort_and_rewind();
  bool refuse_added();
  std::optional<Error> added_beside();
  void refuse_other_topic();
  void refuse_while_waiting();
  void refuse_if_usage(const kafka::KafkaError& error);
  void settle_origins();
  void check_unread_origins();
  int64_t lag() { return tasks_->lag(membership_->consumer()); }
  Millis poll_timeout();
  void leave();

  const Parts parts_;
  const Clock& clock_;
  GroupEnds group_ends_;
  LateNotes late_;
  std::optional<Origins> origins_;
  int64_t unequal_since_us_ =
      0;  // topics that are read side by side had unequal counts then; 0: they have not
  Assignment owned_;
  Replay replay_;
  // What open() makes, in this order.
  std::optional<TransactionManager> transaction_;
  std::unique_ptr<Processor> processor_;
  std::optional<TaskManager> tasks_;
  std::optional<GroupMembership> membership_;
  std::optional<PartitionRuns> runs_;

  Batch batch_;
  std::span<const Record> rest_;                  // of the batch, still to be taken
  std::vector<kafka::PartitionOffset> met_ends_;  // behind the batch
  SlicePacer slices_;
  std::exception_ptr refusal_;  // what ends this run once all is committed and the group left
  size_t closed_ = 0;           // close_in_turn(): the sub-topologies before this one are closed
  bool rewind_needed_ = false;  // what was done since the last commit is to be thrown away
  // A commit or a timer failed: what was done since the last commit is done again. Each of these
  // transactions takes this many records at most; the number is halved until what fails is one record's. Null: no
  // such limit.
  std::optional<size_t> piece_;
  size_t taken_ = 0;                    // records since the last commit
  const Record* last_taken_ = nullptr;  // while its batch is there
  bool one_by_one_ = false;  // a stage that answers later went beyond -m: each record is answered at once
  size_t in_pieces_ = 0;     // of those that are done again, still to be committed
  Processor::Checkpoint checkpoint_;
  int64_t last_end_check_us_ = 0;
  int64_t record_time_ms_ = kNoTimestamp;  // CommitNews
  bool rejoins_ = false;
};

// Runs workers until one ends as it should, at most three fatal errors in a row apart. Returns what the last
// one ended with.
Processor::End run_worker(const Job& job, const Environment& around, Report& report, Progress& progress,
                          Log& log, OnError::Policy policy);

}  // namespace kutils::flow
