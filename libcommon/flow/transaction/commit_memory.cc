#include "flow/transaction/commit_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/fs.h"
#include "flow/membership/slots_directory.h"
#include "flow/transaction/forget_commits.h"

namespace kutils::flow {

CommitMemory::CommitMemory(const std::string& directory)
    : path_(directory.empty() ? "" : directory + "/committed") {
  if (path_.empty()) return;
  std::ifstream file(path_);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string cluster, topic;
    if (!(words >> cluster >> topic)) continue;
    std::set<int32_t>& partitions = known_[{cluster, topic}];
    for (int32_t partition; words >> partition;) partitions.insert(partition);
  }
}

bool CommitMemory::holds(const std::string& cluster, const std::string& topic) const {
  return known_.count({cluster, topic}) > 0;
}

bool CommitMemory::holds(const std::string& cluster, const kafka::TopicPartition& at) const {
  const auto found = known_.find({cluster, at.topic});
  return found != known_.end() && found->second.count(at.partition) > 0;
}

void CommitMemory::add(const std::string& cluster, const std::vector<kafka::PartitionOffset>& committed) {
  if (path_.empty()) return;
  std::map<std::string, std::string> news;  // by topic
  for (const auto& one : committed)
    if (known_[{cluster, one.at.topic}].insert(one.at.partition).second)
      news[one.at.topic] += ' ' + std::to_string(one.at.partition);
  if (news.empty()) return;
  const int file = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return;
  std::string lines;
  for (const auto& [topic, partitions] : news)
    lines.append(cluster).append(" ").append(topic).append(partitions).append("\n");
  // One write, so that lines of several processes do not mix.
  [[maybe_unused]] const ssize_t written = write(file, lines.data(), lines.size());
  close(file);
}

void forget_commits(const std::string& state_dir, const std::string& group, const std::string& cluster,
                    const std::set<std::string>& topics) {
  const std::string path = slots_directory(state_dir, group) + "/committed";
  std::ifstream file(path);
  std::string kept;
  bool any = false;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string of, topic;
    words >> of >> topic;
    const bool is_forgotten = of == cluster && topics.count(topic) > 0;
    any = any || is_forgotten;
    if (!is_forgotten) kept.append(line).append("\n");
  }
  if (any) write_file_atomically(path, kept);
}

}  // namespace kutils::flow
