#include "koffset/group_reset.h"

#include <algorithm>
#include <set>

#include "flow/membership/reset_mark.h"
#include "flow/transaction/forget_commits.h"
#include "state/stored_groups.h"

namespace kutils::koffset {
namespace {

void mark(const GroupAssets& assets, kafka::ClusterAdmin& admin) {
  std::vector<kafka::PartitionOffset> marked;
  for (kafka::PartitionOffset one : assets.offsets) {
    if (assets.is_internal(one.at.topic) || flow::is_reset_mark(one.metadata)) continue;
    one.metadata = flow::with_reset_mark(one.metadata);
    marked.push_back(std::move(one));
  }
  admin.commit(assets.group, marked);
  // A tool that was just starting may have come before the mark.
  GroupAssets now = assets;
  now.description = admin.describe_group(assets.group);
  refuse_running(now);
}

std::string topics_of(const GroupAssets& assets) {
  std::set<std::string> topics;
  for (const auto& one : assets.offsets)
    if (!assets.is_internal(one.at.topic)) topics.insert(one.at.topic);
  std::string text;
  for (const std::string& topic : topics) text += (text.empty() ? "" : ",") + topic;
  return text;
}

}  // namespace

std::vector<ResetStep> reset_steps(const GroupAssets& assets, kafka::ClusterAdmin& admin,
                                   const std::string& state_dir) {
  std::vector<ResetStep> steps;
  steps.push_back({"", "", [&] { mark(assets, admin); }});
  for (const std::string& topic : assets.repartitions)
    steps.push_back({"internal topic", topic, [&admin, topic] { admin.delete_topic(topic); }});
  for (const std::string& name : assets.local)
    steps.push_back({"state on this machine", state::group_directory(state_dir, name),
                     [state_dir, name] { state::delete_stored_group(state_dir, name); }});
  if (assets.changelog)
    steps.push_back({"changelog", *assets.changelog, [&] { admin.delete_topic(*assets.changelog); }});
  steps.push_back({"offsets", topics_of(assets), [&assets, &admin, state_dir] {
                     std::set<std::string> topics;
                     for (const auto& one : assets.offsets) topics.insert(one.at.topic);
                     flow::forget_commits(state_dir, assets.group, assets.cluster, topics);
                     admin.delete_group(assets.group);
                   }});
  return steps;
}

}  // namespace kutils::koffset
