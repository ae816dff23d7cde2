// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kutils {

bool is_utf8(std::string_view bytes);

// Length of the valid sequence at the start of `bytes`, 1 to 4; 0: none (also for empty `bytes`).
size_t utf8_sequence(std::string_view bytes);

// REQUIRES: code_point <= 0x10FFFF and not a surrogate.
void append_utf8(uint32_t code_point, std::string& out);

// Number of columns that a text takes on a terminal, roughly: code points (invalid bytes count one each).
size_t utf8_width(std::string_view text);

}  // namespace kutils
