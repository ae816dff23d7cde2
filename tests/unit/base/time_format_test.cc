#include "base/time_format.h"

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
  for (const char* bad : {"", "-5", "yesterday", "1x", "12345 ", "-", "99999999999999999999"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_time_ms(bad, kNow));
  }
}
