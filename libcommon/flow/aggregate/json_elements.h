// The elements of a JSON list or the raw text between its brackets, without parsing them. The text is our own
// output or has been checked before.
#pragma once

#include <cstddef>
#include <string_view>

namespace kutils::flow {

// Calls `element(text)` for each element of `list`, brackets optional; stops when it returns false.
template <typename F>
void for_each_json_element(std::string_view list, const F& element) {
  if (!list.empty() && list.front() == '[') list = list.substr(1, list.size() - 2);
  if (list.empty()) return;
  size_t depth = 0, begin = 0;
  bool quoted = false;
  for (size_t i = 0; i <= list.size(); ++i) {
    const char c = i < list.size() ? list[i] : ',';
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 0) {
      if (!element(list.substr(begin, i - begin))) return;
      begin = i + 1;
    }
  }
}

}  // namespace kutils::flow
