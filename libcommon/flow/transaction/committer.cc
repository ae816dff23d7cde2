#include "flow/transaction/committer.h"

#include <optional>

namespace kutils::flow {
namespace {

constexpr int64_t kCommitAfterStopUs = 5'000'000;

// The group metadata that offsets may be sent with; throws where the partitions are not ours any more.
kafka::GroupMetadata metadata_of(kafka::GroupConsumer& consumer, const std::string& member) {
  kafka::GroupMetadata group = consumer.group_metadata();
  // The broker would accept these offsets without fencing this process (rule 2), so they are refused here.
  if (!group.usable() || consumer.assignment_lost()) {
    throw kafka::KafkaError(ExitCode::delivery, kafka::Severity::abort, 0,
                            "the group assigned this process's partitions to others");
  }
  // A member that the group has put out, as after a sleep, joins again under another id. librdkafka 2.0.2
  // then still takes what the old one had for its own, and the broker would accept it, though others had it
  // meanwhile (seen: a record came twice). Only a new member that owns nothing is safe.
  if (group.member_id != member) {
    throw kafka::KafkaError(ExitCode::delivery, kafka::Severity::fatal, 0,
                            "this process was suspended, and the group assigned its partitions to others");
  }
  return group;
}

// Positions alone, outside of a transaction.
void commit_positions(const std::vector<kafka::PartitionOffset>& offsets, kafka::GroupConsumer& consumer,
                      const std::string& member) {
  (void)metadata_of(consumer, member);
  consumer.commit(offsets);
}

}  // namespace

void AlternatingTransactions::begin() {
  producers_[current_]->begin();
  open_ = true;
}

void AlternatingTransactions::commit(const std::vector<kafka::PartitionOffset>& offsets,
                                     kafka::GroupConsumer& consumer, const std::string& member) {
  kafka::TransactionalProducer& producer = *producers_[current_];
  producer.flush();
  producer.send_offsets(offsets, metadata_of(consumer, member));
  commit_until_answered(producer, consumer);
  open_ = false;
  current_ ^= 1U;
}

// A commit that was sent and not answered may have been done. librdkafka then takes no other call than the
// same one (every abort returns _CONFLICT, seen). Who gives up must drop the producer: its
// successor's init finds out what became of the transaction (rule 28a).
void AlternatingTransactions::commit_until_answered(kafka::TransactionalProducer& producer,
                                                    kafka::GroupConsumer& consumer) {
  const int64_t until_us = clock_.steady_us() + timeout_.count() * 1000;
  std::optional<int64_t> until_stop_us;
  for (;;) {
    try {
      return producer.commit();
    } catch (const kafka::KafkaError& error) {
      if (error.severity() != kafka::Severity::retriable) throw;
      const int64_t now = clock_.steady_us();
      if (stop_.signal() != 0 && !until_stop_us) until_stop_us = now + kCommitAfterStopUs;
      if (now > until_stop_us.value_or(until_us))
        throw kafka::KafkaError(error.code(), kafka::Severity::fatal, error.kafka_code(), error.what());
    }
    consumer.stay_alive();
  }
}

void AlternatingTransactions::abort() {
  if (!open_) return;
  producers_[current_]->abort();
  open_ = false;
  current_ ^= 1U;
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
