// What there is to do for the internal topic of --by, apart from its records: where it ends once IN has
// ended, which partitions of IN are silent, and the deletion of what was read (protocol.md, 20, 24, 26, 28).
#pragma once

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "flow/assignment.h"
#include "flow/worker_context.h"

namespace kutils::flow {

class RepartitionUpkeep {
 public:
  explicit RepartitionUpkeep(const WorkerContext& context) : context_(context) {}

  // All of IN is read and committed, so that all which it gives stands in the topic: its ends are taken then,
  // for the owned partitions too. True: the group has reached them.
  bool reached_ends(const Assignment& owned, kafka::GroupConsumer& consumer);
  bool has_ends() const { return !ends_.empty(); }
  // nullopt: not known yet.
  std::optional<int64_t> end_of(const kafka::TopicPartition& at) const;

  // Partitions of IN, wherever they are read, whose end the group has committed, and for how many ms that has
  // been so. The broker is asked beside the worker, which an outage must not stop: what an answer said is
  // given once, when it is there.
  std::vector<std::pair<int32_t, int64_t>> silent_sources();

  // What was read and committed is of no use to anybody: deleted beside the worker, now and then, and
  // `at_end` of a run: short runs may be all that there are. What is under way then ends with this object.
  void delete_read(const Assignment& owned, bool at_end = false);

 private:
  using Reached = std::vector<std::pair<int32_t, bool>>;  // partition of IN: the group has committed its end
  struct Answer {
    int64_t asked_us = 0;
    Reached reached;  // empty: there was no answer
  };
  static Reached ask(kafka::Admin& admin, const WorkerPlan& plan, int32_t sources);
  int32_t count_sources(kafka::Admin& admin, int64_t now_us);
  bool is_busy() const;
  // Ours alone: an admin takes one call at a time.
  kafka::Admin& admin();

  const WorkerContext context_;
  std::map<kafka::TopicPartition, int64_t> ends_;
  std::map<int32_t, int64_t> silent_since_us_;
  int64_t last_deletion_us_ = 0;
  int32_t sources_ = 0;  // partitions of IN: it may get more, also ones that others read
  int64_t counted_us_ = 0;
  std::unique_ptr<kafka::Admin> admin_;
  std::future<Answer> answer_;
  std::future<void> deletion_;
};

}  // namespace kutils::flow
