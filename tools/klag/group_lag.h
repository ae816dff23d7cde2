// How far a group is behind: what of its topics lies between the committed offsets and the ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/topic_partition.h"
#include "kafka/admin.h"
#include "kafka/client_config.h"

namespace kutils::klag {

struct PartitionLag {
  TopicPartition at;
  std::optional<int64_t> committed;
  int64_t end = 0;      // the high watermark
  int64_t records = 0;  // offsets that wait; 0 where none of them is a record
  int64_t age_ms = 0;   // how long ago the first record that waits was written, by its time; 0: none waits
};

struct Lag {
  std::vector<PartitionLag> partitions;  // by topic and number
  int64_t records = 0;                   // of all
  int64_t age_ms = 0;                    // the largest
};

// Asks as often as wanted, and joins no group. One thread.
class GroupLag {
 public:
  // `topics`: those to look at; empty: all of which the group has committed something.
  GroupLag(const kafka::ClientConfig& client, std::string group, std::vector<std::string> topics);
  // A partition without a commit counts from its beginning. nullopt: the group has committed nothing (of
  // these). Throws KafkaError, and Error(usage) for a topic that does not exist.
  std::optional<Lag> look(int64_t now_ms);

 private:
  std::vector<TopicPartition> partitions();

  kafka::ClientConfig reading_;
  const std::string group_;
  const std::vector<std::string> topics_;
  const std::unique_ptr<kafka::Admin> admin_;
};

}  // namespace kutils::klag
