// The settings in a commit's metadata (fingerprint.h), for those who show them.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "flow/topology/job.h"

namespace kutils::flow {

// In the order in which they were written; the first three are the tool, IN and OUT. nullopt: not written by
// us.
std::optional<std::vector<Setting>> settings_of(std::string_view metadata);

}  // namespace kutils::flow
