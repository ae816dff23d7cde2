// A hole in the group that nobody in it can see: a partition on its way from one member to another is given
// up in one rebalance and handed over in the next, which the member that gave it up asks for. If that one
// dies in between and comes back under its static name, the broker gives it its old place without any
// rebalance: the next one never comes, the group is stable and the partition is nobody's for ever (seen on
// Kafka 4.1.1). So whoever joins looks, until the group is settled, whether all partitions have an owner; if
// some have none in several looks, it leaves and joins again.
//
// Requests run beside the worker, which goes on polling. Used by the worker's thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "flow/run/run.h"
#include "kafka/admin.h"

namespace kutils::flow {

class UnassignedPartitionMonitor {
 public:
  UnassignedPartitionMonitor(const Environment& around, std::string group,
                             std::vector<kafka::TopicPartition> all);
  // Takes an answer, or asks the next question when its time has come. True, once: partitions are left out.
  bool look(int64_t now_us);
  bool is_confirmed() const { return confirmed_; }
  const std::vector<kafka::TopicPartition>& left_out() const { return left_out_; }

 private:
  kafka::GroupCoverage ask();  // called by one helper at a time

  const Environment& around_;
  const std::string group_;
  const std::vector<kafka::TopicPartition> all_;
  std::unique_ptr<kafka::Admin>
      admin_;  // the helper's: the worker uses its own meanwhile, which takes one call at a time
  std::vector<kafka::TopicPartition> left_out_;
  int64_t next_look_us_ = 0;
  int looks_ = 0;  // that found the same
  bool done_ = false;
  bool confirmed_ = false;
  Task<kafka::GroupCoverage> answer_;  // goes first: it uses the others
};

}  // namespace kutils::flow
