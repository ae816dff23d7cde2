#include "flow/transaction/commit_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "base/fs.h"
#include "flow/membership/slots_directory.h"
#include "flow/transaction/forget_commits.h"

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

void forget_commits(const std::string& state_dir, const std::string& group, const std::string& cluster,
                    const std::set<std::string>& topics) {
  const std::string path = slots_directory(state_dir, group) + "/committed";
  std::ifstream file(path);
  std::string kept;
  bool any = false;
  for (std::string of, topic; file >> of >> topic;) {
    const bool is_forgotten = of == cluster && topics.count(topic) > 0;
    any = any || is_forgotten;
    if (!is_forgotten) kept.append(of).append(" ").append(topic).append("\n");
  }
  if (any) write_file_atomically(path, kept);
}

}  // namespace kutils::flow
