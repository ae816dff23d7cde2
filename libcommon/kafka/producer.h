// Producers as the run loop uses them. Interfaces for the same reason as GroupConsumer. All calls from one
// thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/record.h"
#include "kafka/client_config.h"
#include "kafka/group_consumer.h"

namespace kutils::kafka {

// Acknowledged by all in-sync replicas, idempotent. Errors of delivery surface at flush(). A partition that
// gives an offset again was recreated with its topic: KafkaError with ExitCode::usage, as from a look at the
// topic.
class Producer {
 public:
  virtual ~Producer() = default;
  // Copies key, value and headers. Blocks (serving deliveries) while the queue is full. `partition` must be
  // known. Throws KafkaError where the client refuses it.
  virtual void produce(const std::string& topic, int32_t partition, const Output& output) = 0;
  // Until everything produced is acknowledged or failed; or, once the program is asked to end, for some
  // seconds. Throws KafkaError for the first failure, and where something is neither yet.
  virtual void flush() = 0;
  // `look` is called now and then while produce() and flush() wait: a delivery that nobody takes is waited
  // for as long as half a minute. What it throws ends the wait.
  virtual void meanwhile(std::function<void()> look) { (void)look; }
  // The largest offset acknowledged in this topic and partition since it was last asked, or kNoOffset. For
  // the changelog offset that a store has reached; ask after flush().
  virtual int64_t delivered_offset(const std::string& topic, int32_t partition) = 0;
  // Where in this topic the largest offset was acknowledged so far, and which; kNoOffset: nowhere.
  virtual PartitionOffset newest_acknowledged(const std::string& topic) const {
    return {{topic, 0}, kNoOffset, {}};
  }
  // What is not acknowledged yet need not be: the transaction is about to be aborted, or the program to end,
  // because a topic is gone. abort() does not wait for it then.
  virtual void give_up_undelivered() {}
};

// One transactional id. Every call but commit() retries what is retriable itself (the same call again,
// bounded by the transaction timeout, and by some seconds once the program is asked to end) and throws
// KafkaError with severity abort or fatal for the rest.
class TransactionalProducer : public Producer {
 public:
  virtual void init() = 0;  // also aborts what a dead predecessor left open
  virtual void begin() = 0;
  virtual void send_offsets(const std::vector<PartitionOffset>& offsets, const GroupMetadata& group) = 0;
  // One attempt of some seconds. Throws severity retriable where it was not answered: then it may have been
  // done or not, and only commit() may be called again, or the producer be dropped (rule 28a).
  virtual void commit() = 0;
  virtual void abort() = 0;  // flushes first, bounded to 5 s
};

std::unique_ptr<Producer> make_idempotent_producer(const ClientConfig& config);
std::unique_ptr<TransactionalProducer> make_transactional_producer(const ClientConfig& config,
                                                                   const std::string& transactional_id);

}  // namespace kutils::kafka
