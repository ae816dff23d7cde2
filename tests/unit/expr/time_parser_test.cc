// strptime's formats, and what parse_time() makes of them.
#include "expr/time_parser.h"

#include <cstdlib>
#include <ctime>

#include "expr/expressions.h"
#include "support/catch.h"

using namespace kutils;

namespace {

// Seconds since 1970; -1: it does not fit; -2: the format is wrong.
int64_t seconds(std::string_view text, std::string_view format) {
  std::string error;
  const auto time = expr::parse_written_time(text, format, error);
  if (!error.empty()) return -2;
  return time ? time->seconds - time->offset.value_or(0) : -1;
}

std::string result(std::string_view expression) {
  expr::Expressions set{expr::Options{.record = false}};
  try {
    const size_t handle = set.add(expression, "");
    if (set.bind(Record{})) return "bind";
    const auto value = set.get(handle);
    if (!value) return value.error().message;
    std::string out;
    if (append_text(*value, out)) return "no text";
    return out;
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("formats of times") {
  constexpr int64_t kNoon = 1714564800;  // 2024-05-01T12:00:00Z, a Wednesday, day 122
  CHECK(seconds("2024-05-01 12:00:00", "%Y-%m-%d %H:%M:%S") == kNoon);
  CHECK(seconds("2024-05-01 12:00:00", "%F %T") == kNoon);
  CHECK(seconds("2024-05-01T12:00:00.123456789012", "%FT%T") == kNoon);
  CHECK(seconds("05/01/24 12:00", "%D %R") == kNoon);
  CHECK(seconds("01/May/2024:14:00:00 +0200", "%d/%b/%Y:%H:%M:%S %z") == kNoon);
  CHECK(seconds("2024-05-01 07:00-05:00", "%F %R%z") == kNoon);
  CHECK(seconds("2024-05-01 12:00 Z", "%F %R %Ez") == kNoon);
  CHECK(seconds("Wed May  1 12:00:00 2024", "%c") == kNoon);
  CHECK(seconds("WEDNESDAY, 1 may 2024 12:00:00 PM", "%A, %d %B %Y %r") == kNoon);
  CHECK(seconds("12 am, may 1st 2024", "%I %p, %b %est %Y") == kNoon - 43200);
  CHECK(seconds("2024 122 12", "%Y %j %H") == kNoon);
  CHECK(seconds("20240501120000", "%Y%m%d%H%M%S") == kNoon);
  CHECK(seconds("69-01-01", "%y-%m-%d") == -31536000);
  CHECK(seconds("100%2024-05-01", "100%%%F") == kNoon - 43200);
  CHECK(seconds("  2024-05-01\t12:00", " %F%n%R") == kNoon);
}

TEST_CASE("what is no time of the format") {
  CHECK(seconds("2024-02-30", "%F") == -1);
  CHECK(seconds("2023-02-29", "%F") == -1);
  CHECK(seconds("2023 366", "%Y %j") == -1);
  CHECK(seconds("Thu 2024-05-01", "%a %F") == -1);
  CHECK(seconds("2024-05-01x", "%F") == -1);
  CHECK(seconds("2024-05", "%Y-%m") == -1);
  CHECK(seconds("12:00", "%R") == -1);
  CHECK(seconds("2024-05-01 3:00", "%F %I:%M") == -1);
  CHECK(seconds("2024-05-01 24:00", "%F %R") == -1);
  CHECK(seconds("2024-05-01 1", "%F %1T12") == -2);
  CHECK(seconds("2024-05-01", "%F%") == -2);
  CHECK(seconds("", "%F") == -1);
  CHECK(seconds("", "") == -1);
}

TEST_CASE("parse_time()") {
  CHECK(result("parse_time('01/Jan/7024 14:00', '%d/%b/%Y %H:%M', 'Europe/Berlin')") ==
        "7024-01-01T13:00:00Z");
  CHECK(result("parse_time('1066-10-14', '%F')") == "1066-10-14T00:00:00Z");
  CHECK(result("parse_time('2024-05-01 12:00:00.25', '%F %T', '-09:30')") == "2024-05-01T21:30:00.250Z");
  // An offset in the text goes before the zone.
  CHECK(result("parse_time('2024-05-01 12:00 +0100', '%F %R %z', 'Europe/Berlin')") ==
        "2024-05-01T11:00:00Z");
  CHECK(result("parse_time('2024-05-01 12:00 UTC', '%F %R %Z')") == "2024-05-01T12:00:00Z");
  CHECK(result("parse_time('2024-05-01 12:00 CEST', '%F %R %Z', 'Europe/Berlin')") == "2024-05-01T10:00:00Z");
  CHECK(result("parse_time('2024-05-01 12:00 CEST', '%F %R %Z')")
            .find("the offset of the zone CEST is not known") != std::string::npos);
  CHECK(result("parse_time('0000-01-01', '%F')").find("from the year 1 to 9999") != std::string::npos);
  CHECK(result("parse_time('0001-01-01', '%F', '+01:00')").find("out of range") != std::string::npos);
  CHECK(result("parse_time('2024', '%Q')").find("has no %Q") != std::string::npos);
  CHECK(result("parse_time('2024', '%F')").find("'2024' is not a time of the format %F") !=
        std::string::npos);
}

TEST_CASE("the zone 'local' is the machine's") {
  const char* before = std::getenv("TZ");
  const std::string old = before ? before : "";
  setenv("TZ", "Europe/Berlin", 1);
  tzset();
  CHECK(result("format_time(timestamp('2024-05-01T12:00:00Z'), '%F %T %z %Z', 'local')") ==
        "2024-05-01 14:00:00 +0200 CEST");
  CHECK(result("format_time(timestamp('2024-12-31T23:30:00.5Z'), '%F %T %Z', 'local')") ==
        "2025-01-01 00:30:00.500 CET");
  CHECK(result("parse_time('2024-05-01 14:00', '%F %R', 'local')") == "2024-05-01T12:00:00Z");
  CHECK(result("timestamp('2024-12-31T23:30:00Z').getFullYear('local')") == "2025");
  if (before)
    setenv("TZ", old.c_str(), 1);
  else
    unsetenv("TZ");
  tzset();
}
