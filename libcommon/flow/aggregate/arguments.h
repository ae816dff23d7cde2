// Evaluates an aggregate list's expressions for a record.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "expr/expressions.h"
#include "flow/aggregate/aggregate_set.h"
#include "flow/aggregate/fold_step.h"

namespace kutils::flow {

// The value as an argument; `scratch` takes the text of what is not a scalar and must live as long as the
// scalar.
Result<ScalarValue> to_scalar(const expr::Value& value, std::string& scratch);

class AggregateArguments {
 public:
  // Adds the list's expressions to `expressions`. Throws usage_error. Both must outlive this object.
  AggregateArguments(const AggregateSet& set, expr::Expressions& expressions, std::string_view what);
  // REQUIRES: expressions.bind(record) succeeded. fold's expression is not evaluated here: that needs the
  // value so far. The result is valid until the next bind() or read().
  std::optional<RecordError> read(std::span<const Argument>& arguments);

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);
  struct Handles {
    size_t argument = kNone;
    size_t key = kNone;
    size_t condition = kNone;
    std::unique_ptr<FoldStep> fold = {};
    bool takes_null = false;
  };
  std::optional<std::string_view> raw_list_or_object(size_t handle) const;

  const AggregateSet& set_;
  expr::Expressions& expressions_;
  std::vector<Handles> handles_;
  std::vector<Argument> arguments_;
  std::vector<std::string> scratch_;
  std::vector<ScalarValue> keys_;  // max_by and its like
  std::vector<std::string> key_scratch_;
};

}  // namespace kutils::flow
