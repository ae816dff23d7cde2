// An expression asked for yes or no about the record that is bound.
#pragma once

#include "expr/expressions.h"

namespace kutils::flow {

// Anything but true and false is a record error: no truthiness.
inline Result<bool> get_condition(expr::Expressions& expressions, size_t handle, std::string_view what) {
  Result<expr::Value> value = expressions.get(handle);
  if (!value) return std::move(value.error());
  if (value->is_bool()) return value->as_bool();
  std::string text;
  if (expr::append_json(*value, text)) text = "something else";
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return RecordError{Reason::not_boolean, std::string(what) + " must be true or false and is " + text};
}

}  // namespace kutils::flow
