#include "flow/committer.h"

namespace kutils::flow {
namespace {

// The group metadata that offsets may be sent with; throws where the partitions are not ours any more.
kafka::GroupMetadata metadata_of(kafka::GroupConsumer& consumer, const std::string& member) {
  kafka::GroupMetadata group = consumer.group_metadata();
  // Without this check the broker takes the offsets and fences nobody (protocol.md, 2).
  if (!group.usable() || consumer.assignment_lost()) {
    throw kafka::KafkaError(ExitCode::delivery, kafka::Severity::abort, 0,
                            "the group gave our partitions away");
  }
  // A member that the group has put out, as after a sleep, joins again under another id. librdkafka 2.0.2
  // then still takes what the old one had for its own, and the broker would accept it, though others had it
  // meanwhile (seen: a record came twice). Only a new member that owns nothing is safe.
  if (group.member_id != member) {
    throw kafka::KafkaError(ExitCode::delivery, kafka::Severity::fatal, 0,
                            "the group put us out while we were away, and gave our partitions to others");
  }
  return group;
}

}  // namespace

void TransactionCycle::begin() {
  producers_[current_]->begin();
  open_ = true;
}

void TransactionCycle::commit(const std::vector<kafka::PartitionOffset>& offsets,
                              kafka::GroupConsumer& consumer, const std::string& member) {
  kafka::TransactionalProducer& producer = *producers_[current_];
  producer.flush();
  producer.send_offsets(offsets, metadata_of(consumer, member));
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

void commit_positions(const std::vector<kafka::PartitionOffset>& offsets, kafka::GroupConsumer& consumer,
                      const std::string& member) {
  (void)metadata_of(consumer, member);
  consumer.commit(offsets);
}

void PlainCommits::commit(const std::vector<kafka::PartitionOffset>& offsets, kafka::GroupConsumer& consumer,
                          const std::string& member) {
  producer_->flush();
  commit_positions(offsets, consumer, member);
  open_ = false;
}

void LineCommits::commit(const std::vector<kafka::PartitionOffset>& offsets, kafka::GroupConsumer& consumer,
                         const std::string& member) {
  flush_();
  commit_positions(offsets, consumer, member);
  open_ = false;
}

}  // namespace kutils::flow
