#include "base/time_format.h"

#include <date/date.h>

#include <charconv>
#include <chrono>

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

std::optional<int64_t> parse_iso_ms(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day) return std::nullopt;
  const date::year_month_day date = date::year(*year) / *month / *day;
  if (!date.ok()) return std::nullopt;
  int64_t ms = static_cast<int64_t>(sys_days(date).time_since_epoch().count()) * 86'400'000;
  if (text.empty()) return ms;
  if (!take(text, 'T') && !take(text, 't') && !take(text, ' ')) return std::nullopt;
  const auto minutes = take_minutes(text);
  if (!minutes) return std::nullopt;
  ms += *minutes * 60'000;
  if (take(text, ':')) {
    const auto seconds = take_digits(text, 2);
    if (!seconds || *seconds > 59) return std::nullopt;
    ms += *seconds * 1000;
    if (take(text, '.')) {
      int64_t scale = 100;
      size_t digits = 0;
      for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; ++digits, scale /= 10) {
        ms += scale * (text[0] - '0');
        text.remove_prefix(1);
      }
      if (digits == 0) return std::nullopt;
    }
  }
  if (text.empty()) return ms;
  if (take(text, 'Z') || take(text, 'z')) return text.empty() ? std::optional(ms) : std::nullopt;
  const bool west = take(text, '-');
  if (!west && !take(text, '+')) return std::nullopt;
  const auto offset = take_minutes(text);
  if (!offset || !text.empty()) return std::nullopt;
  return ms + (west ? *offset : -*offset) * 60'000;
}

std::optional<int64_t> parse_time_ms(std::string_view text, int64_t now_ms) {
  if (text == "now") return now_ms;
  if (const auto iso = parse_iso_ms(text)) return iso;
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
