#include "base/error.h"
#include "base/time_format.h"
#include "flow/window/time_windows.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

std::string window(const char* kind, const char* zone, const char* time) {
  const auto windows = make_time_windows(parse_window_spec(kind, "", zone));
  std::vector<TimeWindow> found;
  windows->windows_of(parse_iso_ms(time).value(), found);
  REQUIRE(found.size() == 1);
  CHECK(windows->end_of(found[0].start) == found[0].end);
  return format_iso_ms(found[0].start).substr(0, 16) + " " + format_iso_ms(found[0].end).substr(0, 16);
}

std::vector<int64_t> starts(const char* spec, const char* align, int64_t time) {
  std::vector<TimeWindow> found;
  make_time_windows(parse_window_spec(spec, align))->windows_of(time, found);
  std::vector<int64_t> result;
  for (const TimeWindow& one : found) {
    CHECK((one.start <= time && time < one.end));
    result.push_back(one.start);
  }
  return result;
}

}  // namespace

TEST_CASE("calendar windows: days of 23 and 25 hours, weeks from Monday, months") {
  CHECK(window("day", "Europe/Berlin", "2024-03-31T12:00:00Z") == "2024-03-30T23:00 2024-03-31T22:00");
  CHECK(window("day", "Europe/Berlin", "2024-10-27T12:00:00Z") == "2024-10-26T22:00 2024-10-27T23:00");
  CHECK(window("day", "Europe/Berlin", "2024-06-01T21:59:59.999Z") == "2024-05-31T22:00 2024-06-01T22:00");
  CHECK(window("day", "Europe/Berlin", "2024-06-01T22:00:00Z") == "2024-06-01T22:00 2024-06-02T22:00");
  CHECK(window("week", "", "2024-05-05T10:00:00Z") == "2024-04-29T00:00 2024-05-06T00:00");
  CHECK(window("month", "America/New_York", "2024-03-01T04:59:00Z") == "2024-02-01T05:00 2024-03-01T05:00");
  CHECK(window("month", "", "2024-12-31T23:59:00Z") == "2024-12-01T00:00 2025-01-01T00:00");
  // Midnight does not exist on this day.
  CHECK(window("day", "America/Sao_Paulo", "2018-11-04T12:00:00Z") == "2018-11-04T03:00 2018-11-05T02:00");
  // Clocks went from 00:01 back to 23:01: the days meet at the first midnight.
  const char* day_before = "2010-11-06T02:30 2010-11-07T02:30";
  const char* day_after = "2010-11-07T02:30 2010-11-08T03:30";
  CHECK(window("day", "America/St_Johns", "2010-11-07T02:29:59Z") == day_before);
  CHECK(window("day", "America/St_Johns", "2010-11-07T02:30:00Z") == day_after);
  CHECK(window("day", "America/St_Johns", "2010-11-07T02:31:00Z") == day_after);
  CHECK(window("day", "America/St_Johns", "2010-11-07T03:29:59Z") == day_after);
  CHECK(window("day", "America/St_Johns", "2010-11-07T03:30:00Z") == day_after);
  // It comes twice.
  CHECK(window("day", "America/Havana", "2023-11-05T05:30:00Z") == "2023-11-05T04:00 2023-11-06T05:00");
  CHECK(window("day", "Europe/Berlin", "1970-01-01T00:00:00Z") == "1969-12-31T23:00 1970-01-01T23:00");
}

TEST_CASE("hopping windows: multiples of the advance, never before the epoch unless aligned") {
  CHECK(starts("30ms/10ms", "", 35) == std::vector<int64_t>{10, 20, 30});
  CHECK(starts("30ms/10ms", "", 5) == std::vector<int64_t>{0});
  CHECK(starts("10ms/4ms", "", 9) == std::vector<int64_t>{0, 4, 8});
  CHECK(starts("10ms", "3ms", 12) == std::vector<int64_t>{3});
  CHECK(starts("10ms", "3ms", 2) == std::vector<int64_t>{-7});
  CHECK(starts("10ms", "13ms", 13) == std::vector<int64_t>{13});
}

TEST_CASE("window specifications: read and printed") {
  for (const char* text : {"30s", "30s/5s", "1d/1s", "sliding:5m", "session:30m"})
    CHECK(to_string(parse_window_spec(text)) == text);
  CHECK(to_string(parse_window_spec("day", "", "Europe/Berlin")) == "day Europe/Berlin");
  for (const char* bad : {"", "0s", "30", "5s/30s", "sliding:", "session:x", "year", "30s/0s", "365d/1ms"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_window_spec(bad), Error);
  }
  CHECK_THROWS_AS(parse_window_spec("day", "", "Mars/Base"), Error);
  CHECK_THROWS_AS(parse_window_spec("30s", "", "UTC"), Error);
  CHECK_THROWS_AS(parse_window_spec("session:3s", "1s"), Error);
}
