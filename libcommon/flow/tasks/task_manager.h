// The worker's tasks: the partitions that it owns, each with its stage and its state. A task comes when what it
// starts from is known and its state is restored, goes with its partition, and in between is asked in turn for
// what records do not cause: timers, silence, what it has in hand before a commit.
//
//   waiting in the group → admit() → processed(), met_end(), tick() … → committed(), or aborted() and rewind()
//                        → drop(), when the partition goes; close() for those that stay
//
// Nothing here begins a commit: who calls does, where it says so. Stateless jobs have one stage for all
// partitions. Records do not pass through this class. One thread; references outlive it.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "flow/membership/assignment.h"
#include "flow/membership/begun_partitions.h"
#include "flow/membership/group_membership.h"
#include "flow/membership/offset_resolver.h"
#include "flow/membership/origins.h"
#include "flow/run/processor.h"
#include "flow/run/worker_context.h"
#include "flow/tasks/idle_source_monitor.h"
#include "flow/tasks/internal_topics.h"
#include "flow/tasks/restore_manager.h"
#include "flow/transaction/transaction_manager.h"

namespace kutils::flow {

class TaskManager {
 public:
  // `origins` may be null. `distrusted`: the state on disk turned out to be broken.
  TaskManager(const WorkerContext& context, Assignment& owned, TransactionManager& transaction,
              Processor& processor, Origins* origins, bool distrusted);

  // --- coming and going
  // Starts those that wait in the group and can start: with their state, or what the group has committed, or what
  // -o asks for. True: commit before the first record, for a restart or another member must not resolve -o a second
  // time (rules 17 and 19). Throws KafkaError; Error(usage) where state, group and job do not belong together.
  bool admit(GroupMembership& membership);
  // The partition is somebody else's now. Does not throw; see throw_unwritten().
  void drop(const kafka::TopicPartition& at);
  // Those that are left, as with --stay. Does not throw, as drop().
  void close();
  // Why a state that was closed is not on disk, if one is not.
  void throw_unwritten() const {
    if (unwritten_) std::rethrow_exception(unwritten_);
  }
  // Nothing was left to do, so no task came: see RestoreManager.
  void complete_local_state() { restore_manager_.complete_local_state(); }

  // --- the current task
  // All partitions have one stage.
  bool has_one_stage() const { return stage_ != nullptr; }
  Stage& stage_of(OwnedPartition& partition) {
    Stage* const own = partition.task().stage.get();
    return own ? *own : *stage_;
  }
  // What its stage says from now on belongs to this task.
  void set_current(const OwnedPartition& partition);

  // --- what goes through stages besides records
  void flush();
  // Timers that are due (of wall time).
  void tick();
  // How long until the next one, `most` at most.
  Millis until_timer(Millis most) const;
  bool any_timer_due() const { return until_timer(Millis(1)) == Millis(0); }
  // Stream time moves by the silence of what is silent (rule 26): partitions at their ends, or, behind an internal
  // topic, the sources. Asks once a second.
  void tell_idle_time();
  void before_commit();
  // These of one task went through its stage.
  void went_through(const OwnedPartition& partition, std::span<const Record> records, int64_t now_us) {
    if (partition.sub > 0) internal_topics_.processed(partition, records, now_us);
  }
  // --close-at-end: what the stages of a sub-topology have open goes out, in a transaction of its own (rule 25), which
  // is to be committed.
  void close_stages(size_t sub);
  // At the end of -e: what was silent over the pause before this run, or ever, holds windows back no longer than in
  // a run that goes on. All that came of such a source in earlier runs has been read when the internal topic's end
  // is reached. Of each topic once: false if it was. A transaction that it opened is to be committed.
  bool let_idle_sources_go(size_t sub);

