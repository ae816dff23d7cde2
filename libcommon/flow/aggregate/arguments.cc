#include "flow/aggregate/arguments.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <span>

#include "base/utf8.h"
#include "expr/text.h"
#include "flow/aggregate/typed_aggregate.h"

namespace kutils::flow {

Result<ScalarValue> to_scalar(const expr::Value& value, std::string& scratch) {
  using Kind = expr::Kind;
  ScalarValue scalar;
  switch (value.kind()) {
    case Kind::null:
      return scalar;
    case Kind::boolean:
      return ScalarValue::of(value.as_bool());
    case Kind::integer:
      scalar = ScalarValue::of(value.as_int());
      scalar.text = value.written();
      return scalar;
    case Kind::real:
      // Passed on as it stands; arithmetic and comparisons refuse it.
      if (expr::is_beyond_double(value)) return ScalarValue::of_json(value.written());
      if (!std::isfinite(value.as_double()))
        return RecordError{Reason::expression, "the value is not a finite number"};
      scalar = ScalarValue::of(value.as_double());
      scalar.text = value.written();
      return scalar;
    case Kind::unsigned_integer:
      if (value.as_uint() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        return ScalarValue::of(static_cast<int64_t>(value.as_uint()));
      scalar.kind = ScalarValue::Kind::unsigned_integer;
      scalar.unsigned_integer = value.as_uint();
      return scalar;
    case Kind::string:
      return ScalarValue::of_string(value.as_string());
    default:
      break;
  }
  scratch.clear();
  if (auto error = expr::append_json(value, scratch)) return *error;
  scalar = ScalarValue::of_json(scratch);
  if (value.kind() == Kind::timestamp) {
    scalar.kind = ScalarValue::Kind::timestamp;
    scalar.integer = value.seconds();
    scalar.nanos = value.nanoseconds();
  }
  return scalar;
}

namespace {

// The list that was typed, but for spaces, around the argument or the condition of item `at`: for hints.
expr::InList place_in_list(const AggregateSet& set, size_t at, bool of_condition) {
  const std::span<const AggregateItem> items = set.items();
  expr::InList place;
  // With columns that are computed from others there is more in the list than is known here.
  if (!set.columns().list.empty()) return place;
  for (size_t i = 0; i < items.size(); ++i) {
    const AggregateItem& item = items[i];
    std::string& text = i <= at ? place.before : place.after;
    if (i > 0) text += ", ";
    const std::string derived = item.argument.empty() ? item.function : item.function + "_" + item.argument;
    if (item.name != derived || (i == at && !of_condition)) text += item.name + "=";
    text += item.function + "(" + (item.initial.empty() ? "" : item.initial + ", ");
    if (i != at || of_condition) text += item.argument;
    std::string& behind = i == at && !of_condition ? place.after : text;
    for (const double parameter : item.parameters) {
      char number[32];
      std::snprintf(number, sizeof number, ", %.15g", parameter);
      behind += number;
    }
    if (!item.key.empty()) behind += ", " + item.key;
    behind += ')';
    if (!item.condition.empty()) behind += " if " + (i == at && of_condition ? "" : item.condition);
  }
  return place;
}

}  // namespace

AggregateArguments::AggregateArguments(const AggregateSet& set, expr::Expressions& expressions,
                                       std::string_view what)
    : set_(set),
      expressions_(expressions),
      arguments_(set.items().size()),
      scratch_(set.items().size()),
      keys_(set.items().size()),
      key_scratch_(set.items().size()) {
  for (const AggregateItem& item : set.items()) {
    Handles handles;
    const size_t at = handles_.size();
    handles.takes_null = dynamic_cast<const TakesNull*>(&set.function(at)) != nullptr;
    if (find_aggregate_function(item.function)->folds) {
      const size_t handle = expressions.add_fold(item.argument, what, item.initial_value);
      handles.fold = std::make_unique<FoldStep>(expressions, handle);
      arguments_[handles_.size()].successor = handles.fold.get();
    } else if (!item.argument.empty()) {
      handles.argument =
          expressions.add(item.argument, what, expr::Expect::any, place_in_list(set, at, false));
    }
    if (!item.key.empty()) handles.key = expressions.add(item.key, what);
    if (!item.condition.empty())
      handles.condition =
          expressions.add(item.condition, what, expr::Expect::boolean, place_in_list(set, at, true));
    handles_.push_back(std::move(handles));
  }
}

// Of what only passes through no value is built: its text is what would be written.
std::optional<std::string_view> AggregateArguments::raw_list_or_object(size_t handle) const {
  const auto raw = expressions_.raw_json(handle);
  if (!raw || (raw->front() != '{' && raw->front() != '[')) return std::nullopt;
  const bool is_line = raw->find('\n') == raw->npos && raw->find('\r') == raw->npos;
  return is_line && is_utf8(*raw) ? raw : std::nullopt;
}

std::optional<RecordError> AggregateArguments::read(std::span<const Argument>& arguments) {
  for (size_t i = 0; i < handles_.size(); ++i) {
    Argument& argument = arguments_[i];
    argument.present = true;
    if (handles_[i].condition != kNone) {
      const Result<expr::Value> holds = expressions_.get(handles_[i].condition);
      if (!holds) return holds.error();
      if (!holds->is_bool())
        return RecordError{Reason::not_boolean,
                           "the condition '" + set_.items()[i].condition + "' is not true or false"};
      argument.present = holds->as_bool();
    }
    if (handles_[i].fold) handles_[i].fold->next_record();
    if (!argument.present || handles_[i].argument == kNone) continue;
    std::optional<expr::Value> number;  // for its message
    if (const auto raw = raw_list_or_object(handles_[i].argument)) {
      argument.scalar = ScalarValue::of_json(*raw);
    } else {
      const Result<expr::Value> value = expressions_.get(handles_[i].argument);
      if (!value) return value.error();
      Result<ScalarValue> scalar = to_scalar(*value, scratch_[i]);
      if (!scalar) return scalar.error();
      argument.scalar = *scalar;
      number = *value;
    }
    argument.present = !argument.scalar.is_null() || handles_[i].takes_null;
    if (handles_[i].key != kNone) {
      const Result<expr::Value> key = expressions_.get(handles_[i].key);
      if (!key) return key.error();
      const Result<ScalarValue> by = to_scalar(*key, key_scratch_[i]);
      if (!by) return by.error();
      keys_[i] = *by;
      argument.scalar.key = &keys_[i];
      argument.present &= !keys_[i].is_null();
    }
    if (argument.present)
      if (auto refused = set_.function(i).check(argument.scalar)) {
        if (number && expr::is_beyond_double(*number))
          return RecordError{Reason::wrong_type, "'" + set_.items()[i].argument + "': the number " +
                                                     expr::shortened(number->written()) +
                                                     " is too large to compute with (at most 1.8e308)"};
        return refused;
      }
  }
  arguments = arguments_;
  return std::nullopt;
}

}  // namespace kutils::flow
