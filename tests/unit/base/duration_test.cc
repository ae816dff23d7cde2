#include "base/duration.h"

#include "base/error.h"
#include "support/catch.h"

using namespace kutils;
using namespace std::chrono_literals;

TEST_CASE("durations: one grammar") {
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("10s") == 10s);
  CHECK(parse_duration("1h30m") == 90min);
  CHECK(parse_duration("2d") == 48h);
  CHECK(parse_duration("1.5s") == 1500ms);
  CHECK(parse_duration("1.9ns") == 1ns);
  CHECK(parse_duration("-0.3s") == -300ms);
  CHECK(parse_duration("0.0000000019999999999999999s") == 1ns);
  CHECK(parse_duration("1\u00b5s") == 1us);
  CHECK(parse_duration("1\u03bcs") == 1us);
  CHECK(parse_duration("-1m") == -1min);
  CHECK(parse_duration("0") == 0s);
  CHECK(parse_duration("-9223372036854775808ns") == std::chrono::nanoseconds::min());
  for (const char* bad : {"", "5", "s", "1x", "1.s.", "-", "9223372036854775808ns", "200000d", "1m "}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration(bad).has_value());
  }
}

TEST_CASE("durations: printed in the same grammar") {
  CHECK(format_duration(90s) == "1m30s");
  CHECK(format_duration(0s) == "0s");
  CHECK(format_duration(-48h) == "-2d");
  CHECK(format_duration(1500us) == "1ms500us");
}

TEST_CASE("durations as options say what is wrong") {
  CHECK(parse_duration_option("--grace", "1m") == 1min);
  CHECK_THROWS_AS(parse_duration_option("--grace", "10"), Error);
  CHECK_THROWS_AS(parse_duration_option("--grace", "-1s"), Error);
  CHECK_THROWS_AS(parse_duration_option("--grace", "1us"), Error);
}
