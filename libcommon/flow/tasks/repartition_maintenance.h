// What there is to do for an internal topic, apart from its records: where it ends once all before it has
// ended, and the deletion of what was read (rules 20, 24).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/executor.h"
#include "flow/membership/assignment.h"
#include "flow/run/worker_context.h"

namespace kutils::flow {

class RepartitionMaintenance {
 public:
  // Of the topic that the sub-topology with this number reads.
  RepartitionMaintenance(const WorkerContext& context, size_t sub) : context_(context), sub_(sub) {}

  // All before it is read and committed, so that all which it gives stands in the topic: its ends are taken
  // then, for the owned partitions too. True: the group has reached them.
  bool reached_ends(const Assignment& owned, kafka::GroupConsumer& consumer);
  bool has_ends() const { return !ends_.empty(); }
  // nullopt: not known yet.
  std::optional<int64_t> end_of(const kafka::TopicPartition& at) const;

  // What was read and committed is of no use to anybody: deleted beside the worker, now and then, and
  // `at_end` of a run: short runs may be all that there are. What is under way then ends with this object.
  void delete_read(const Assignment& owned, bool at_end = false);

 private:
  bool is_busy() const;
  // Ours alone: an admin takes one call at a time.
  kafka::Admin& admin();

  const WorkerContext context_;
  const size_t sub_;
  std::map<kafka::TopicPartition, int64_t> ends_;
  int64_t last_deletion_us_ = 0;
  std::unique_ptr<kafka::Admin> admin_;
  Task<void> deletion_;
};

}  // namespace kutils::flow
