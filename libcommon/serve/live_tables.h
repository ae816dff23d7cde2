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
#include "flow/run/observer.h"
#include "serve/http.h"
#include "state/backend.h"

namespace kutils::serve {

struct TableAnswer {
  HttpReply reply;
  bool is_complete = false;  // all partitions that the question concerns are here
};

class LiveTables {
 public:
  explicit LiveTables(std::string group) : group_(std::move(group)) {}
  // Which partitions there are, also those of other processes. Unknown: an answer is never refused for one that
  // is not here.
  void know(const std::vector<flow::StatesOfTopic>& states);
  void add(int32_t partition, state::Backend& rows);
  void remove(int32_t partition);
  size_t size() const;

  // /table/NAME?key=K&key=...&prefix=&from=&until=&at=&delta=   NAME: the output topic or the group
  // 200: a JSON object a line. 404 with lines: a key has no row; without: no such table here. 413: more than
  // kMostBytes. 421: the answer lies in partitions that are not here, JSON that says in which (Elsewhere).
  //
  // &group=G: refused by a process of another group. &partition=N, as often as wanted: of these partitions, 421
  // if one is not here. &partition=all: of all that the question concerns. Without: of what is here; a key that
  // is not here, and may be elsewhere, is 421.
  TableAnswer answer(const std::string& table, const HttpRequest& request, int64_t now_ms) const;
  // The first rows of each table that is here, as JSON objects, by the name of its topic. Empty where
  // questions wait for a partition that goes.
  std::map<std::string, std::vector<std::string>> first_rows(size_t most, int64_t now_ms) const;
  static constexpr size_t kMostBytes = size_t{16} << 20;
  static constexpr const char* kLines = "application/x-ndjson";
  static constexpr int kElsewhere = 421;

 private:
  using Partitions = std::map<int32_t, state::Backend*>;
  // The states that this one is among; without a topic: not known.
  flow::StatesOfTopic states_with(int32_t partition) const;
  const std::string group_;
  mutable std::shared_mutex mutex_;
  std::vector<flow::StatesOfTopic> states_;
  Partitions partitions_;
};

// The body of a 421: {"error": TEXT, "topic": TOPIC, "partitions": [N, ...]}. The group's commits of these
// partitions of the topic name their owners (flow/membership/served_at.h).
struct Elsewhere {
  std::string topic;
  std::vector<int32_t> partitions;  // that the question concerns, also those that are here
};
std::string to_json(const Elsewhere& elsewhere, const std::string& error);
std::optional<Elsewhere> parse_elsewhere(const std::string& json);  // nullopt: not of this form

}  // namespace kutils::serve
