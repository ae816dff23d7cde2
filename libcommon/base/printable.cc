#include "base/printable.h"

#include <cstdint>
#include <cstdio>

#include "base/utf8.h"

namespace kutils {
namespace {

uint32_t code_point(std::string_view sequence) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(sequence[i])); };
  switch (sequence.size()) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
    case 3:
      return (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    default:
      return (byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
  }
}

// Characters that move the cursor, change the direction of text, hide text or are invisible.
bool acts(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code == 0xad || code == 0x061c || code == 0x180e ||
         code == 0x200b || code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0x115f || code == 0x1160 || code == 0x3164 ||
         code == 0xfeff || code == 0xffa0 || (code >= 0xfff9 && code <= 0xfffb) ||
         (code >= 0xe0000 && code <= 0xe0fff);
}

bool is_joiner(uint32_t code) { return code == 0x200c || code == 0x200d; }

std::string shown(std::string_view text, bool one_line) {
  std::string out;
  out.reserve(text.size());
  char escape[16];
  bool joins = false;  // the previous character is not ASCII
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_sequence(text.substr(at));
    const std::string_view sequence = text.substr(at, length == 0 ? 1 : length);
    at += sequence.size();
    const char c = sequence[0];
    if (length == 1 && !one_line && (c == '\n' || c == '\t' || (c == '\r' && text.substr(at, 1) == "\n"))) {
      out.push_back(c);
    } else if (length == 0 || (length == 1 && acts(static_cast<uint8_t>(c)))) {
      std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned>(static_cast<uint8_t>(c)));
      out += one_line && c == '\n' ? "\\n" : one_line && c == '\t' ? "\\t" : escape;
    } else if (const uint32_t code = code_point(sequence); acts(code) || (is_joiner(code) && !joins)) {
      std::snprintf(escape, sizeof escape, code > 0xffff ? "\\U%08x" : "\\u%04x",
                    static_cast<unsigned>(code));
      out += escape;
    } else {
      out += sequence;
    }
    joins = length > 1;
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) { return shown(text, false); }
std::string printable_line(std::string_view text) { return shown(text, true); }

}  // namespace kutils
