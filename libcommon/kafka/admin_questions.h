// What is asked of the cluster: the calls of Admin and ClusterAdmin that change nothing. Internal to kafka/. What is
// ordered stands in librdkafka_admin.cc.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kafka/admin_calls.h"
#include "kafka/cluster_admin.h"

namespace kutils::kafka {

using ConfigResourceHandle =
    std::unique_ptr<rd_kafka_ConfigResource_t, Destroy<rd_kafka_ConfigResource_destroy>>;

class AdminQuestions : public ClusterAdmin, protected AdminCalls {
 public:
  explicit AdminQuestions(const ClientConfig& config) : AdminCalls(config) {}

  void connect(Millis limit) final { reach_a_broker(limit); }
  void try_once() final { ask_once(); }
  bool is_in_memory() final;
  std::string cluster_id() final;
  std::optional<TopicInfo> find_topic(const std::string& name) final;
  std::vector<TopicInfo> topics() final;
  std::map<std::string, std::string> topic_config(const std::string& name) final;
  Watermarks watermarks(const TopicPartition& partition) final;
  std::vector<PartitionOffset> offsets_for_time(const std::vector<TopicPartition>& partitions,
                                                int64_t ms) final;
  std::vector<PartitionOffset> committed(const std::string& group,
                                         const std::vector<TopicPartition>& partitions) final;
  std::vector<GroupMember> group_members(const std::string& group) final;
  GroupCoverage coverage(const std::string& group, const std::vector<TopicPartition>& all) final;
  std::map<std::string, TopicSettings> settings(const std::vector<std::string>& topics) final;
  std::vector<PartitionPlaces> places(const std::string& topic) final;
  std::map<TopicPartition, Watermarks> all_watermarks(const std::vector<TopicPartition>& partitions) final;
  std::vector<GroupListing> groups() final;
  GroupDescription describe_group(const std::string& group) final;
  std::vector<PartitionOffset> all_committed(const std::string& group, bool stable) final;

 protected:
  std::optional<TopicInfo> look_up(Client& client, const std::string& name, bool by_name);
  // Of each topic, or why they cannot be read: `failed` may throw.
  std::map<std::string, TopicSettings> describe_configs(const std::vector<std::string>& names,
                                                        const std::string& what,
                                                        const std::function<void(const KafkaError&)>& failed);

 private:
  struct Description {
    EventHandle event;                                           // owns it
    const rd_kafka_ConsumerGroupDescription_t* group = nullptr;  // null: there are no groups
  };
  std::map<std::string, std::string> describe_config(const std::string& name);
  rd_kafka_resp_err_t describe(const std::string& group, Description& out);
  rd_kafka_resp_err_t describe_at(int32_t broker, const std::string& group, Description& out);
  rd_kafka_resp_err_t query(const TopicPartition& partition, int64_t which, int64_t& offset);
  rd_kafka_resp_err_t query(const std::vector<TopicPartition>& partitions, int64_t which,
                            std::map<TopicPartition, int64_t>& offsets);
  rd_kafka_resp_err_t learn(const TopicPartition& partition, rd_kafka_resp_err_t code,
                            SteadyClock::time_point known_by);
  rd_kafka_resp_err_t ask_committed(Client& member, rd_kafka_topic_partition_list_t* list);
  bool are_held(const std::string& group, const std::vector<TopicPartition>& partitions);

  std::set<std::string> noted_;  // topics whose settings may not be read
  std::string cluster_id_;
};

// The first error of a group's answer: of the group, or of one of its partitions.
rd_kafka_resp_err_t first_error(const rd_kafka_group_result_t* const* results, size_t count);

}  // namespace kutils::kafka
