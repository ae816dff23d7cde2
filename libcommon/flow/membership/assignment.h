// The partitions that this worker owns, and how far it is in each. A task is its first source's partition, which
// has the state and the stage; partitions of its other sources refer to that.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "data/record.h"
#include "flow/tasks/partition_state.h"
#include "flow/topology/stage.h"
#include "kafka/group_consumer.h"

namespace kutils::flow {

struct OwnedPartition {
  kafka::TopicPartition at;
  size_t sub = 0;  // whose source it is (WorkerPlan::subs)
  // Of a source beside its task's first one (CopartitionedSource): that one, which has the task's state and
  // stage. Null: it is the first.
  OwnedPartition* first_source = nullptr;
  bool is_internal = false;             // of an internal topic
  std::optional<int32_t> state_number;  // WorkerPlan::state_of()
  int64_t next = 0;                     // all before it is done, in the open transaction or earlier
  int64_t seen = 0;                     // all before it was looked at in the batch at hand
  bool settled = false;                 // `next` is behind its records of the batch at hand that are done
  int64_t committed = 0;                // what the group's offset says
  int64_t first =
      0;  // where to go if the group knows nothing (it always does: the first position is committed)
  bool is_unread = false;      // no record before `first` was processed
  std::optional<int64_t> end;  // -e: read what is before
  int64_t changes_end = 0;     // of the changelog, behind the open transaction's rows; 0: there are none
  LastRecord last_record;      // of those that stand before `next`
  bool touched = false;        // the open transaction holds outputs of its timers
  // Stateful jobs. The stage reads the state: it goes first.
  std::unique_ptr<PartitionState> state;
  int64_t resumed_after_ms = 0;  // wall time from its last commit to its opening; 0: it is new
  std::unique_ptr<Stage> stage;
  bool at_log_end = false;  // nothing more to fetch since `silent_since_us`
  int64_t silent_since_us = 0;
  int64_t silence_told_us = 0;

  bool at_end() const { return end && next >= *end; }
  // The task's first source: equal for partitions of one task.
  OwnedPartition& task() { return first_source ? *first_source : *this; }
  const OwnedPartition& task() const { return first_source ? *first_source : *this; }
  bool is_task() const { return !first_source; }
};

class Assignment {
 public:
  OwnedPartition& add(OwnedPartition partition);
  void remove(const kafka::TopicPartition& at);
  void clear() { owned_.clear(), found_.clear(); }
  // Null: not ours (any more).
  OwnedPartition* find(std::string_view topic, int32_t partition);
  const std::vector<std::unique_ptr<OwnedPartition>>& all() const { return owned_; }
  bool empty() const { return owned_.empty(); }

 private:
  std::vector<std::unique_ptr<OwnedPartition>> owned_;
  std::vector<OwnedPartition*> found_;  // by number, those that were asked for last
};

}  // namespace kutils::flow
