#include "koffset/group_assets.h"

#include <algorithm>
#include <filesystem>

#include "flow/membership/fingerprint_settings.h"
#include "flow/membership/reset_mark.h"
#include "flow/tasks/changelog.h"
#include "io/endpoint.h"
#include "state/layout.h"

namespace kutils::koffset {
namespace {

// A topic of the user's may have the name of a changelog, but it is not compacted only.
bool is_compacted(kafka::ClusterAdmin& admin, const std::string& topic) {
  const auto all = admin.settings({topic});
  const auto found = all.find(topic);
  if (found == all.end()) return true;  // may not be read
  const auto policy = found->second.find("cleanup.policy");
  return policy == found->second.end() || policy->second.value == "compact";
}

// GROUP, or GROUP@CLUSTER where another cluster's group of that name has state here (state/layout.h).
std::vector<std::string> local_state(const std::string& state_dir, const std::string& group,
                                     const std::string& cluster) {
  std::vector<std::string> names;
  for (const std::string& name : {group, group + "@" + cluster}) {
    if (!std::filesystem::exists(state::group_directory(state_dir, name))) continue;
    const std::string owner = state::owner_of(state_dir, name).cluster;
    if (owner.empty() || owner == cluster) names.push_back(name);
  }
  return names;
}

}  // namespace

bool GroupAssets::is_internal(const std::string& topic) const {
  const std::string first = flow::internal_topic_name(group, 1);
  if (topic == flow::changelog_name(group) || topic == first) return true;
  // Those of a pipe: GROUP-repartition-2, ...
  return topic.size() > first.size() + 1 && topic.starts_with(first + "-") &&
         topic.find_first_not_of("0123456789", first.size() + 1) == topic.npos;
}

GroupAssets assets_of(kafka::ClusterAdmin& admin, const std::string& state_dir, const std::string& group) {
  GroupAssets assets;
  assets.group = group;
  assets.cluster = admin.cluster_id();
  assets.description = admin.describe_group(group);
  assets.offsets = admin.all_committed(group);
  for (const auto& one : assets.offsets) {
    assets.reset_began = assets.reset_began || flow::is_reset_mark(one.metadata);
    if (!assets.settings.empty()) continue;
    if (auto settings = flow::settings_of(flow::without_reset_mark(one.metadata)))
      assets.settings = std::move(*settings);
  }
  assets.local = local_state(state_dir, group, assets.cluster);
  // A stateless group may have a name that no topic can have.
  if (const std::string name = flow::changelog_name(group);
      io::is_topic_name(name) && admin.find_topic(name) && is_compacted(admin, name))
    assets.changelog = name;
  for (const kafka::TopicInfo& topic : admin.topics()) {
    if (!assets.is_internal(topic.name) || topic.name == flow::changelog_name(group)) continue;
    // Of a topic that only has the name the group has read nothing, and it has no state.
    const bool reads = std::any_of(assets.offsets.begin(), assets.offsets.end(),
                                   [&](const auto& one) { return one.at.topic == topic.name; });
    if (assets.changelog || assets.reset_began || reads) assets.repartitions.push_back(topic.name);
  }
  std::sort(assets.repartitions.begin(), assets.repartitions.end());
  return assets;
}

void refuse_running(const GroupAssets& assets) {
  const auto& members = assets.description.members;
  if (members.empty()) return;
  const kafka::MemberDescription& first = members.front();
  std::string who = first.instance_id.empty() ? first.client_id : first.instance_id;
  who += " at " + (first.host.starts_with("/") ? first.host.substr(1) : first.host);
  if (members.size() > 1) who += " and " + std::to_string(members.size() - 1) + " more";
  throw usage_error("group '" + assets.group + "' is running: " + who,
                    "stop it first. A process that was killed is a member until its session time-out (30 s)");
}

}  // namespace kutils::koffset
