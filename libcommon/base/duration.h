// The one duration grammar of options and expressions: `500ms 10s 5m 1h 2d`, also combined (`1h30m`) and with
// fractions (`1.5s`); units ns us ms s m h d.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace kutils {

// nullopt: not a duration, or beyond 64 bits of nanoseconds. A bare `0` is zero; any other number needs a
// unit.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

// For options: whole milliseconds, not negative. Throws usage_error naming `option`.
std::chrono::milliseconds parse_duration_option(std::string_view option, std::string_view text);

// The shortest form in this grammar: 90s -> "1m30s", 0 -> "0s".
std::string format_duration(std::chrono::nanoseconds duration);

}  // namespace kutils
