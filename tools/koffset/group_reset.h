// A group with state is set back to nothing: its state, the topics that it made for itself, and its offsets.
//
// The order lets it be killed at any moment, and run again. The group's commits are marked first
// (flow/membership/reset_mark.h): from then on its tool refuses to start, and names this tool; a second call knows
// that it has to finish. Then
//   1. internal topics, first what may be gone while the changelog still says that there was a state,
//   2. the state on this machine, which a tool discards by itself where it belongs to no changelog,
//   3. the changelog,
//   4. the group with its offsets, and the mark with them: it is new.
// A group that has no offsets any more cannot be marked: until 3 the changelog makes the tool refuse, or go on as
// if nothing had happened.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "koffset/group_assets.h"

namespace kutils::koffset {

struct ResetStep {
  std::string what;  // "internal topic", "state on this machine", "changelog", "offsets"
  std::string name;  // of the topic, the directory, the topics of the offsets
  std::function<void()> run;
};

// In order. `assets`, `admin` must outlive them. The first one marks the group; it is no step that a plan shows (its `what`
// is empty).
std::vector<ResetStep> reset_steps(const GroupAssets& assets, kafka::ClusterAdmin& admin,
                                   const std::string& state_dir);

}  // namespace kutils::koffset
