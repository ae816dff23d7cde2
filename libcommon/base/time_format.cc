#include "base/time_format.h"

#include <date/date.h>

#include <charconv>
#include <chrono>
#include <ctime>

#include "base/duration.h"

namespace kutils {
namespace {

using date::days;
using date::sys_days;

constexpr int64_t kFirstMs = -62'167'219'200'000;  // 0000-01-01
constexpr int64_t kLastMs = 253'402'300'799'999;   // 9999-12-31T23:59:59.999

// Takes exactly `digits` digits from the front.
std::optional<int> take_digits(std::string_view& text, size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}
bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

// `hh:mm` with both in range.
std::optional<int64_t> take_minutes(std::string_view& text) {
  const auto hours = take_digits(text, 2);
  if (!hours || *hours > 23 || !take(text, ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return *hours * 60 + *minutes;
}

}  // namespace

void append_iso_ms(int64_t ms, std::string& out) {
  if (ms < kFirstMs || ms > kLastMs) {
    out += std::to_string(ms);
    return;
  }
  const date::sys_time<std::chrono::milliseconds> time{std::chrono::milliseconds(ms)};
  const auto day = date::floor<days>(time);
  const date::year_month_day date(day);
  auto rest = (time - day).count();
  char text[] = "0000-00-00T00:00:00.000Z";
  const auto put = [&](size_t at, size_t digits, int64_t value) {
    for (size_t i = digits; i-- > 0; value /= 10) text[at + i] = static_cast<char>('0' + value % 10);
  };
  put(0, 4, static_cast<int>(date.year()));
  put(5, 2, static_cast<unsigned>(date.month()));
  put(8, 2, static_cast<unsigned>(date.day()));
  put(20, 3, rest % 1000);
  rest /= 1000;
  put(17, 2, rest % 60);
  put(14, 2, rest / 60 % 60);
  put(11, 2, rest / 3600);
  out.append(text, sizeof text - 1);
}

std::string format_iso_ms(int64_t ms) {
  std::string out;
  append_iso_ms(ms, out);
  return out;
}

namespace {

struct Seconds {
  int whole = 0;
  uint32_t nanoseconds = 0;
};

// The rest of a time of day after its minutes: `:ss.fff`, or empty. nullopt: neither.
std::optional<Seconds> take_seconds(std::string_view& text) {
  Seconds out;
  if (!take(text, ':')) return out;
  const auto whole = take_digits(text, 2);
  if (!whole || *whole > 59) return std::nullopt;
  out.whole = *whole;
  if (!take(text, '.')) return out;
  uint32_t scale = 100'000'000;
  size_t digits = 0;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; ++digits, scale /= 10) {
    out.nanoseconds += scale * static_cast<uint32_t>(text[0] - '0');
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  return out;
}

int64_t ms_of(const IsoTime& time) { return time.seconds * 1000 + time.nanoseconds / 1'000'000; }

constexpr int64_t kDayMs = 86'400'000;

int64_t floor_day(int64_t ms) { return (ms >= 0 ? ms : ms - kDayMs + 1) / kDayMs * kDayMs; }

// What the clock on the wall shows, as if it were UTC, and back. libc knows the machine's zone ($TZ).
int64_t to_wall(int64_t ms, Zone zone) {
  if (zone == Zone::utc) return ms;
  const auto seconds = static_cast<time_t>(floor_day(ms) / 1000 + (ms - floor_day(ms)) / 1000);
  tm local{};
  if (localtime_r(&seconds, &local) == nullptr) return ms;
  return ms + static_cast<int64_t>(local.tm_gmtoff) * 1000;
}
int64_t from_wall(int64_t wall, Zone zone) {
  if (zone == Zone::utc) return wall;
  const int64_t day = floor_day(wall), rest = wall - day;
  const date::year_month_day date(sys_days(days(day / kDayMs)));
  tm local{};
  local.tm_year = static_cast<int>(date.year()) - 1900;
  local.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  local.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
  local.tm_hour = static_cast<int>(rest / 3'600'000);
  local.tm_min = static_cast<int>(rest / 60'000 % 60);
  local.tm_sec = static_cast<int>(rest / 1000 % 60);
  local.tm_isdst = -1;
  return static_cast<int64_t>(mktime(&local)) * 1000 + rest % 1000;
}

// `09:00`, `9:00`, `09:00:30.5`: since midnight.
std::optional<int64_t> parse_time_of_day(std::string_view text) {
  if (text.size() > 1 && text[1] == ':') return parse_time_of_day("0" + std::string(text));
  const auto minutes = take_minutes(text);
  if (!minutes) return std::nullopt;
  const auto seconds = take_seconds(text);
  if (!seconds || !text.empty()) return std::nullopt;
  return *minutes * 60'000 + seconds->whole * 1000 + seconds->nanoseconds / 1'000'000;
}

// A day or a time of day as the clock on the wall shows it, which says `now`. The day is looked at first.
std::optional<int64_t> parse_wall_words(std::string_view text, int64_t now) {
  const int64_t today = floor_day(now);
  if (const auto time = parse_time_of_day(text))
    return today + *time > now ? today - kDayMs + *time : today + *time;
  int64_t day = today;
  if (text.substr(0, 9) == "yesterday") {
    day -= kDayMs;
    text.remove_prefix(9);
  } else if (text.substr(0, 5) == "today") {
    text.remove_prefix(5);
  } else {
    return std::nullopt;
  }
  if (text.empty()) return day;
  if (!take(text, ' ') && !take(text, 'T')) return std::nullopt;
  const auto time = parse_time_of_day(text);
  if (!time) return std::nullopt;
  return day + *time;
}

// `1w`, `-2w`, `+1w`: durations know no weeks, for a window of one would not begin on Mondays.
std::optional<int64_t> parse_weeks(std::string_view text) {
  if (text.size() < 2 || text.back() != 'w') return std::nullopt;
  const bool later = text[0] == '+';
  if (later || text[0] == '-') text.remove_prefix(1);
  int64_t weeks = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size() - 1, weeks);
  if (error != std::errc() || end != text.data() + text.size() - 1 || weeks < 0 || weeks > 100'000)
    return std::nullopt;
  return (later ? weeks : -weeks) * 7 * kDayMs;
}

}  // namespace

std::optional<IsoTime> parse_iso(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const date::year_month_day date = date::year(*year) / *month / *day;
  if (!date.ok()) return std::nullopt;
  IsoTime out;
  out.seconds = int64_t{sys_days(date).time_since_epoch().count()} * 86'400;
  if (text.empty()) return out;
  const bool has_t = take(text, 'T') || take(text, 't');
  if (!has_t && !take(text, ' ')) return std::nullopt;
  const auto minutes = take_minutes(text);
  if (!minutes) return std::nullopt;
  const bool has_seconds = !text.empty() && text[0] == ':';
  const auto seconds = take_seconds(text);
  if (!seconds) return std::nullopt;
  out.seconds += *minutes * 60 + seconds->whole;
  out.nanoseconds = seconds->nanoseconds;
  if (text.empty()) return out;
  out.has_zone = true;
  out.is_rfc3339 = has_t && has_seconds;
  if (take(text, 'Z') || take(text, 'z')) return text.empty() ? std::optional(out) : std::nullopt;
  const bool west = take(text, '-');
  if (!west && !take(text, '+')) return std::nullopt;
  const auto offset = take_minutes(text);
  if (!offset || !text.empty()) return std::nullopt;
  out.seconds += (west ? *offset : -*offset) * 60;
  return out;
}

std::optional<int64_t> parse_iso_ms(std::string_view text) {
  const auto iso = parse_iso(text);
  return iso ? std::optional(ms_of(*iso)) : std::nullopt;
}

bool depends_on_zone(std::string_view text) {
  if (parse_wall_words(text, 0)) return true;
  const auto iso = parse_iso(text);
  return iso && !iso->has_zone;
}

bool local_zone_is_utc(int64_t now_ms) { return to_wall(now_ms, Zone::local) == now_ms; }

LocalOffset local_offset_at(int64_t seconds) {
  const auto at = static_cast<time_t>(seconds);
  tm local{};
  if (localtime_r(&at, &local) == nullptr) return {0, "UTC"};
  return {static_cast<int64_t>(local.tm_gmtoff), local.tm_zone};
}
int64_t seconds_of_local(int64_t wall) { return from_wall(wall * 1000, Zone::local) / 1000; }

std::optional<int64_t> parse_time_ms(std::string_view text, int64_t now_ms, Zone zone) {
  if (text == "now") return now_ms;
  if (const auto iso = parse_iso(text)) return iso->has_zone ? ms_of(*iso) : from_wall(ms_of(*iso), zone);
  if (const auto wall = parse_wall_words(text, to_wall(now_ms, zone))) return from_wall(*wall, zone);
  if (const auto weeks = parse_weeks(text)) return now_ms + *weeks;
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error == std::errc() && end == text.data() + text.size() && ms >= 0 && text[0] != '-') return ms;
  const auto duration = parse_duration(text);
  if (!duration) return std::nullopt;
  const int64_t distance = std::chrono::duration_cast<std::chrono::milliseconds>(*duration).count();
  // `1h` alone can only be meant backwards.
  return now_ms + (text[0] == '+' || text[0] == '-' ? distance : -distance);
}

}  // namespace kutils
