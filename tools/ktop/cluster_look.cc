#include "ktop/cluster_look.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "flow/membership/fingerprint_settings.h"
#include "flow/membership/reset_mark.h"
#include "kafka/kafka_error.h"
#include "serve/announcement.h"

namespace kutils::ktop {
namespace {

constexpr Millis kConnectLimit{5'000};

// Which of our tools committed this; empty: none.
std::string tool_of(const std::vector<kafka::PartitionOffset>& offsets) {
  for (const auto& one : offsets)
    if (const auto settings = flow::settings_of(flow::without_reset_mark(one.metadata));
        settings && !settings->empty())
      return settings->front().value;
  return {};
}

}  // namespace

ClusterLook::ClusterLook(const kafka::ClientConfig& client, std::vector<serve::HttpAddress> tools,
                         std::string token, std::string state_dir)
    : client_(client),
      addresses_(std::move(tools)),
      token_(std::move(token)),
      state_dir_(std::move(state_dir)),
      admin_(kafka::make_cluster_admin(client)) {}

void ClusterLook::connect() {
  admin_->connect(kConnectLimit);
  admin_->try_once();  // what fails is asked again by the next look
}

Look ClusterLook::look(const Focus& focus, const std::atomic<bool>& ends) {
  Look now;
  now.topics = admin_->topics();
  std::sort(now.topics.begin(), now.topics.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  std::vector<TopicPartition> all;
  for (const kafka::TopicInfo& topic : now.topics)
    for (int32_t partition = 0; partition < topic.partitions; ++partition)
      all.push_back({topic.name, partition});
  now.ends = admin_->all_watermarks(all);
  const SystemClock clock;
  now.wall_ms = clock.wall_ms();
  now.steady_us = clock.steady_us();  // the ends are as of now
  look_at_groups(now, ends);
  look_at_tools(now, ends);
  if (!ends) look_closer(now, focus);
  return now;
}

void ClusterLook::look_at_groups(Look& now, const std::atomic<bool>& ends) {
  if (admin_->is_in_memory()) {
    now.notes.emplace_back("the in-memory broker does not list groups");
    return;
  }
  try {
    for (const kafka::GroupListing& listed : admin_->groups()) {
      if (ends) return;
      GroupLook& group = now.groups.emplace_back();
      group.name = listed.name;
      group.state = listed.state;
      try {
        if (listed.state != "Empty" && listed.state != "Dead") {
          kafka::GroupDescription described = admin_->describe_group(listed.name);
          group.state = std::move(described.state);
          group.members = std::move(described.members);
        }
        group.offsets = admin_->all_committed(listed.name);
        group.tool = tool_of(group.offsets);
      } catch (const kafka::KafkaError& error) {
        if (!error.is_not_authorized()) throw;
        group.state = "not permitted";
      }
    }
  } catch (const kafka::KafkaError& error) {
    if (!error.is_not_authorized()) throw;
    now.notes.emplace_back("the groups may not be listed");
  }
}

void ClusterLook::look_at_tools(Look& now, const std::atomic<bool>& ends) {
  std::vector<serve::HttpAddress> all = addresses_;
  for (const serve::HttpAddress& found : serve::announced(state_dir_)) {
    const auto same = [&](const auto& one) { return serve::to_string(one) == serve::to_string(found); };
    if (std::none_of(all.begin(), all.end(), same)) all.push_back(found);
  }
  for (const serve::HttpAddress& address : all) {
    if (ends) return;
    now.tools.push_back(ask_tool(address, token_));
  }
}

void ClusterLook::look_closer(Look& now, const Focus& focus) {
  if (focus.opened.empty()) return;
  try {
    if (focus.view == View::topics) now.places = admin_->places(focus.opened);
    if (focus.view != View::groups) return;
    std::set<std::string> topics;
    for (const GroupLook& group : now.groups)
      if (group.name == focus.opened)
        for (const auto& one : group.offsets)
          if (now.ends.count(one.at) > 0) topics.insert(one.at.topic);
    if (topics.empty()) return;
    if (!lag_ || lag_of_ != focus.opened || lag_topics_ != topics) {
      lag_ = std::make_unique<klag::GroupLag>(client_, focus.opened,
                                              std::vector<std::string>(topics.begin(), topics.end()));
      lag_of_ = focus.opened;
      lag_topics_ = topics;
    }
    now.lag = lag_->look(now.wall_ms);
  } catch (const Error& error) {
    now.notes.emplace_back(error.what());
  }
}

}  // namespace kutils::ktop
