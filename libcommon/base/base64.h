// Base64 of RFC 4648, section 4: the standard alphabet, padded when written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kutils {

void append_base64(std::string_view bytes, std::string& out);

// Appends the bytes that `text` stands for. Missing padding is accepted, anything else not in the alphabet is
// not: the position of the first such character is returned and `out` is as it was.
[[nodiscard]] std::optional<size_t> append_from_base64(std::string_view text, std::string& out);

}  // namespace kutils
