// What this machine knows of a group's commits, apart from the cluster, which forgets them: offsets expire a
// week after the group's last member has left, and go with their topic. Without this a tool without state
// would take such a group for a new one and process all of its input again.
//
// File: slots/GROUP/committed in the state directory, a line `CLUSTER-ID TOPIC` for each topic that the group
// has committed offsets in. One thread uses an object; processes append to the same file.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace kutils::flow {

class CommitMemory {
 public:
  // `directory`: of the group's slots; empty: nothing is remembered. Reads the file.
  explicit CommitMemory(const std::string& directory);

  bool holds(const std::string& cluster, const std::string& topic) const;
  // Best effort: where the file cannot be written, nothing is remembered.
  void add(const std::string& cluster, const std::string& topic);

 private:
  std::string path_;
  std::set<std::pair<std::string, std::string>> known_;
};

}  // namespace kutils::flow
