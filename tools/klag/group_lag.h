// How far a group is behind: the records of its topics between the committed offsets and the ends.
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
  int64_t records = 0;  // offsets from `committed` to `end`; 0 if none of them is a record
  int64_t age_ms = 0;   // age of the first record that waits, by its time; 0: none waits
};

struct Lag {
  std::vector<PartitionLag> partitions;  // by topic and number
  int64_t records = 0;                   // of all
  int64_t age_ms = 0;                    // the largest
};

// The names of the cluster's groups; none where the brokers do not say.
std::vector<std::string> group_names(const kafka::ClientConfig& client);

// Asks the brokers at each call, and does not join the group. Used by one thread.
class GroupLag {
 public:
  // `topics`: the topics to look at; empty: all topics for which the group has committed offsets.
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
