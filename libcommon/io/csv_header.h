// Lines that seem to begin with the names of columns.
#pragma once

#include <string_view>

namespace kutils::io {

// The format, "csv" or "tsv", whose header `line` seems to be: two names or more, and nothing that JSON or a
// sentence has. "": it seems to be none.
inline std::string_view format_of_header(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const bool has_tabs = line.find('\t') != line.npos;
  const char separator = has_tabs ? '\t' : ',';
  size_t cells = 0, letters = 0;
  for (const char c : line) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                           (static_cast<unsigned char>(c) & 0x80) != 0;
    if (c == separator) {
      if (letters == 0) return {};
      ++cells;
      letters = 0;
    } else if (is_letter) {
      ++letters;
    } else if (letters == 0 || !((c >= '0' && c <= '9') || c == '.' || c == '-')) {
      return {};
    }
  }
  if (cells == 0 || letters == 0) return {};
  return has_tabs ? "tsv" : "csv";
}

}  // namespace kutils::io
