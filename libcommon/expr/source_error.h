// Messages about a place in an expression's text: what is wrong, the line, a caret under the place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace kutils::expr {

// What the lexer, the parser and the checker throw; Expressions and parse_list turn it into a usage_error.
struct SourceError {
  std::string message;
  size_t begin = 0;  // bytes in the expression
  size_t end = 0;
  std::string hint;  // what to do, may be empty
};

// The line of `text` that holds `begin`, and below it a caret under [begin, end). Two lines, each indented by
// two spaces, no newline at the end. Long lines are cut around the place.
std::string point_at(std::string_view text, size_t begin, size_t end);

// `what` names the expression in the message ("SPEC", "--key"); empty: not named.
Error to_usage_error(const SourceError& error, std::string_view text, std::string_view what);

}  // namespace kutils::expr
