#include "expr/time_parser.h"

#include <date/date.h>

#include <array>

namespace kutils::expr {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"january",   "february", "march",    "april",
                                                      "may",       "june",     "july",     "august",
                                                      "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> kDays = {"sunday",   "monday", "tuesday", "wednesday",
                                                   "thursday", "friday", "saturday"};
constexpr std::array<std::string_view, 2> kHalves = {"am", "pm"};

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

// What a directive stands for in terms of others; empty: it is none of these.
std::string_view expansion(char directive) {
  switch (directive) {
    case 'F':
      return "%Y-%m-%d";
    case 'T':
    case 'X':
      return "%H:%M:%S";
    case 'D':
    case 'x':
      return "%m/%d/%y";
    case 'R':
      return "%H:%M";
    case 'r':
      return "%I:%M:%S %p";
    case 'c':
      return "%a %b %d %H:%M:%S %Y";
    default:
      return {};
  }
}

class TimeParser {
 public:
  TimeParser(std::string_view text, std::string& error) : text_(text), error_(error) {}

  bool read(std::string_view format) {
    for (size_t i = 0; i < format.size(); ++i) {
      const char c = format[i];
      if (is_space(c)) {
        skip_space();
      } else if (c != '%') {
        if (!take(c)) return false;
      } else {
        ++i;
        if (i + 1 < format.size() && format[i] == 'E' && format[i + 1] == 'z') ++i;
        if (i >= format.size()) return bad_format("the format ends with a single %");
        if (const std::string_view longer = expansion(format[i]); !longer.empty()) {
          if (!read(longer)) return false;
        } else if (!directive(format[i])) {
          return false;
        }
      }
    }
    return true;
  }
  bool at_end() const { return at_ == text_.size(); }

  std::optional<WrittenTime> result() const {
    namespace d = date;
    if (year_ < 0) return std::nullopt;
    d::local_days day;
    if (day_of_year_ > 0 && month_ == 0 && day_ == 0) {
      day = d::local_days(d::year(year_) / 1 / 1) + d::days(day_of_year_ - 1);
      if (d::year_month_day(day).year() != d::year(year_)) return std::nullopt;
    } else {
      const d::year_month_day written = d::year(year_) / d::month(month_) / d::day(day_);
      if (!written.ok()) return std::nullopt;
      day = d::local_days(written);
      if (day_of_year_ > 0 && day - d::local_days(d::year(year_) / 1 / 1) != d::days(day_of_year_ - 1))
        return std::nullopt;
    }
    if (weekday_ >= 0 && d::weekday(day) != d::weekday(static_cast<unsigned>(weekday_))) return std::nullopt;
    int hour = hour_;
    if (hour12_ > 0) {
      if (half_ < 0) return std::nullopt;  // which half of the day?
      hour = hour12_ % 12 + 12 * half_;
    }
    WrittenTime time = time_;
    time.seconds = day.time_since_epoch().count() * int64_t{86'400} + hour * 3'600 + minute_ * 60 + second_;
    return time;
  }

 private:
  bool bad_format(std::string message) {
    error_ = std::move(message);
    return false;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  // One digit at least, `most` at most.
  bool number(int most, int from, int to, int& out) {
    int value = 0;
    int n = 0;
    for (; n < most && is_digit(peek()); ++n, ++at_) value = value * 10 + (peek() - '0');
    if (n == 0 || value < from || value > to) return false;
    out = value;
    return true;
  }
  // A name in full, or its first three letters.
  template <size_t n>
  bool name(const std::array<std::string_view, n>& names, int& out) {
    for (size_t i = 0; i < n; ++i) {
      size_t same = 0;
      while (same < names[i].size() && at_ + same < text_.size() &&
             lower(text_[at_ + same]) == names[i][same])
        ++same;
      if (same < names[i].size() && same < 3) continue;
      at_ += same == names[i].size() ? same : 3;
      out = static_cast<int>(i);
      return true;
    }
    return false;
  }

  bool directive(char c) {
    switch (c) {
      case '%':
        return take('%');
      case 'n':
      case 't':
        skip_space();
        return true;
      case 'Y':
        return number(4, 0, 9999, year_);
      case 'y': {
        int two = 0;
        if (!number(2, 0, 99, two)) return false;
        year_ = two < 69 ? 2000 + two : 1900 + two;  // as POSIX has it
        return true;
      }
      case 'm': {
        int month = 0;
        if (!number(2, 1, 12, month)) return false;
        month_ = static_cast<unsigned>(month);
        return true;
      }
      case 'b':
      case 'B':
      case 'h': {
        int month = 0;
        if (!name(kMonths, month)) return false;
        month_ = static_cast<unsigned>(month) + 1;
        return true;
      }
      case 'e':
      case 'd': {
        if (c == 'e') skip_space();
        int day = 0;
        if (!number(2, 1, 31, day)) return false;
        day_ = static_cast<unsigned>(day);
        return true;
      }
      case 'j':
        return number(3, 1, 366, day_of_year_);
      case 'a':
      case 'A':
        return name(kDays, weekday_);
      case 'H':
        return number(2, 0, 23, hour_);
      case 'I':
        return number(2, 1, 12, hour12_);
      case 'p':
        return name(kHalves, half_);
      case 'M':
        return number(2, 0, 59, minute_);
      case 'S':
        return number(2, 0, 59, second_) && fraction();
      case 'z':
        return offset();
      case 'Z':
        return zone();
      default:
        return bad_format(std::string("parse_time() has no %") + c);
    }
  }

  // Digits beyond nanoseconds are read and left out.
  bool fraction() {
    if (peek() != '.' || at_ + 1 >= text_.size() || !is_digit(text_[at_ + 1])) return true;
    ++at_;
    time_.nanoseconds = 0;
    for (uint32_t unit = 100'000'000; is_digit(peek()); unit /= 10, ++at_)
      time_.nanoseconds += unit * static_cast<uint32_t>(peek() - '0');
    return true;
  }

  bool offset() {
    if (take('Z')) {
      time_.offset = 0;
      return true;
    }
    const bool west = peek() == '-';
    if (!take('+') && !take('-')) return false;
    int hours = 0;
    int minutes = 0;
    if (!number(2, 0, 23, hours)) return false;
    if (take(':') || is_digit(peek())) {
      if (!number(2, 0, 59, minutes)) return false;
    }
    const int64_t seconds = int64_t{hours} * 3'600 + minutes * 60;
    time_.offset = west ? -seconds : seconds;
    return true;
  }

  bool zone() {
    const size_t from = at_;
    while (lower(peek()) >= 'a' && lower(peek()) <= 'z') ++at_;
    time_.zone = text_.substr(from, at_ - from);
    return at_ > from;
  }

  std::string_view text_;
  std::string& error_;
  size_t at_ = 0;
  WrittenTime time_;
  int year_ = -1;
  unsigned month_ = 0;
  unsigned day_ = 0;
  int day_of_year_ = 0;
  int weekday_ = -1;
  int hour_ = 0;
  int hour12_ = 0;
  int half_ = -1;
  int minute_ = 0;
  int second_ = 0;
};

}  // namespace

std::optional<WrittenTime> parse_written_time(std::string_view text, std::string_view format,
                                              std::string& error) {
  TimeParser parser(text, error);
  if (!parser.read(format) || !parser.at_end()) return std::nullopt;
  return parser.result();
}

}  // namespace kutils::expr
