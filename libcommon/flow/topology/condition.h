// An expression asked for yes or no about the record that is bound.
#pragma once

#include "expr/expressions.h"

namespace kutils::flow {

// Anything but true and false is a record error: no truthiness.
inline Result<bool> get_condition(expr::Expressions& expressions, size_t handle, std::string_view what) {
  Result<expr::Value> value = expressions.get(handle);
  if (!value) return std::move(value.error());
  if (value->is_bool()) return value->as_bool();
  // Equal for all records, so that a run says it once.
  std::string message =
      std::string(what) + " must be true or false, not " + std::string(expr::friendly_name(value->kind()));
  const std::string written = expressions.canonical(handle);
  const bool is_name = written.find_first_of(" (.[") == std::string::npos;
  if (is_name && (value->is_number() || value->is_string()))
    message += "; < and > that are not in quotes go to the shell: '" + written +
               (value->is_number() ? " > 0'" : " == \"TEXT\"'");
  return RecordError{Reason::not_boolean, std::move(message)};
}

}  // namespace kutils::flow
