// Whether the group still has work for a member that has reached its own ends: with -e each instance waits for
// all of them (rule 24), and --close-at-end also for partitions that a killed process still holds.
//
// Asks the group and its members on the caller's thread; keeps nothing of the answers. Times in steady
// microseconds. One thread; references outlive it.
#pragma once

#include <cstdint>

#include "flow/membership/instance_slot.h"
#include "flow/run/worker_context.h"
#include "kafka/group_consumer.h"

namespace kutils::flow {

class GroupEnds {
 public:
  GroupEnds(const WorkerContext& context, const InstanceSlot& slot) : context_(context), slot_(slot) {}

  // The group has committed all ends of the inputs that this sub-topology reads, and knows what it is for. Throws
  // KafkaError where it does not answer.
  bool reached(size_t sub, kafka::GroupConsumer& consumer) const;

  // --close-at-end, and where records wait for the clock: the windows of a partition that a killed process
  // still holds would stay open, and what is due there would not go out. The group drops that process after
  // its session time-out and gives its partitions to us. Live processes of this machine do the same for their
  // own partitions. Whether processes of other machines live cannot be told, so they are waited for as long as
  // killed ones. `held`: how many of `all` partitions are ours; `waited_us`: since this worker began. Says once what
  // is waited for, and at the end what is left to others.
  bool waits_for_partitions(int32_t held, int32_t all, int64_t waited_us);

 private:
  // Whether all other members of the group are processes of this machine that run, as far as its slots tell.
  // False if there is none: then the group is about to give us the rest.
  bool live_siblings_have_the_rest() const;

  const WorkerContext context_;
  const InstanceSlot& slot_;
  bool is_told_ = false;
};

}  // namespace kutils::flow
