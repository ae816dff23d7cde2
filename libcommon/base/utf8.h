// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace kutils {

bool is_utf8(std::string_view bytes);

// The quick case of is_utf8().
inline bool all_ascii(std::string_view bytes) {
  constexpr uint64_t kHighs = 0x8080808080808080u;
  const char* at = bytes.data();
  size_t left = bytes.size();
  uint64_t word = 0;
  for (; left >= 8; at += 8, left -= 8) {
    std::memcpy(&word, at, 8);
    if (word & kHighs) return false;
  }
  word = 0;
  while (left > 0) word |= static_cast<unsigned char>(at[--left]);
  return (word & 0x80) == 0;
}

// Length of the valid sequence at the start of `bytes`, 1 to 4; 0: none (also for empty `bytes`).
size_t utf8_sequence(std::string_view bytes);

// ISO 8859-1, of which every byte is a character, as UTF-8.
void append_latin1(std::string_view bytes, std::string& out);

// REQUIRES: code_point <= 0x10FFFF and not a surrogate.
void append_utf8(uint32_t code_point, std::string& out);

// Number of columns that a text takes on a terminal, roughly: code points (invalid bytes count one each).
size_t utf8_width(std::string_view text);

}  // namespace kutils
