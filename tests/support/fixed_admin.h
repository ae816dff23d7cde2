// An Admin that answers from tables.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kafka/admin.h"

namespace kutils::test {

class FixedAdmin : public kafka::Admin {
 public:
  std::map<kafka::TopicPartition, kafka::Watermarks> marks;
  std::map<kafka::TopicPartition, int64_t> times;
  std::map<std::string, std::map<std::string, std::string>> configs;
  std::vector<kafka::TopicInfo> known;
  bool in_memory = false;
  kafka::GroupCoverage covered{true, {}};

  void connect(Millis) override {}
  bool is_in_memory() override { return in_memory; }
  std::string cluster_id() override { return in_memory ? "mockClusterX" : "fixed"; }
  std::optional<kafka::TopicInfo> find_topic(const std::string& name) override {
    for (const auto& info : known) {
      if (info.name == name) return info;
    }
    return std::nullopt;
  }
  std::vector<kafka::TopicInfo> topics() override { return known; }
  bool create_topic(const kafka::NewTopic& topic) override {
    known.push_back({topic.name, topic.partitions, 1});
    return true;
  }
  std::map<std::string, std::string> topic_config(const std::string& name) override { return configs[name]; }
  kafka::Watermarks watermarks(const kafka::TopicPartition& partition) override { return marks[partition]; }
  std::vector<kafka::PartitionOffset> offsets_for_time(const std::vector<kafka::TopicPartition>& partitions,
                                                       int64_t) override {
    std::vector<kafka::PartitionOffset> out;
    for (const auto& at : partitions) out.push_back({at, times[at], {}});
    return out;
  }
  std::vector<kafka::PartitionOffset> committed(
      const std::string&, const std::vector<kafka::TopicPartition>& partitions) override {
    std::vector<kafka::PartitionOffset> out;
    for (const auto& at : partitions) out.push_back({at, kafka::kOffsetNone, {}});
    return out;
  }
  std::vector<kafka::GroupMember> group_members(const std::string&) override { return {}; }
  kafka::GroupCoverage coverage(const std::string&, const std::vector<kafka::TopicPartition>&) override {
    return covered;
  }
  void delete_records(const std::vector<kafka::PartitionOffset>&) override {}
};

}  // namespace kutils::test
