#include "expr/source_error.h"

#include <algorithm>

#include "expr/text.h"

namespace kutils::expr {
namespace {
constexpr size_t kMaxColumns = 100;  // of the expression that are shown
}

std::string point_at(std::string_view text, size_t begin, size_t end) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);  // of a file: no line of its own
  begin = std::min(begin, text.size());
  end = std::clamp(end, begin, text.size());
  size_t line_begin = text.rfind('\n', begin == 0 ? 0 : begin - 1);
  line_begin = line_begin == std::string_view::npos || line_begin >= begin ? 0 : line_begin + 1;
  size_t line_end = text.find('\n', begin);
  if (line_end == std::string_view::npos) line_end = text.size();
  end = std::min(end, line_end);
  bool cut_left = false;
  bool cut_right = false;
  if (line_end - line_begin > kMaxColumns) {
    if (begin - line_begin > kMaxColumns / 2) {
      line_begin = begin - kMaxColumns / 2;
      while (line_begin < begin && (static_cast<unsigned char>(text[line_begin]) & 0xc0) == 0x80)
        ++line_begin;
      cut_left = true;
    }
    if (line_end - line_begin > kMaxColumns) {
      line_end = line_begin + kMaxColumns;
      while (line_end > begin && (static_cast<unsigned char>(text[line_end]) & 0xc0) == 0x80) --line_end;
      cut_right = true;
      end = std::min(end, line_end);
    }
  }
  std::string line = cut_left ? "..." : "";
  std::string pad(line.size(), ' ');
  for (const char c : text.substr(line_begin, line_end - line_begin)) {
    const auto byte = static_cast<unsigned char>(c);
    line.push_back(byte < 0x20 || byte == 0x7f ? ' ' : c);
  }
  if (cut_right) line += "...";
  pad.append(count_code_points(text.substr(line_begin, begin - line_begin)), ' ');
  const size_t width = end > begin ? count_code_points(text.substr(begin, end - begin)) : 1;
  return "  " + line + "\n  " + pad + "^" + std::string(width > 1 ? width - 1 : 0, '~');
}

Error to_usage_error(const SourceError& error, std::string_view text, std::string_view what) {
  std::string message;
  if (!what.empty()) message = std::string(what) + ": ";
  message += error.message;
  message += "\n";
  message += point_at(text, error.begin, error.end);
  return usage_error(message, error.hint);
}

}  // namespace kutils::expr
