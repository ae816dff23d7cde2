// The internal topics between this run's sub-topologies, as who writes and reads them sees them: the marks that
// go into each with a commit (source_marks.h), its end, and the deletion of what was read
// (repartition_maintenance.h). Without one, all of this is nothing.
//
// They are numbered by the sub-topology that reads them, from 1. One thread; references outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "flow/membership/assignment.h"
#include "flow/run/worker_context.h"
#include "flow/tasks/repartition_maintenance.h"
#include "flow/tasks/source_marks.h"
#include "flow/transaction/transactional_outputs.h"

namespace kutils::flow {

class InternalTopics {
 public:
  // What `outputs` writes to them is told to the marks from now on.
  InternalTopics(const WorkerContext& context, const Assignment& owned, TransactionalOutputs& outputs);
  InternalTopics(const InternalTopics&) = delete;

  // --- marks, of what is behind windows
  // Records of a partition were read, up to now.
  void read(const OwnedPartition& partition, int64_t now_us) {
    if (has_marks(partition.sub) && !context_.plan.subs[partition.sub].keeps_sources)
      topics_[partition.sub].marks->read(number_of(partition), now_us);
  }
  // These of an internal topic were processed. Where what they become tells the sources of these apart, each is one of
  // its source, and the news that a source passes nothing on goes on to what is behind.
  void processed(const OwnedPartition& partition, std::span<const Record> records, int64_t now_us);
  // The partition is read by somebody else from here on.
  void forget(const OwnedPartition& partition);
  // There are marks to write in a transaction opened for them.
  bool marks_due(int64_t now_us) const;
  // Also those that could wait.
  bool any_untold() const;
  // Those of the transaction that is about to commit. `last`, or where all that is read stands at its end: nothing
  // is kept back, for what comes after has forgotten it.
  void write_marks(bool last);
  void committed();
  void aborted();

  // --- ends
  // nullopt: not known yet.
  std::optional<int64_t> end_of(size_t sub, const kafka::TopicPartition& at) const {
    return topics_[sub - 1].maintenance.end_of(at);
  }
  bool has_ends(size_t sub) const { return topics_[sub - 1].maintenance.has_ends(); }
  // REQUIRES: all that this topic is made from is read and committed. The group has reached its ends, which are
  // taken at the first call. Throws KafkaError.
  bool reached_ends(size_t sub, kafka::GroupConsumer& consumer) {
    return topics_[sub - 1].maintenance.reached_ends(owned_, consumer);
  }

  // Now and then, and `at_end` of a run: see RepartitionMaintenance.
  void delete_read(bool at_end = false);

 private:
  bool has_marks(size_t sub) const { return sub < topics_.size() && topics_[sub].marks; }
  struct Topic {
    RepartitionMaintenance maintenance;
    std::optional<SourceMarks> marks;
  };
  int32_t number_of(const OwnedPartition& partition) const {
    return context_.plan.in_topics.empty()
               ? partition.at.partition
               : context_.plan.source_number(partition.at.topic, partition.at.partition);
  }
  const WorkerContext context_;
  const Assignment& owned_;
  TransactionalOutputs& outputs_;
  std::vector<Topic> topics_;  // by the sub-topology that writes them: all but the last
};

}  // namespace kutils::flow
