// Questions and orders to the cluster that belong to no group: topics, their settings, ends, committed
// offsets. Every call has a time limit and throws KafkaError (ExitCode::connection where nobody answers or
// lets us in).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kafka/client_config.h"
#include "kafka/group_consumer.h"

namespace kutils::kafka {

struct TopicInfo {
  std::string name;
  int32_t partitions = 0;
  int16_t replication = 0;
};

struct NewTopic {
  std::string name;
  int32_t partitions = 1;
  int16_t replication = -1;  // the broker's default
  std::map<std::string, std::string> config;
};

struct GroupMember {
  std::string instance_id;  // group.instance.id; empty: dynamic
  std::string member_id;    // made by the broker for each join; a static member that returns gets a new one
};

struct GroupCoverage {
  bool settled = false;  // no rebalance goes on; else nothing is known
  std::vector<TopicPartition> left_out;
};

class Admin {
 public:
  virtual ~Admin() = default;
  // Reaches a broker within `limit`, or throws ExitCode::connection saying which addresses were tried and why
  // they failed (refused, name not found, authentication, TLS).
  virtual void connect(Millis limit) = 0;
  // From now on calls are tried once, for some two seconds: for who asks beside his work and will ask again.
  // Otherwise what can be tried again is, for half a minute.
  virtual void try_once() {}
  virtual bool is_in_memory() = 0;  // cluster id begins with "mockCluster" (rule 29)
  virtual std::string cluster_id() = 0;
  virtual std::optional<TopicInfo> find_topic(const std::string& name) = 0;  // never creates it
  virtual std::vector<TopicInfo> topics() = 0;
  virtual bool create_topic(const NewTopic& topic) = 0;  // false: somebody else was quicker
  virtual std::map<std::string, std::string> topic_config(const std::string& name) = 0;
  // High watermarks through a read_uncommitted handle (rule 23).
  virtual Watermarks watermarks(const TopicPartition& partition) = 0;
  virtual std::vector<PartitionOffset> offsets_for_time(const std::vector<TopicPartition>& partitions,
                                                        int64_t ms) = 0;
  virtual std::vector<PartitionOffset> committed(const std::string& group,
                                                 const std::vector<TopicPartition>& partitions) = 0;
  // Who is in the group now; empty where the broker cannot say.
  virtual std::vector<GroupMember> group_members(const std::string& group) = 0;
  // Whether a group is settled, and what of `all` it has then given to nobody. One question, answered within
  // some seconds. The in-memory broker cannot say: settled, nothing left out.
  virtual GroupCoverage coverage(const std::string&, const std::vector<TopicPartition>&) {
    return {true, {}};
  }
  virtual void delete_records(const std::vector<PartitionOffset>& before) = 0;
};

std::unique_ptr<Admin> make_admin(const ClientConfig& config);

}  // namespace kutils::kafka
