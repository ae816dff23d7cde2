// Lines that seem to begin with the names of columns.
#pragma once

#include <string_view>

namespace kutils::io {

// The format, "csv" or "tsv", whose header `line` seems to be: two names or more, and nothing that JSON or a
// sentence has. `next`: the line behind it, where there is one. "": it seems to be none.
inline std::string_view format_of_header(std::string_view line, std::string_view next = {}) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  const bool has_tabs = line.find('\t') != line.npos;
  const char separator = has_tabs ? '\t' : ',';
  size_t cells = 0, letters = 0;
  bool quoted = false;
  for (const char c : line) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                           (static_cast<unsigned char>(c) & 0x80) != 0;
    if (c == '"') {
      quoted = !quoted;
    } else if (is_letter) {
      ++letters;
    } else if (quoted) {
      continue;
    } else if (c == separator) {
      if (letters == 0) return {};
      ++cells;
      letters = 0;
    } else if (letters == 0 || !((c >= '0' && c <= '9') || c == '.' || c == '-')) {
      return {};
    }
  }
  if (cells == 0 || letters == 0 || quoted) return {};
  // Lines of JSON behind a slip.
  if (!next.empty() && (next[0] == '{' || next.find(separator) == next.npos)) return {};
  return has_tabs ? "tsv" : "csv";
}

}  // namespace kutils::io
