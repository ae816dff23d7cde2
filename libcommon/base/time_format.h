// Points in time as text: ISO 8601 in UTC, and the times that options take.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kutils {

// `2026-01-31T09:30:00.123Z`, always with milliseconds. Outside the years 0 to 9999 the number of ms itself.
std::string format_iso_ms(int64_t ms);
void append_iso_ms(int64_t ms, std::string& out);

// `2026-01-31`, `2026-01-31T09:30`, `...:00`, `...:00.123`, a space for the T, and `Z` or `+01:00` or nothing
// (UTC) after a time of day. Digits finer than a millisecond are cut off. nullopt: anything else, or no such
// day or time.
std::optional<int64_t> parse_iso_ms(std::string_view text);

// What --since and --until take: ISO as above, `now`, `-1h` or `1h` (before now), `+1h` (after now), or ms
// since the epoch in digits. nullopt: none of these.
std::optional<int64_t> parse_time_ms(std::string_view text, int64_t now_ms);

}  // namespace kutils
