// What operating the cluster needs beyond Admin: settings, partitions and deletion of topics, and groups from
// outside. For tools that are run by hand or by a script; tools that process records need Admin only.
//
// As Admin: every call has a time limit and throws KafkaError. None of them works on the in-memory broker.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kafka/admin.h"

namespace kutils::kafka {

struct TopicSetting {
  std::string value;
  bool is_own = false;  // set for this topic; else the brokers' default
};
using TopicSettings = std::map<std::string, TopicSetting>;

struct PartitionPlaces {
  int32_t leader = -1;  // broker's number; -1: none
  std::vector<int32_t> replicas;
  std::vector<int32_t> in_sync;
};

struct GroupListing {
  std::string name;
  std::string state;  // "Stable", "Empty", ...
};

struct MemberDescription {
  std::string client_id;
  std::string instance_id;  // empty: dynamic
  std::string host;
  std::vector<TopicPartition> partitions;
};

struct GroupDescription {
  std::string state;  // "Dead": there is no such group
  std::vector<MemberDescription> members;
};

class ClusterAdmin : public Admin {
 public:
  // Of topics that exist; by name. A topic whose settings may not be read is left out.
  virtual std::map<std::string, TopicSettings> settings(const std::vector<std::string>& topics) = 0;
  // By partition number. Throws Error(usage) where the topic does not exist.
  virtual std::vector<PartitionPlaces> places(const std::string& topic) = 0;
  // As watermarks(), of many at once. A partition that nobody leads is left out.
  virtual std::map<TopicPartition, Watermarks> all_watermarks(
      const std::vector<TopicPartition>& partitions) = 0;

  // Returns when the brokers have forgotten the topic. False: there was none.
  virtual bool delete_topic(const std::string& topic) = 0;
  // `count`: of all partitions then. Returns when they can be seen.
  virtual void grow_topic(const std::string& topic, int32_t count) = 0;
  // Sets the values of `set` and returns those of `unset` to the brokers' default. The protocol of librdkafka
  // before 2.2 replaces all settings, so that a change by somebody else at the same moment may be lost.
  virtual void alter_topic(const std::string& topic, const std::map<std::string, std::string>& set,
                           const std::vector<std::string>& unset) = 0;

  virtual std::vector<GroupListing> groups() = 0;
  virtual GroupDescription describe_group(const std::string& group) = 0;
  // All that the group has committed, by topic and number. `stable`: after what open transactions will commit
  // (rule 4), which may take as long as a dead member's transaction does; else as it is now.
  virtual std::vector<PartitionOffset> all_committed(const std::string& group, bool stable = true) = 0;
  // Without joining. The brokers refuse it while the group has members. Metadata is written as it is given.
  virtual void commit(const std::string& group, const std::vector<PartitionOffset>& offsets) = 0;
  // With all its offsets. False: there is no such group. The brokers refuse it while the group has members.
  virtual bool delete_group(const std::string& group) = 0;
  // The group's offsets of these partitions.
  virtual void delete_offsets(const std::string& group, const std::vector<TopicPartition>& partitions) = 0;
};

std::unique_ptr<ClusterAdmin> make_cluster_admin(const ClientConfig& config);

}  // namespace kutils::kafka
