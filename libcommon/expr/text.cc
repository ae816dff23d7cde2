#include "expr/text.h"

#include <date/date.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <vector>

#include "base/printable.h"
#include "base/time_format.h"
#include "base/utf8.h"
#include "data/json_write.h"

namespace kutils::expr {
namespace {

void append_padded(unsigned value, int width, std::string& out) {
  char buffer[16];
  int n = 0;
  do {
    buffer[n++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value != 0);
  for (int i = n; i < width; ++i) out.push_back('0');
  while (n > 0) out.push_back(buffer[--n]);
}

}  // namespace

template <typename T>
std::optional<T> read_number(std::string_view text, bool* out_of_range) {
  const bool has_sign = std::is_signed_v<T> && text.size() > 1 && text[0] == '+' && text[1] != '-';
  const std::string_view digits = text.substr(has_sign ? 1 : 0);
  T value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (end != digits.data() + digits.size() || error == std::errc::invalid_argument) return std::nullopt;
  bool is_too_large = error == std::errc::result_out_of_range;
  if constexpr (std::is_floating_point_v<T>) {
    // NaN has neither a sign nor a payload.
    if (std::isnan(value) && text.size() != 3) return std::nullopt;
    if (is_too_large) {
      // What is too small is zero, or the nearest of the smallest.
      value = std::strtod(std::string(digits).c_str(), nullptr);
      is_too_large = std::isinf(value);
    }
  }
  if (!is_too_large) return value;
  if (out_of_range != nullptr) *out_of_range = true;
  return std::nullopt;
}
template std::optional<int64_t> read_number(std::string_view, bool*);
template std::optional<uint64_t> read_number(std::string_view, bool*);
template std::optional<double> read_number(std::string_view, bool*);

std::optional<TimePoint> parse_rfc3339(std::string_view text) {
  const auto time = parse_iso(text);
  if (!time || !time->is_rfc3339 || time->seconds < kMinSeconds || time->seconds > kMaxSeconds)
    return std::nullopt;
  return TimePoint{time->seconds, time->nanoseconds};
}

void append_rfc3339(int64_t seconds, uint32_t nanoseconds, std::string& out, Fraction fraction) {
  int64_t days = seconds / 86'400;
  int64_t rest = seconds % 86'400;
  if (rest < 0) {
    rest += 86'400;
    --days;
  }
  const date::year_month_day ymd{date::sys_days(date::days(days))};
  append_padded(static_cast<unsigned>(static_cast<int>(ymd.year())), 4, out);
  out.push_back('-');
  append_padded(static_cast<unsigned>(ymd.month()), 2, out);
  out.push_back('-');
  append_padded(static_cast<unsigned>(ymd.day()), 2, out);
  out.push_back('T');
  append_padded(static_cast<unsigned>(rest / 3600), 2, out);
  out.push_back(':');
  append_padded(static_cast<unsigned>(rest / 60 % 60), 2, out);
  out.push_back(':');
  append_padded(static_cast<unsigned>(rest % 60), 2, out);
  if (nanoseconds != 0) {
    out.push_back('.');
    if (fraction == Fraction::shortest) {
      append_padded(nanoseconds, 9, out);
      while (out.back() == '0') out.pop_back();
    } else if (nanoseconds % 1'000'000 == 0)
      append_padded(nanoseconds / 1'000'000, 3, out);
    else if (nanoseconds % 1'000 == 0)
      append_padded(nanoseconds / 1'000, 6, out);
    else
      append_padded(nanoseconds, 9, out);
  }
  out.push_back('Z');
}

void append_duration_seconds(int64_t nanoseconds, std::string& out) {
  uint64_t left = static_cast<uint64_t>(nanoseconds);
  if (nanoseconds < 0) {
    out.push_back('-');
    left = 0 - left;
  }
  append_json_uint(left / 1'000'000'000, out);
  if (const auto fraction = static_cast<unsigned>(left % 1'000'000'000)) {
    out.push_back('.');
    append_padded(fraction, 9, out);
    while (out.back() == '0') out.pop_back();
  }
  out.push_back('s');
}

void append_double(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
  } else {
    char buffer[32];
    out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  }
}

void append_plain_double(double value, std::string& out) {
  if (!std::isfinite(value)) return append_double(value, out);
  // d.ddde+xx: the digits are the shortest that read back; the zeros around them are ours, since to_chars()
  // would write the digits of the binary value in their place.
  char buffer[32];
  const std::string_view text(
      buffer,
      static_cast<size_t>(
          std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr - buffer));
  const size_t e = text.find('e');
  int exponent = 0;
  std::from_chars(text.data() + e + (text[e + 1] == '+' ? 2 : 1), text.data() + text.size(), exponent);
  char digits[24];
  int n = 0;
  for (const char c : text.substr(0, e)) {
    if (c == '-') out.push_back(c);
    if (c >= '0' && c <= '9') digits[n++] = c;
  }
  const std::string_view all(digits, static_cast<size_t>(n));
  if (exponent < 0) {
    out += "0.";
    out.append(static_cast<size_t>(-exponent - 1), '0');
    out += all;
    return;
  }
  const auto whole = static_cast<size_t>(exponent) + 1;
  out += all.substr(0, whole);
  if (whole >= all.size()) {
    out.append(whole - all.size(), '0');
  } else {
    out.push_back('.');
    out += all.substr(whole);
  }
}

std::string shortened(std::string_view text, size_t most) {
  if (text.size() <= most) return printable_line(text);
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return printable_line(text.substr(0, end)) + "...";
}

size_t find_text(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size()) return std::string_view::npos;
  if (part.empty()) return from;
  if (from == text.size()) return std::string_view::npos;
  const void* found = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found ? static_cast<size_t>(static_cast<const char*>(found) - text.data()) : std::string_view::npos;
}

size_t count_code_points(std::string_view utf8) {
  size_t n = 0;
  for (const char c : utf8) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return n;
}

size_t code_point_offset(std::string_view utf8, size_t n) {
  for (size_t i = 0; i < utf8.size(); ++i) {
    if ((static_cast<unsigned char>(utf8[i]) & 0xc0) == 0x80) continue;
    if (n-- == 0) return i;
  }
  return n == 0 ? utf8.size() : std::string_view::npos;
}

uint32_t next_code_point(std::string_view utf8, size_t& position) {
  const auto first = static_cast<unsigned char>(utf8[position]);
  const size_t length = first < 0x80 ? 1 : (first & 0xe0) == 0xc0 ? 2 : (first & 0xf0) == 0xe0 ? 3 : 4;
  if (length == 1) {
    ++position;
    return first;
  }
  const std::string_view part = utf8.substr(position, length);
  if (part.size() < length || !is_utf8(part)) {
    ++position;
    return 0xfffd;
  }
  uint32_t code = first & (0xffU >> (length + 1));
  for (size_t k = 1; k < length; ++k) code = code << 6 | (static_cast<unsigned char>(part[k]) & 0x3fU);
  position += length;
  return code;
}

}  // namespace kutils::expr
