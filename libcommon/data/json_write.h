// Pieces of JSON appended to a string. Objects are spliced from raw spans (json_fields.h) and these; no
// writer object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kutils {

// With quotes and the escapes that JSON demands. Bytes that are not UTF-8 become U+FFFD, as in jq: whoever
// must keep them asks is_utf8() first.
void append_json_string(std::string_view text, std::string& out);

void append_json_int(int64_t value, std::string& out);
void append_json_uint(uint64_t value, std::string& out);

// The shortest text that reads back as the same double; always with '.' or an exponent, so that it reads back
// as a double and not as an integer (40.0). False, and `out` as it was: NaN or infinite, which JSON cannot
// hold.
[[nodiscard]] bool append_json_double(double value, std::string& out);

}  // namespace kutils
