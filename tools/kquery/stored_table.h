// The state of a stopped tool on this machine, found by its output topic or its group.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/query/table_query.h"
#include "state/layout.h"
#include "state/stored_partition.h"

namespace kutils::kquery {

class StoredTable {
 public:
  // `table` is the topic that the tool writes, or the group's name. Throws Error(usage): no such state,
  // several, in use, of another version, incomplete; Error(delivery): damaged.
  static std::unique_ptr<StoredTable> find(const std::string& state_dir, const std::string& table,
                                           const std::optional<std::string>& group);

  struct Part {
    int32_t number;
    std::unique_ptr<state::StoredPartition> stored;
    bool is_shown;  // false: its rows belong to a source table or to another stage, or it has none
  };
  const std::vector<Part>& parts() const { return parts_; }
  const flow::StateDescription& description() const { return description_; }
  const std::string& group() const { return owner_.group; }
  const std::string& cluster() const { return owner_.cluster; }  // empty: not known
  // One line for people: which group, as of when.
  std::string origin(int64_t now_ms) const;
  // False: `take` ended it. Throws Error(delivery): damaged.
  bool run(flow::TableQuery& query, int64_t now_ms, const flow::TableQuery::TakeRow& take);

 private:
  // Throws Error(usage) if rows of it are missing here, Error(delivery) if it is damaged.
  void refuse_incomplete() const;
  // Selects the rows that are called `table`, or else the newest kind of rows of the group. False: no row
  // that can be read says what it is; nothing was committed, or it is incomplete.
  bool open(const std::string& state_dir, const std::string& group, const std::string& table);

  state::StateEnvironment environment_;
  std::string group_;  // the name of its directory
  state::StateOwner owner_;
  std::optional<Error> incomplete_;  // why the first partition that is incomplete or damaged is so
  std::vector<Part> parts_;
  flow::StateDescription description_;
  uint8_t op_ = 0;
};

}  // namespace kutils::kquery
