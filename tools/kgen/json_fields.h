// What generators write their fields with. `name` is all that stands before the value: `{"id":`, `,"id":`. Texts need no escapes.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "data/json_write.h"

namespace kutils {

inline void append_text(std::string_view name, std::string_view text, std::string& out) {
  out.append(name).append("\"").append(text).append("\"");
}
inline void append_int(std::string_view name, int64_t value, std::string& out) {
  out += name;
  append_json_int(value, out);
}
// Hundredths as a decimal number: 1250 -> 12.50.
inline void append_cents(std::string_view name, int64_t cents, std::string& out) {
  append_int(name, cents / 100, out);
  out += '.';
  out += static_cast<char>('0' + cents / 10 % 10);
  out += static_cast<char>('0' + cents % 10);
}
inline void append_padded(int64_t value, int digits, std::string& out) {
  const std::string text = std::to_string(value);
  out.append(static_cast<size_t>(digits) - std::min(static_cast<size_t>(digits), text.size()), '0')
      .append(text);
}

}  // namespace kutils
