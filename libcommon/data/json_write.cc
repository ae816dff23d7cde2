#include "data/json_write.h"

#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace kutils {

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  size_t from = 0;  // start of what needs no change and is not yet written
  size_t i = 0;
  const auto replace = [&](size_t bytes, std::string_view with) {
    out.append(text.substr(from, i - from));
    out.append(with);
    i += bytes;
    from = i;
  };
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++i;
    } else if (c >= 0x80) {
      const size_t n = utf8_sequence(text.substr(i));
      if (n == 0) {
        replace(1, "\xEF\xBF\xBD");
      } else {
        i += n;
      }
    } else if (c == '"') {
      replace(1, "\\\"");
    } else if (c == '\\') {
      replace(1, "\\\\");
    } else if (c == '\n') {
      replace(1, "\\n");
    } else if (c == '\t') {
      replace(1, "\\t");
    } else if (c == '\r') {
      replace(1, "\\r");
    } else if (c == '\b') {
      replace(1, "\\b");
    } else if (c == '\f') {
      replace(1, "\\f");
    } else {
      constexpr char kHex[] = "0123456789abcdef";
      const char escape[6] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
      replace(1, {escape, sizeof escape});
    }
  }
  out.append(text.substr(from));
  out += '"';
}

void append_json_int(int64_t value, std::string& out) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void append_json_uint(uint64_t value, std::string& out) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

bool append_json_double(double value, std::string& out) {
  if (!std::isfinite(value)) return false;
  char buffer[32];
  const std::string_view text(
      buffer, static_cast<size_t>(std::to_chars(buffer, buffer + sizeof buffer, value).ptr - buffer));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
  return true;
}

}  // namespace kutils
