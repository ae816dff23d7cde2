#include "koffset/group_reset.h"

#include <algorithm>
#include <set>

#include "state/stored_groups.h"

namespace kutils::koffset {
namespace {

constexpr std::string_view kMark = "koffset reset\x1f";

void mark(const GroupAssets& assets, kafka::ClusterAdmin& admin) {
  std::vector<kafka::PartitionOffset> marked;
  for (kafka::PartitionOffset one : assets.offsets) {
    if (assets.is_internal(one.at.topic) || is_reset_mark(one.metadata)) continue;
    one.metadata = with_reset_mark(one.metadata);
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

std::string with_reset_mark(std::string_view metadata) {
  // The broker's limit for metadata is 4,096 bytes, and a fingerprint has at most 3,900 (fingerprint.h).
  return std::string(kMark) + std::string(metadata.substr(0, metadata.find('\x01')));
}
bool is_reset_mark(std::string_view metadata) { return metadata.starts_with(kMark); }
std::string_view unmarked(std::string_view metadata) {
  return is_reset_mark(metadata) ? metadata.substr(kMark.size()) : metadata;
}

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
  steps.push_back({"offsets", topics_of(assets), [&] { admin.delete_group(assets.group); }});
  return steps;
}

}  // namespace kutils::koffset
