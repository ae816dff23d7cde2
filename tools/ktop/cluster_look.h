// What ktop knows of the cluster: one look after the other, each of which asks the brokers, and the tools
// that serve --http. Rates are the differences of two looks (tables.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kafka/client_config.h"
#include "kafka/cluster_admin.h"
#include "klag/group_lag.h"
#include "ktop/running_tool.h"
#include "serve/http.h"

namespace kutils::ktop {

enum class View { groups, topics, tools };

// A list, or what one of its rows is made of.
struct Focus {
  View view = View::groups;
  std::string opened = {};  // a group, a topic, or the address of a tool; empty: the list
  friend bool operator==(const Focus&, const Focus&) = default;
};

struct GroupLook {
  std::string name;
  std::string state;
  std::string tool;  // of ours, by what it committed; empty: another program
  std::vector<kafka::MemberDescription> members;
  std::vector<kafka::PartitionOffset> offsets;
};

struct Look {
  int64_t wall_ms = 0;
  int64_t steady_us = 0;
  std::vector<kafka::TopicInfo> topics;  // by name
  std::map<TopicPartition, kafka::Watermarks> ends;
  std::vector<GroupLook> groups;  // by name
  std::vector<RunningTool> tools;
  // Of what is opened only.
  std::vector<kafka::PartitionPlaces> places;  // of the topic
  std::optional<klag::Lag> lag;                // of the group
  // What could not be asked, and why: the rest is there.
  std::vector<std::string> notes;
};

class ClusterLook {
 public:
  // `tools`: addresses to ask beside those of this machine, which are found in `state_dir`.
  ClusterLook(const kafka::ClientConfig& client, std::vector<serve::HttpAddress> tools, std::string token,
              std::string state_dir);
  // Reaches a broker, or throws ExitCode::connection.
  void connect();
  // Ends early, with part of it, when `ends` becomes true. Throws Error where the brokers do not answer. Used
  // by one thread at a time.
  Look look(const Focus& focus, const std::atomic<bool>& ends);

 private:
  void look_at_groups(Look& now, const std::atomic<bool>& ends);
  void look_at_tools(Look& now, const std::atomic<bool>& ends);
  void look_closer(Look& now, const Focus& focus);

  const kafka::ClientConfig client_;
  const std::vector<serve::HttpAddress> addresses_;
  const std::string token_;
  const std::string state_dir_;
  const std::unique_ptr<kafka::ClusterAdmin> admin_;
  std::string lag_of_;  // whose lag_ it is
  std::set<std::string> lag_topics_;
  std::unique_ptr<klag::GroupLag> lag_;
};

}  // namespace kutils::ktop
