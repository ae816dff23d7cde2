// What tests of stages with windows share: records, what is read of them, what comes out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "flow/window/window_stage.h"
#include "naive_windows.h"

namespace kutils::flow {

class IntReader final : public RecordReader {
 public:
  std::optional<RecordError> read(const Record& record, GroupedRecord& grouped) override {
    if (record.key.is_null()) return RecordError{Reason::no_key, "no key"};
    grouped.key = record.key.view();
    grouped.time = record.timestamp;
    grouped.origin = &record;
    grouped.source = record.partition;
    argument_.present = true;
    argument_.scalar = ScalarValue::of(static_cast<int64_t>(std::stoll(std::string(record.value.view()))));
    grouped.arguments = {&argument_, 1};
    return std::nullopt;
  }

 private:
  Argument argument_;
};

inline std::string after(const std::string& text, const std::string& label) {
  const size_t at = text.find(label);
  return at == std::string::npos ? "" : text.substr(at + label.size());
}

class Capture final : public Emitter {
 public:
  size_t at = 0;
  size_t late = 0, tombstones = 0;
  std::vector<RecordError> errors;
  std::vector<WindowResult> results;
  std::vector<std::string> raw;
  std::vector<uint32_t> ports;
  void emit(const Record*, const Output& output) override {
    ports.push_back(output.port);
    if (output.port != 0) return;
    const std::string value = output.value.is_null() ? "null" : std::string(output.value.view());
    raw.push_back(value);
    if (value[0] != '{' || value.find("window_start\":\"") != std::string::npos) return;
    WindowResult result;
    result.at = at;
    result.key = output.key.view();
    result.start = std::stoll(after(value, "window_start\":"));
    result.end = std::stoll(after(value, "window_end\":"));
    result.time = output.timestamp;
    const std::string rest = after(value, "\"v\":");
    result.value = rest.empty() ? "deleted" : rest.substr(0, rest.size() - 1);
    results.push_back(result);
  }
  int64_t latest = INT64_MAX;  // time that OUT takes
  std::optional<RecordError> too_far_ahead(int64_t ms) override {
    if (ms <= latest) return std::nullopt;
    return RecordError{Reason::refused_by_topic, "too far ahead"};
  }
  void fail(const Record&, RecordError error) override { errors.push_back(std::move(error)); }
  void drop(const Record&, DropReason reason) override { ++(reason == DropReason::late ? late : tombstones); }
};

struct Input {
  explicit Input(const NaiveRecord& from, int32_t partition = 0)
      : key(from.key), value(std::to_string(from.value)) {
    record.key = std::string_view(key);
    record.value = std::string_view(value);
    record.timestamp = from.time;
    record.partition = partition;
  }
  std::string key;
  std::string value;
  Record record;
};

inline WindowOptions options_of(const WindowSpec& window, int64_t grace, Emit emit) {
  WindowOptions options;
  options.window = window;
  options.grace = grace;
  options.emit = emit;
  options.format.times_as_ms = true;
  return options;
}

// Record i gives its time and these arguments: numbers of both kinds, repeated ones, text, a key to go by.
class ManyReader final : public RecordReader {
 public:
  explicit ManyReader(const AggregateSet& set) : arguments_(set.items().size()) {}
  std::optional<RecordError> read(const Record& record, GroupedRecord& grouped) override {
    grouped.key = record.key.view();
    grouped.time = record.timestamp;
    grouped.origin = &record;
    grouped.source = record.partition;
    grouped.arguments = arguments(std::stoll(std::string(record.value.view())));
    return std::nullopt;
  }
  std::span<const Argument> arguments(int64_t i) {
    key_ = ScalarValue::of(i * 7919 % 13);
    for (Argument& one : arguments_) {
      one.present = true;
      one.scalar =
          i % 3 == 0 ? ScalarValue::of(static_cast<double>(i % 11) / 4) : ScalarValue::of(i * 31 % 17 - 8);
      one.scalar.key = &key_;
    }
    return arguments_;
  }

 private:
  ScalarValue key_;
  std::vector<Argument> arguments_;
};

// All that a sliding window takes, but those whose last digits depend on how values were put together.
inline std::vector<AggregateItem> sliding_items() {
  std::vector<AggregateItem> items;
  for (const AggregateFunction& one : aggregate_functions()) {
    const std::string name = one.name;
    const AggregateItem item{name, name, "x", {name == "percentile" ? 50.0 : 5.0}, "", "", "", "k"};
    if (!make_aggregate(one, item)->has_merge() || name == "stddev" || name == "variance") continue;
    items.push_back(item);
  }
  return items;
}

}  // namespace kutils::flow
