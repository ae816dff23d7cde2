// Words in one text, with a space between two: how tables of names are written.
#pragma once

#include <algorithm>
#include <string_view>

namespace kutils {

inline bool has_word(std::string_view words, std::string_view word) {
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find(' ', at), words.size());
    if (words.substr(at, end - at) == word) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace kutils
