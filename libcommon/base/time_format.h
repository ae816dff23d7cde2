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

struct IsoTime {
  int64_t seconds = 0;       // since 1970
  uint32_t nanoseconds = 0;  // what is finer is cut off
  bool has_zone = false;
  bool is_rfc3339 = false;  // T, not a space; seconds; a zone
};

// `2026-01-31`, `2026-01-31T09:30`, `...:00`, `...:00.123`, a space for the T, and `Z` or `+01:00` or nothing
// (UTC) after a time of day. nullopt: anything else, or no such day or time.
std::optional<IsoTime> parse_iso(std::string_view text);
// The same in ms, what is finer cut off.
std::optional<int64_t> parse_iso_ms(std::string_view text);

// Whose clock a time without a zone is read on.
enum class Zone { utc, local };

// What --since and --until take: ISO as above, `09:00` (the last time that a clock showed it), `today`,
// `yesterday` (midnight), both also with a time of day behind a space, `now`, `-1h` or `1h` (before now),
// also in weeks (`1w`), `+1h` (after now), or ms since the epoch in digits. nullopt: none of these.
std::optional<int64_t> parse_time_ms(std::string_view text, int64_t now_ms, Zone zone = Zone::utc);

// Whether `text` is one of those that depend on the zone: a day or a time of day, and no zone named.
bool depends_on_zone(std::string_view text);

// Whether this machine's clock shows UTC at that time.
bool local_zone_is_utc(int64_t now_ms);

// How far this machine's clock ($TZ, else its own zone) is ahead of UTC at `seconds` since 1970, and the name that
// it has there (CET).
struct LocalOffset {
  int64_t seconds = 0;
  std::string name;
};
LocalOffset local_offset_at(int64_t seconds);
// What `wall`, seconds since 1970 as this machine's clock shows them, is in UTC.
int64_t seconds_of_local(int64_t wall);

}  // namespace kutils
