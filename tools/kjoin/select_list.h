// --select over a join's result: kmap's list, in which a field of a side that is missing is null.
#pragma once

#include <string>

namespace kutils {

// The list with each plain path into a side (`right.name`) made null where the side is null; other expressions
// stay as they are. Throws usage_error where `list` is none.
std::string null_where_missing(const std::string& list, const std::string& what);

// `text` with `left.` and `right.` where paths begin with the names of these topics.
std::string with_sides(const std::string& text, const std::string& left, const std::string& right);

}  // namespace kutils
