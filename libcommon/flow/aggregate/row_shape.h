// What rows of aggregates look like: their columns, of which some are computed from others (`a=s/n`), and the
// condition under which a row is shown (--having).
//
// A row is worked out where it is emitted: nothing of this is in a state. One thread uses a RowShape.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "expr/expressions.h"
#include "flow/aggregate/aggregate_set.h"

namespace kutils::flow {

class RowShape {
 public:
  // `set` outlives it. Throws usage_error for an expression that cannot be compiled.
  explicit RowShape(const AggregateSet& set);

  // `row` is `{` and what stands in front of the columns, a comma behind each. Puts the columns and `}` behind
  // it. False: --having does not hold; `row` is then to be thrown away. An error: a column, or the condition,
  // cannot be worked out, and `row` has the aggregates only. A column that fails is none where the row is not
  // shown.
  Result<bool> finish(std::string_view key, int64_t time, const char* state, std::string& row);

  // Whether the row is to be deleted (--delete-if); `row` as of finish(), and thrown away.
  Result<bool> deletes(std::string_view key, int64_t time, const char* state, std::string& row);

  bool has_condition() const { return condition_ != kNone; }
  bool may_delete() const { return delete_if_ != kNone; }
  // Of the columns and the condition, as parsed: for fingerprints. Empty: nothing is computed.
  std::string canonical_columns() const;
  std::string canonical_condition() const;
  std::string canonical_delete_if() const;

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);
  struct Column {
    size_t aggregate = kNone;  // else:
    size_t expression = kNone;
    size_t variable = 0;
    std::string label;  // `"name":`
  };

  RecordError column_error(size_t column);
  // Works the columns out, of a row as of finish().
  std::optional<RecordError> compute(std::string_view key, int64_t time, const char* state,
                                     const std::string& row);
  Result<bool> holds(size_t condition, const std::string& text);

  const AggregateSet& set_;
  expr::Expressions expressions_;
  std::vector<Column> columns_;  // empty: all aggregates, in their order
  size_t condition_ = kNone;
  size_t delete_if_ = kNone;
  std::string whole_;                // the row as expressions see it: all aggregates
  std::vector<size_t> ends_;         // of each aggregate in it
  std::vector<expr::Value> values_;  // of the columns
};

}  // namespace kutils::flow
