// A fake PartitionReader: where each partition is read. What is read there is the test's own.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "kafka/partition_reader.h"

namespace kutils::testing {

class PositionsReader : public kafka::PartitionReader {
 public:
  void start(const std::vector<kafka::PartitionOffset>& from) override {
    for (const auto& one : from) positions_[one.at] = one.offset;
  }
  void stop(const kafka::TopicPartition& at) override { positions_.erase(at); }

 protected:
  std::map<kafka::TopicPartition, int64_t> positions_;
};

}  // namespace kutils::testing
