// The state of a stopped tool on this machine, found by its output topic or its group.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/query/table_query.h"
#include "state/stored_partition.h"

namespace kutils::kquery {

class StoredTable {
 public:
  // `table` is the topic that the tool writes, or the group's name. Throws Error(usage): no such state,
  // several, in use, of another version; state::CorruptState.
  static std::unique_ptr<StoredTable> find(const std::string& state_dir, const std::string& table,
                                           const std::optional<std::string>& group);

  const flow::StateDescription& description() const { return description_; }
  // One line for people: which group, as of when.
  std::string origin() const;
  // False: `take` ended it.
  bool run(flow::TableQuery& query, int64_t now_ms, const flow::TableQuery::TakeRow& take);

 private:
  // Throws Error(usage) if rows of it are missing here.
  void refuse_incomplete() const;
  // Nothing was committed: no description.
  bool open(const std::string& state_dir, const std::string& group);

  state::StateEnvironment environment_;
  std::string group_;
  std::string incomplete_;  // of the first partition that is, and why
  std::vector<std::unique_ptr<state::StoredPartition>> partitions_;
  flow::StateDescription description_;
  uint8_t op_ = 0;
};

}  // namespace kutils::kquery
