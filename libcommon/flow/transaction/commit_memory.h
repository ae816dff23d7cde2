// What this machine knows of a group's commits, apart from the cluster, which forgets them: offsets expire a
// week after the group's last member has left, go with their topic, and may be deleted, also those of one partition.
// Without this a tool without state would take such a group for a new one and process all of its input again.
//
// File: slots/GROUP/committed in the state directory, lines `CLUSTER-ID TOPIC PARTITION...` of what the group has
// committed offsets in; without partitions in lines of earlier versions. One thread uses an object; processes append
// to the same file.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kafka/group_consumer.h"

namespace kutils::flow {

class CommitMemory {
 public:
  // `directory`: of the group's slots; empty: nothing is remembered. Reads the file.
  explicit CommitMemory(const std::string& directory);

  bool holds(const std::string& cluster, const std::string& topic) const;
  bool holds(const std::string& cluster, const kafka::TopicPartition& at) const;
  // Best effort: where the file cannot be written, nothing is remembered.
  void add(const std::string& cluster, const std::vector<kafka::PartitionOffset>& committed);

 private:
  std::string path_;
  std::map<std::pair<std::string, std::string>, std::set<int32_t>> known_;  // by cluster and topic
};

}  // namespace kutils::flow
