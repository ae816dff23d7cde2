// The states of partitions that were given to us and cannot start yet: their directories are awaited, their
// changelogs read, beside the worker, which goes on with the others.
#pragma once

#include <memory>
#include <vector>

#include "flow/run/worker_context.h"
#include "flow/tasks/partition_state.h"

namespace kutils::flow {

class RestoreManager {
 public:
  // `distrusted`: what is on disk turned out to be broken.
  RestoreManager(const WorkerContext& context, bool distrusted)
      : context_(context), distrusted_(distrusted) {}

  // Those of `assigned` that can start: their state is there, or they have none. Begins what is not begun,
  // and says how far restoring is. Throws what ended an opening; the next call begins it again.
  std::vector<kafka::TopicPartition> ready(const std::vector<kafka::TopicPartition>& assigned);
  // The state of a partition that is ready and has one.
  std::unique_ptr<PartitionState> take(const kafka::TopicPartition& at);
  // Nothing was left to do, so no partition was given to us. What kquery reads here is completed all the same:
  // opened, restored where it lacks rows, and closed. Ends early if the program is asked to end.
  void complete_local_state();
  // The partition is somebody else's now.
  void drop(const kafka::TopicPartition& at);

 private:
  struct Opening {
    kafka::TopicPartition at;
    std::unique_ptr<StateOpening> opening;
    std::unique_ptr<PartitionState> state;  // when it is there
  };
  // `is_given`: by the group.
  std::unique_ptr<StateOpening> begin(int32_t number, bool is_given) const;
  std::vector<int32_t> incomplete_local_states() const;
  bool is_group_empty() const;  // false also where the group does not say

  const WorkerContext context_;
  const bool distrusted_;
  std::vector<Opening> openings_;
  int64_t last_told_us_ = 0;
};

}  // namespace kutils::flow
