// Views of the tables and windows of a running tool: questions to the applied rows of the partitions that it
// holds.
//
// The run loop's thread adds partitions and removes them; HTTP threads ask. Each question reads a snapshot of
// each partition, so that a row is either as before a transaction or as after it. remove() waits for
// questions under way.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "flow/query/table_query.h"
#include "serve/http.h"
#include "state/backend.h"

namespace kutils::serve {

class LiveTables {
 public:
  explicit LiveTables(std::string group) : group_(std::move(group)) {}
  void add(int32_t partition, state::Backend& rows);
  void remove(int32_t partition);
  size_t size() const;

  // /table/NAME?key=K&key=...&prefix=&from=&until=&at=&delta=   NAME: the output topic or the group
  // 200: a JSON object a line. 404 with lines: a key has no row; without: no such table here. 413: more than
  // kMostBytes.
  HttpReply answer(const std::string& table, const HttpRequest& request, int64_t now_ms) const;
  // The first rows of each table that is here, as JSON objects, by the name of its topic. Empty where
  // questions wait for a partition that goes.
  std::map<std::string, std::vector<std::string>> first_rows(size_t most, int64_t now_ms) const;
  static constexpr size_t kMostBytes = size_t{16} << 20;
  static constexpr const char* kLines = "application/x-ndjson";

 private:
  const std::string group_;
  mutable std::shared_mutex mutex_;
  std::map<int32_t, state::Backend*> partitions_;
};

}  // namespace kutils::serve
