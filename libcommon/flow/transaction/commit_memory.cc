#include "flow/transaction/commit_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

namespace kutils::flow {

CommitMemory::CommitMemory(const std::string& directory)
    : path_(directory.empty() ? "" : directory + "/committed") {
  if (path_.empty()) return;
  std::ifstream file(path_);
  for (std::string cluster, topic; file >> cluster >> topic;) known_.emplace(cluster, topic);
}

bool CommitMemory::holds(const std::string& cluster, const std::string& topic) const {
  return known_.count({cluster, topic}) > 0;
}

void CommitMemory::add(const std::string& cluster, const std::string& topic) {
  if (path_.empty() || !known_.emplace(cluster, topic).second) return;
  const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return;
  const std::string line = cluster + " " + topic + "\n";
  // One write, so that lines of several processes do not mix.
  [[maybe_unused]] const ssize_t written = write(file, line.data(), line.size());
  close(file);
}

}  // namespace kutils::flow
