// Of which partitions of the inputs the group has offsets: those that it had when the plan was made, and those that were
// seen or committed since. One that has none any more has lost it; one that never had any is read from where -o says,
// or, where it was added to its topic, from its beginning. Partitions that are newer than the plan are not told of.
#pragma once

#include <algorithm>
#include <set>
#include <vector>

#include "flow/run/worker_plan.h"

namespace kutils::flow {

class BegunPartitions {
 public:
  explicit BegunPartitions(const WorkerPlan& plan) : plan_(plan) {
    for (auto& at : plan.all_partitions())
      if (plan.begun.count(at) == 0) missing_.insert(std::move(at));
  }
  void add(const kafka::TopicPartition& at) { missing_.erase(at); }
  bool has(const kafka::TopicPartition& at) const {
    return !plan_.is_internal(at.topic) && !plan_.came_later(at) && missing_.count(at) == 0;
  }
  // All partitions of the plan, these among them: no partition comes twice.
  bool all_with(const std::vector<kafka::PartitionOffset>& more) const {
    if (missing_.empty()) return true;
    const auto added =
        std::count_if(more.begin(), more.end(), [&](const auto& one) { return missing_.count(one.at) > 0; });
    return static_cast<size_t>(added) == missing_.size();
  }

 private:
  const WorkerPlan& plan_;
  std::set<kafka::TopicPartition> missing_;
};

}  // namespace kutils::flow
