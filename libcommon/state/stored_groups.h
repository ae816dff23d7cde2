// The state that lies on this machine, as its owner sees it: of which groups, how large, how old, in use by
// whom. And its deletion.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "state/layout.h"

namespace kutils::state {

struct StoredPartitionInfo {
  int32_t number = 0;
  int64_t bytes = 0;    // of all files, also those of directories that were replaced
  int64_t used_ms = 0;  // when the newest file was last written, ms since the epoch
  Mark::Kind mark = Mark::Kind::none;
  int holder = 0;  // the pid of the process that works on it; -1: not known which; 0: none
};

struct StoredGroupInfo {
  std::string name;  // of its directory, unescaped: GROUP, or GROUP@CLUSTER
  StateOwner owner;
  std::vector<StoredPartitionInfo> partitions;  // in order
  int64_t bytes() const;
  int64_t used_ms() const;
};

// In order of names. Reads directories only. A directory without partitions of state is left out.
std::vector<StoredGroupInfo> list_stored_groups(const std::string& state_dir);

// Deletes the group's directory. Where a process holds a partition nothing is deleted: throws Error(usage).
// Killed at any moment it leaves partitions whole, or marked as incomplete, or gone: the tool restores them from
// the changelog, and a second call deletes the rest. Throws Error(delivery). False: there is none.
bool delete_stored_group(const std::string& state_dir, const std::string& name);

}  // namespace kutils::state
