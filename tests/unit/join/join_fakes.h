// What the tests of joins share: an emitter that remembers, records of two topics.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "flow/topology/stage.h"
#include "state/partition_store.h"

namespace kutils::flow {

struct JoinOutput {
  size_t at = 0;  // index of the record that caused it
  std::string key, value;
  int64_t time = 0;
  friend auto operator<=>(const JoinOutput&, const JoinOutput&) = default;
  friend bool operator==(const JoinOutput&, const JoinOutput&) = default;
};

class JoinCapture final : public Emitter {
 public:
  size_t at = 0;
  std::vector<JoinOutput> results;
  std::vector<std::string> errors;
  std::vector<std::pair<size_t, DropReason>> drops;
  bool refuses = false;
  int64_t latest = INT64_MAX;  // time that OUT takes; a result of many records has the time of now
  std::optional<RecordError> too_far_ahead(int64_t ms) override {
    if (ms <= latest) return std::nullopt;
    return RecordError{Reason::refused_by_topic, "too far ahead"};
  }

  void emit(const Record*, const Output& output) override {
    if (refuses || (output.timestamp > latest && !output.is_result)) return errors.push_back("refused");
    results.push_back({at, output.key.is_null() ? "(null)" : std::string(output.key.view()),
                       output.value.is_null() ? "-" : std::string(output.value.view()), output.timestamp});
  }
  void fail(const Record&, RecordError error) override { errors.push_back(std::move(error.message)); }
  void drop(const Record&, DropReason reason) override { drops.emplace_back(at, reason); }
  bool refused() const override { return refuses; }
  // The values of the results since the last call, in order, apart by spaces.
  std::string taken() {
    std::string text;
    for (const JoinOutput& one : results)
      text += (text.empty() ? "" : " ") + one.key + "=" + one.value + "@" + std::to_string(one.time);
    results.clear();
    return text;
  }
};

// `value` "-": NULL. `key` "(null)": NULL.
inline Record join_record(std::string_view topic, std::string_view key, std::string_view value,
                          int64_t time) {
  Record record;
  record.topic = topic;
  if (key != "(null)") record.key = key;
  if (value != "-") record.value = value;
  record.timestamp = time;
  record.timestamp_type = TimestampType::create_time;
  record.partition = 0;
  return record;
}

// What the environment asks for; else `otherwise`.
inline size_t number_of(const char* name, size_t otherwise) {
  const char* given = std::getenv(name);
  return given != nullptr ? std::strtoul(given, nullptr, 10) : otherwise;
}

// Commits what the stage wrote.
inline void commit(Stage& stage, state::PartitionStore& store, Emitter& out) {
  static int64_t offset = 0;
  stage.before_commit(out);
  offset += static_cast<int64_t>(store.take_changes().size());
  store.applied(offset, 0);
}

// The rows of the operator in the store.
inline size_t count_rows(state::Store& store) {
  size_t rows = 0;
  store.scan({}, {}, [&](std::string_view, std::string_view) { return ++rows, true; });
  return rows;
}

}  // namespace kutils::flow
