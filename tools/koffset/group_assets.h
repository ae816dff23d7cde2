// What belongs to a group, on the cluster and on this machine.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/topology/job.h"
#include "kafka/cluster_admin.h"

namespace kutils::koffset {

struct GroupAssets {
  std::string group;
  std::string cluster;  // its id
  kafka::GroupDescription description;
  std::vector<kafka::PartitionOffset> offsets;  // all that it has committed
  // What its tool was started with: tool, IN, OUT and the rest; empty: no tool of ours committed.
  std::vector<flow::Setting> settings;
  std::vector<std::string> repartitions;  // its internal topics that are there, in order
  std::optional<std::string> changelog;   // if it is there
  std::vector<std::string> local;         // names of its directories of state on this machine
  bool reset_began = false;               // and was not finished (group_reset.h)
  bool is_known() const { return description.state != "Dead" || !offsets.empty() || has_state(); }
  bool has_state() const { return changelog || !repartitions.empty() || !local.empty() || reset_began; }
  bool is_internal(const std::string& topic) const;
  std::string tool() const { return settings.empty() ? std::string() : settings.front().value; }
};

GroupAssets assets_of(kafka::ClusterAdmin& admin, const std::string& state_dir, const std::string& group);

// Throws Error(usage) where the group has members: its offsets are theirs.
void refuse_running(const GroupAssets& assets);

}  // namespace kutils::koffset