  // --- positions
  // The task's position is behind records of which `last` is the last one, but not behind this run's `end`.
  void processed(OwnedPartition& partition, const Record& last, int64_t end, int64_t now_us);
  // The end of the log was met there; the position is behind it, but not behind this run's `end`.
  void met_end(OwnedPartition& partition, int64_t offset, int64_t end);
  bool positions_moved() const;
  // All that moved; all, if none has, for a transaction without offsets would not be fenced (rule 1).
  std::vector<kafka::PartitionOffset> positions_to_commit() const;
  void committed();
  // Stages and states are as they were at the last commit.
  void aborted();
  // Positions are, too: at the group's stable offsets (rule 4). Throws KafkaError; Error(usage) where the group has
  // lost an offset, or, after position_refused(), where records are gone (gaps.h).
  void rewind(kafka::GroupConsumer& consumer);
  void position_refused() { position_refused_ = true; }

  // --- how far they are
  size_t dirty_rows() const;
  int64_t lag(kafka::GroupConsumer& consumer) const;
  // All is read that has an end; behind an internal topic it may be unknown yet.
  bool sources_at_end() const;
  // Tasks of a sub-topology.
  int32_t count_of(size_t sub) const;
  // Who asked for an end shall know why it does not come: told once.
  void tell_held_back(kafka::GroupConsumer& consumer);

  InternalTopics& internal_topics() { return internal_topics_; }
  const InternalTopics& internal_topics() const { return internal_topics_; }

 private:
  // A watch on what is silent. `sub`: what reads the internal topic that the sources are written to; nullopt: the
  // partitions themselves.
  struct Watch {
    IdleSourceMonitor monitor;
    std::optional<size_t> sub;
  };
  // A partition that is about to start, and where.
  struct Arrival {
    kafka::PartitionOffset from;
    PartitionState* state = nullptr;                 // of its task, if it has one
    std::unique_ptr<PartitionState> own_state = {};  // the same, for the task's first source
    bool is_fresh = false;                           // neither state nor group knew where
    bool is_news = false;  // the group's commit names another process, or none, to ask for its rows
  };
  void commit_first(std::vector<Arrival>& arrivals, GroupMembership& membership);
  void tell_all_begun(std::vector<kafka::PartitionOffset>& offsets) const;
  bool lacks_companion(const kafka::TopicPartition& at) const;
  std::vector<Arrival> arrivals_of(const std::vector<kafka::TopicPartition>& ready,
                                   GroupMembership& membership);
  void mark_places(std::vector<Arrival>& arrivals);
  void start(Arrival& arrival);
  std::unique_ptr<Stage> make_stage(OwnedPartition& partition) const;
  // Calls `call(task)` for each task that has a stage of its own.
  template <typename Call>
  void each_task(const Call& call) const {
    for (const auto& one : owned_.all())
      if (one->stage) call(*one);
  }
  void renew_stages();
  void close_state(OwnedPartition& partition);
  std::string metadata_of(const OwnedPartition& partition) const;
  std::string mark_to_commit(const OwnedPartition& partition) const;  // the same without where we are asked
  // Whether the commit says what it is to say from now on: what the group is for, and where we are asked.
  bool is_up_to_date(const kafka::PartitionOffset& commit) const;
  // The address that commits of this partition carry; empty: the instance does not serve HTTP.
  std::string served_at_of(const kafka::TopicPartition& at) const;
  void tell_idle_time_of(Watch& watch);
  void tell_idle_time_of(OwnedPartition& partition, int32_t source, int64_t silent_ms);

  const WorkerContext context_;
  const Clock& clock_;
  Assignment& owned_;
  TransactionManager& transaction_;
  Processor& processor_;
  Origins* const origins_;
  InternalTopics internal_topics_;
  OffsetResolver offset_resolver_;
  BegunPartitions begun_;
  RestoreManager restore_manager_;
  std::unique_ptr<Stage> stage_;  // stateless jobs
  std::vector<Watch> watches_;
  std::vector<bool> idle_are_gone_;  // by sub-topology: let_idle_sources_go() was called
  std::exception_ptr unwritten_;
  bool position_refused_ = false;
  bool told_held_back_ = false;
};

}  // namespace kutils::flow
