// What a grouping stage takes from a record: its group, its time, its aggregates' arguments. A seam:
// ExpressionReader (expression_reader.h) evaluates expressions; tests give their own.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "data/record.h"
#include "flow/aggregate/aggregate_set.h"

namespace kutils::flow {

class Combined;

struct GroupedRecord {
  std::string_view key;     // of the group; empty under --total
  bool has_group = true;    // false: in no group (rows of tables only: the expression of --by is null)
  bool key_is_text = true;  // shown as a JSON string; false: the key is JSON
  int64_t time = 0;         // ms, not negative
  int32_t source = 0;       // whose stream time it moves: source partition
  std::span<const Argument> arguments;
  const Combined* combined = nullptr;  // what many records gave together (combined.h), in place of arguments
  const Record* origin =
      nullptr;  // the record itself or, behind a repartition, the one of IN that it was made from
};

class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // Views in `grouped` live until the next call. Never called for a NULL value where nulls are skipped.
  virtual std::optional<RecordError> read(const Record& record, GroupedRecord& grouped) = 0;
  // Behind a repartition: the records that `combined`, the newest that was read, stands for, each as it would have
  // come by itself.
  virtual std::optional<RecordError> read_apart(const Record& /*combined*/,
                                                const std::function<void(const Record& one)>& /*each*/) {
    return std::nullopt;
  }
  // Behind a repartition: a mark, which tells the times of sources (flow/tasks/source_marks.h). False: it is
  // a record. Replaces what is in `times`.
  virtual bool read_times(const Record&, std::vector<std::pair<int32_t, int64_t>>& /*times*/) {
    return false;
  }
};

}  // namespace kutils::flow
