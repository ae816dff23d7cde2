#include "flow/committer.h"

namespace kutils::flow {

void TransactionCycle::begin() {
  producers_[current_]->begin();
  open_ = true;
}

void TransactionCycle::commit(const std::vector<kafka::PartitionOffset>& offsets,
                              kafka::GroupConsumer& consumer) {
  kafka::TransactionalProducer& producer = *producers_[current_];
  producer.flush();
  const kafka::GroupMetadata group = consumer.group_metadata();
  // Without this check the broker takes the offsets and fences nobody (protocol.md, 2).
  if (!group.usable() || consumer.assignment_lost()) {
    throw kafka::KafkaError(ExitCode::delivery, kafka::Severity::abort, 0,
                            "the group gave our partitions away");
  }
  producer.send_offsets(offsets, group);
  producer.commit();
  open_ = false;
  current_ ^= 1U;
}

void TransactionCycle::abort() {
  if (!open_) return;
  producers_[current_]->abort();
  open_ = false;
  current_ ^= 1U;
}

void PlainCommits::commit(const std::vector<kafka::PartitionOffset>& offsets,
                          kafka::GroupConsumer& consumer) {
  producer_->flush();
  consumer.commit(offsets);
  open_ = false;
}

void LineCommits::commit(const std::vector<kafka::PartitionOffset>& offsets, kafka::GroupConsumer& consumer) {
  flush_();
  consumer.commit(offsets);
  open_ = false;
}

}  // namespace kutils::flow
