#include "base/time_format.h"

#include <cstdlib>
#include <ctime>
#include <random>

#include "support/catch.h"

using namespace kutils;

TEST_CASE("times: ISO both ways") {
  CHECK(format_iso_ms(0) == "1970-01-01T00:00:00.000Z");
  CHECK(format_iso_ms(-1) == "1969-12-31T23:59:59.999Z");
  CHECK(format_iso_ms(1'767'225'600'123) == "2026-01-01T00:00:00.123Z");
  CHECK(format_iso_ms(253'402'300'799'999) == "9999-12-31T23:59:59.999Z");
  CHECK(format_iso_ms(253'402'300'800'000) == "253402300800000");
  CHECK(parse_iso_ms("2026-01-01") == 1'767'225'600'000);
  CHECK(parse_iso_ms("2026-01-01T00:00") == 1'767'225'600'000);
  CHECK(parse_iso_ms("2026-01-01 01:00:00.5+01:00") == 1'767'225'600'500);
  CHECK(parse_iso_ms("2025-12-31T19:00:00-05:00") == 1'767'225'600'000);
  CHECK(parse_iso_ms("2026-01-01T00:00:00.123999999Z") == 1'767'225'600'123);
  for (const char* bad :
       {"", "2026", "2026-02-30", "2026-13-01", "2026-01-01T24:00", "2026-01-01T00", "2026-01-01T00:00:60",
        "2026-01-01T00:00:00.", "2026-01-01T00:00:00Zx", "2026-01-01Z", "2026-01-01T00:00+1", "26-01-01"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_iso_ms(bad));
  }
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 1000; ++i) {
    const int64_t ms = static_cast<int64_t>(random() % 315'569'520'000'000) - 62'167'219'200'000;
    REQUIRE(parse_iso_ms(format_iso_ms(ms)) == ms);
  }
}

TEST_CASE("times: what options take") {
  constexpr int64_t kNow = 1'000'000'000'000;
  CHECK(parse_time_ms("now", kNow) == kNow);
  CHECK(parse_time_ms("1h", kNow) == kNow - 3'600'000);
  CHECK(parse_time_ms("-1h", kNow) == kNow - 3'600'000);
  CHECK(parse_time_ms("+1h", kNow) == kNow + 3'600'000);
  CHECK(parse_time_ms("12345", kNow) == 12345);
  CHECK(parse_time_ms("1970-01-02", kNow) == 86'400'000);
  for (const char* bad : {"", "-5", "tomorrow", "today 9", "yesterdays", "24:00", "09:60", "09:00:61", "w",
                          "-w", "1.5w", "1x", "12345 ", "-", "99999999999999999999"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_time_ms(bad, kNow));
  }
}

TEST_CASE("times: days and times of day, in UTC or on this machine's clock") {
  const int64_t now = *parse_iso_ms("2026-03-29T08:30:00Z");
  const auto utc = [&](const char* text) { return format_iso_ms(parse_time_ms(text, now).value_or(-1)); };
  CHECK(utc("today") == "2026-03-29T00:00:00.000Z");
  CHECK(utc("yesterday") == "2026-03-28T00:00:00.000Z");
  CHECK(utc("yesterday 23:15") == "2026-03-28T23:15:00.000Z");
  CHECK(utc("08:30") == "2026-03-29T08:30:00.000Z");
  CHECK(utc("08:31") == "2026-03-28T08:31:00.000Z");  // the last one that has been
  CHECK(utc("08:29:59.5") == "2026-03-29T08:29:59.500Z");
  CHECK(utc("1w") == "2026-03-22T08:30:00.000Z");
  CHECK(utc("-2w") == "2026-03-15T08:30:00.000Z");
  CHECK(utc("+1w") == "2026-04-05T08:30:00.000Z");
  for (const char* text :
       {"today", "09:00", "9:00", "today 9:00", "yesterday 01:00", "2026-01-31", "2026-01-31T09:30"}) {
    CAPTURE(text);
    CHECK(depends_on_zone(text));
  }
  for (const char* text : {"1h", "now", "12345", "2026-01-31T09:30Z", "2026-01-31T09:30+01:00", "", "x"}) {
    CAPTURE(text);
    CHECK_FALSE(depends_on_zone(text));
  }

  // The night in which Berlin's clocks went from two to three.
  const char* before = std::getenv("TZ");
  const std::string old = before ? before : "";
  setenv("TZ", "Europe/Berlin", 1);
  tzset();
  const auto local = [&](const char* text) {
    return format_iso_ms(parse_time_ms(text, now, Zone::local).value_or(-1));
  };
  CHECK(local("today") == "2026-03-28T23:00:00.000Z");
  CHECK(local("10:30") == "2026-03-29T08:30:00.000Z");
  CHECK(local("10:31") == "2026-03-28T09:31:00.000Z");
  CHECK(local("yesterday 23:15") == "2026-03-28T22:15:00.000Z");
  CHECK(local("2026-01-31T09:30") == "2026-01-31T08:30:00.000Z");
  CHECK(local("2026-01-31T09:30Z") == "2026-01-31T09:30:00.000Z");
  CHECK_FALSE(local_zone_is_utc(now));
  if (before)
    setenv("TZ", old.c_str(), 1);
  else
    unsetenv("TZ");
  tzset();
}
