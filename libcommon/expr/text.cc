#include "expr/text.h"

#include <date/date.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

namespace kutils::expr {
namespace {

bool digits(std::string_view text, size_t at, size_t n, int& out) {
  if (at + n > text.size()) return false;
  out = 0;
  for (size_t i = 0; i < n; ++i) {
    const char c = text[at + i];
    if (c < '0' || c > '9') return false;
    out = out * 10 + (c - '0');
  }
  return true;
}

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

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::optional<TimePoint> parse_rfc3339(std::string_view text) {
  int year, month, day, hour, minute, second;
  if (!digits(text, 0, 4, year) || !digits(text, 5, 2, month) || !digits(text, 8, 2, day) ||
      !digits(text, 11, 2, hour) || !digits(text, 14, 2, minute) || !digits(text, 17, 2, second))
    return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  const date::year_month_day ymd(date::year(year), date::month(static_cast<unsigned>(month)),
                                 date::day(static_cast<unsigned>(day)));
  if (!ymd.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  size_t at = 19;
  uint32_t nanoseconds = 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    size_t n = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
      if (n < 9) nanoseconds = nanoseconds * 10 + static_cast<uint32_t>(text[at] - '0');
      ++n;
      ++at;
    }
    if (n == 0) return std::nullopt;
    for (; n < 9; ++n) nanoseconds *= 10;
  }
  int64_t offset = 0;
  if (at >= text.size()) return std::nullopt;
  if (text[at] == 'Z' || text[at] == 'z') {
    ++at;
  } else if (text[at] == '+' || text[at] == '-') {
    int hours, minutes;
    if (!digits(text, at + 1, 2, hours) || at + 3 >= text.size() || text[at + 3] != ':' ||
        !digits(text, at + 4, 2, minutes) || hours > 23 || minutes > 59)
      return std::nullopt;
    offset = (hours * 60 + minutes) * 60;
    if (text[at] == '-') offset = -offset;
    at += 6;
  } else {
    return std::nullopt;
  }
  if (at != text.size()) return std::nullopt;
  const int64_t days = date::sys_days(ymd).time_since_epoch().count();
  const int64_t seconds = days * 86'400 + hour * 3'600 + minute * 60 + second - offset;
  if (seconds < kMinSeconds || seconds > kMaxSeconds) return std::nullopt;
  return TimePoint{seconds, nanoseconds};
}

void append_rfc3339(int64_t seconds, uint32_t nanoseconds, std::string& out) {
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
    if (nanoseconds % 1'000'000 == 0)
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
  append_uint(left / 1'000'000'000, out);
  if (const auto fraction = static_cast<unsigned>(left % 1'000'000'000)) {
    out.push_back('.');
    append_padded(fraction, 9, out);
    while (out.back() == '0') out.pop_back();
  }
  out.push_back('s');
}

void append_int(int64_t value, std::string& out) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void append_uint(uint64_t value, std::string& out) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
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

void append_base64(std::string_view bytes, std::string& out) {
  size_t i = 0;
  const auto at = [&](size_t n) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[n])); };
  for (; i + 3 <= bytes.size(); i += 3) {
    const uint32_t group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    for (int shift = 18; shift >= 0; shift -= 6) out.push_back(kBase64[group >> shift & 63]);
  }
  const size_t left = bytes.size() - i;
  if (left == 0) return;
  const uint32_t group = at(i) << 16 | (left == 2 ? at(i + 1) << 8 : 0);
  out.push_back(kBase64[group >> 18 & 63]);
  out.push_back(kBase64[group >> 12 & 63]);
  out.push_back(left == 2 ? kBase64[group >> 6 & 63] : '=');
  out.push_back('=');
}

std::optional<std::string> decode_base64(std::string_view text) {
  const bool padded = !text.empty() && text.back() == '=';
  if (padded && text.size() % 4 != 0) return std::nullopt;
  for (int i = 0; i < 2 && !text.empty() && text.back() == '='; ++i) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() * 3 / 4);
  uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    uint32_t digit;
    if (c >= 'A' && c <= 'Z')
      digit = static_cast<uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      digit = static_cast<uint32_t>(c - 'a' + 26);
    else if (c >= '0' && c <= '9')
      digit = static_cast<uint32_t>(c - '0' + 52);
    else if (c == '+')
      digit = 62;
    else if (c == '/')
      digit = 63;
    else
      return std::nullopt;
    group = group << 6 | digit;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>(group >> bits & 0xff));
    }
  }
  return out;
}

bool is_utf8(std::string_view text) {
  size_t i = 0;
  const size_t n = text.size();
  const auto at = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
  while (i < n) {
    const unsigned char c = at(i);
    if (c < 0x80) {
      ++i;
      continue;
    }
    size_t length;
    uint32_t code;
    uint32_t smallest;
    if ((c & 0xe0) == 0xc0) {
      length = 2, code = c & 0x1fU, smallest = 0x80;
    } else if ((c & 0xf0) == 0xe0) {
      length = 3, code = c & 0x0fU, smallest = 0x800;
    } else if ((c & 0xf8) == 0xf0) {
      length = 4, code = c & 0x07U, smallest = 0x10000;
    } else {
      return false;
    }
    if (i + length > n) return false;
    for (size_t k = 1; k < length; ++k) {
      if ((at(i + k) & 0xc0) != 0x80) return false;
      code = code << 6 | (at(i + k) & 0x3fU);
    }
    if (code < smallest || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return false;
    i += length;
  }
  return true;
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

void append_code_point(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0 | code >> 6));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | code >> 12));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | code >> 18));
    out.push_back(static_cast<char>(0x80 | (code >> 12 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  }
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

void append_json_string(std::string_view text, std::string& out) {
  constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  size_t plain = 0;  // start of the run that needs no change
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x80) {
      const size_t start = i;
      if (next_code_point(text, i) == 0xfffd && i == start + 1) {
        out.append(text.substr(plain, start - plain));
        out += "\xef\xbf\xbd";
        plain = i;
      }
      continue;
    }
    if (c >= 0x20 && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    out.append(text.substr(plain, i - plain));
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out.push_back(kHex[c >> 4]);
        out.push_back(kHex[c & 15]);
    }
    plain = ++i;
  }
  out.append(text.substr(plain));
  out.push_back('"');
}

}  // namespace kutils::expr
