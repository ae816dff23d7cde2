// Somebody deletes a group's offsets on purpose: this machine must not take the group for one whose offsets
// were lost (commit_memory.h).
#pragma once

#include <set>
#include <string>

namespace kutils::flow {

// REQUIRES: no process of the group runs. Throws Error(delivery).
void forget_commits(const std::string& state_dir, const std::string& group, const std::string& cluster,
                    const std::set<std::string>& topics);

}  // namespace kutils::flow
