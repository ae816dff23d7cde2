// Where a partition that is given to us starts: what its state says, what the group has committed, what -o
// asks for; and what speaks against it (rules 17 and 19).
#pragma once

#include <vector>

#include "flow/membership/begun_partitions.h"
#include "flow/run/worker_context.h"
#include "flow/tasks/partition_state.h"

namespace kutils::flow {

class OffsetResolver {
 public:
  explicit OffsetResolver(const WorkerContext& context) : context_(context) {}

  // The offset of the next record for `state`, of which the group says `commit`. `is_new`: there is neither.
  // Throws Error(usage) where the two do not belong together, or to this job; KafkaError where another process has
  // gone on with the partition since the state was restored: it is to be restored again.
  // `log`: of its partition.
  int64_t with_state(PartitionState& state, const kafka::PartitionOffset& commit, kafka::Watermarks log,
                     bool& is_new);
  // Of partitions that the group has no offset of: where its changelog says that it stood, else what -o asks for. Throws
  // Error(usage) for one without state of which it had an offset in this run.
  std::vector<kafka::PartitionOffset> without(const std::vector<kafka::TopicPartition>& fresh,
                                              const BegunPartitions& begun);
  // Places of inputs at which a mark is missing get one (begin_marks.h).
  void add_marks(const std::vector<kafka::PartitionOffset*>& places);

 private:
  void check_restored_all(PartitionState& state, const kafka::TopicPartition& at);
  void check_same_input(PartitionState& state, const kafka::TopicPartition& at);

  const WorkerContext context_;
};

}  // namespace kutils::flow
