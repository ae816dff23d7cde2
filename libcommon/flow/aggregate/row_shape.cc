#include "flow/aggregate/row_shape.h"

#include "data/json_write.h"
#include "expr/text.h"

namespace kutils::flow {

RowShape::RowShape(const AggregateSet& set)
    : set_(set), expressions_(expr::Options{.comparisons = set.columns().comparisons}) {
  const RowColumns& columns = set.columns();
  for (const RowColumn& one : columns.list) {
    Column column;
    append_json_string(one.name, column.label);
    column.label += ':';
    if (one.expression.empty()) {
      for (size_t i = 0; i < set.items().size(); ++i)
        if (set.items()[i].name == one.name) column.aggregate = i;
    } else {
      column.expression = expressions_.add(one.expression, "AGGS");
      column.variable = expressions_.declare(one.name);
    }
    columns_.push_back(std::move(column));
  }
  if (!columns.having.empty())
    condition_ = expressions_.add(columns.having, "--having", expr::Expect::boolean);
  if (!columns.delete_if.empty())
    delete_if_ = expressions_.add(columns.delete_if, "--delete-if", expr::Expect::boolean);
  ends_.resize(set.items().size());
  values_.resize(columns_.size());
}

std::string RowShape::canonical_columns() const {
  std::string text;
  for (size_t i = 0; i < columns_.size(); ++i)
    if (columns_[i].expression != kNone)
      text += (text.empty() ? "" : ", ") + set_.columns().list[i].name + "=" +
              expressions_.canonical(columns_[i].expression);
  return text;
}

std::string RowShape::canonical_condition() const {
  return has_condition() ? expressions_.canonical(condition_) : std::string();
}

std::string RowShape::canonical_delete_if() const {
  return may_delete() ? expressions_.canonical(delete_if_) : std::string();
}

// It is worked out again, for the message.
RecordError RowShape::column_error(size_t column) {
  const Result<expr::Value> value = expressions_.get(columns_[column].expression);
  return value ? RecordError{Reason::expression, "the column cannot be computed"} : value.error();
}

std::optional<RecordError> RowShape::compute(std::string_view key, int64_t time, const char* state,
                                             const std::string& row) {
  whole_ = row;
  for (size_t i = 0; i < ends_.size(); ++i) {
    if (i > 0) whole_ += ',';
    set_.result(i, state, whole_);
    ends_[i] = whole_.size();
  }
  whole_ += '}';
  Record record;
  record.key = key;
  record.value = std::string_view(whole_);
  record.timestamp = time;
  if (auto error = expressions_.bind(record)) return error;
  expressions_.share_limits();
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].expression == kNone) continue;
    values_[i] = expressions_.evaluate(columns_[i].expression);
    expressions_.set(columns_[i].variable, values_[i]);
  }
  return std::nullopt;
}

Result<bool> RowShape::holds(size_t condition, const std::string& text) {
  const Result<expr::Value> holds = expressions_.get(condition);
  if (!holds) {
    // Where a column failed, that is what is wrong.
    for (size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].expression != kNone && values_[i].is_error()) return column_error(i);
    return holds.error();
  }
  if (!holds->is_bool())
    return RecordError{Reason::not_boolean, "the condition '" + text + "' is not true or false"};
  return holds->as_bool();
}

Result<bool> RowShape::deletes(std::string_view key, int64_t time, const char* state, std::string& row) {
  if (!may_delete()) return false;
  if (auto error = compute(key, time, state, row)) return *error;
  return holds(delete_if_, set_.columns().delete_if);
}

Result<bool> RowShape::finish(std::string_view key, int64_t time, const char* state, std::string& row) {
  if (columns_.empty() && !has_condition()) {
    set_.result(state, row);
    row += '}';
    return true;
  }
  const size_t begin = row.size();
  const auto failed = [&](RecordError error) -> Result<bool> {
    row = whole_;
    return error;
  };
  if (auto error = compute(key, time, state, row)) return failed(std::move(*error));
  if (has_condition()) {
    const Result<bool> shown = holds(condition_, set_.columns().having);
    if (!shown) return failed(shown.error());
    if (!*shown) return false;
  }
  if (columns_.empty()) {
    row.append(whole_, begin);
    return true;
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) row += ',';
    const Column& column = columns_[i];
    if (column.expression == kNone) {
      const size_t from = column.aggregate == 0 ? begin : ends_[column.aggregate - 1] + 1;
      row.append(whole_, from, ends_[column.aggregate] - from);
      continue;
    }
    if (values_[i].is_error()) return failed(column_error(i));
    row += column.label;
    if (auto error = expr::append_json(values_[i], row)) return failed(std::move(*error));
  }
  row += '}';
  return true;
}

}  // namespace kutils::flow
