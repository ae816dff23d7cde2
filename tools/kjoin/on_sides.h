// The two sides of --on LEFTEXPR=RIGHTEXPR, and what SQL's `left.id = right.id` means here.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace kutils {

// Of the one '=' in `a=b` that is no part of ==, !=, <= or >= and stands outside of strings and brackets.
std::optional<size_t> place_of_equals(const std::string& text);

struct SqlCondition {
  bool compares = false;     // by ==
  bool names_sides = false;  // both fields stand behind the name of their side
  std::string left, right;   // the fields, without the names of the sides
};

// Two plain fields with '=' or '==' between them; nothing for any other expression. A side's name is left or right, their
// first letters, a or b, or the topic's.
std::optional<SqlCondition> sql_condition(const std::string& on, const std::string& left_topic,
                                          const std::string& right_topic);

}  // namespace kutils
