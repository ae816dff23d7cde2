// Reads given partitions from given offsets, without a group: nothing is written to the cluster. One thread
// uses it.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "data/batch.h"
#include "kafka/client_config.h"
#include "kafka/group_consumer.h"
#include "kafka/kafka_error.h"

namespace kutils::kafka {

class PartitionReader {
 public:
  virtual ~PartitionReader() = default;
  virtual void start(const std::vector<PartitionOffset>& from) = 0;
  // No more of this partition; what was fetched of it is not delivered.
  virtual void stop(const TopicPartition& partition) = 0;
  // As GroupConsumer::poll, without a group's events. Throws KafkaError.
  virtual Polled poll(Batch& batch, Millis wait) = 0;
  // The end of the log as the last fetch told it, what an open transaction holds back included; -1: not
  // known.
  virtual int64_t fetched_high(const TopicPartition&) { return -1; }
};

std::unique_ptr<PartitionReader> make_partition_reader(const ClientConfig& config);

}  // namespace kutils::kafka
