#include "io/range.h"

#include <cstdlib>
#include <ctime>

#include "base/error.h"
#include "io/read_as_utc.h"
#include "support/catch.h"
#include "support/fixed_admin.h"

using namespace kutils;
using namespace kutils::io;
using Kind = Place::Kind;

namespace {

constexpr int64_t kNow = 1'800'000'000'000;
constexpr int64_t kHour = 3'600'000;

RangePlaces places(const std::string& from) {
  Range range;
  range.from = from;
  return parse_range(range, kNow);
}

bool refused(const Range& range) {
  try {
    parse_range(range, kNow);
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    return true;
  }
  return false;
}

bool refused(const std::string& from) {
  Range range;
  range.from = from;
  return refused(range);
}

}  // namespace

TEST_CASE("-o: words and numbers") {
  CHECK(places("").from == Place{Kind::beginning, 0});
  CHECK(places("beginning").from == Place{Kind::beginning, 0});
  CHECK(places("start").from == Place{Kind::beginning, 0});
  CHECK(places("oldest").from == Place{Kind::beginning, 0});
  CHECK(places("stored").from == Place{Kind::beginning, 0});
  CHECK(places("newest").from == Place{Kind::end, 0});
  CHECK(places("end").from == Place{Kind::end, 0});
  CHECK(places("42").from == Place{Kind::offset, 42});
  CHECK(places("+7").from == Place{Kind::after_begin, 7});
  CHECK(places("-7").from == Place{Kind::before_end, 7});
  CHECK_FALSE(places("42").to);
}

TEST_CASE("-o: ranges of offsets and times") {
  CHECK(places("10:20").from == Place{Kind::offset, 10});
  CHECK(*places("10:20").to == Place{Kind::offset, 20});
  CHECK(*places(":20").to == Place{Kind::offset, 20});
  CHECK(*places(":end").to == Place{Kind::end, 0});
  CHECK_FALSE(places("10:").to);
  CHECK(places("-10:end").from == Place{Kind::before_end, 10});
  CHECK(places("@-48h:-24h").from == Place{Kind::time, kNow - 48 * kHour});
  CHECK(*places("@-48h:-24h").to == Place{Kind::time, kNow - 24 * kHour});
  CHECK(*places("@-48h:1h").to == Place{Kind::time, kNow - 47 * kHour});
  CHECK(places("@2026-01-31T09:30").from == Place{Kind::time, 1'769'851'800'000});
  CHECK_FALSE(places("@2026-01-31T09:30").to);
  CHECK(*places("@2026-01-31T09:30:00:2026-01-31T10:30:00").to == Place{Kind::time, 1'769'855'400'000});
  CHECK_THROWS_AS(places("@07:30:08:30"), Error);  // it is 08:00: that lies ahead
  CHECK(places("@07:30:07:45").to->value - places("@07:30:07:45").from.value == kHour / 4);
  CHECK(places("@09:30:00:10:30").from.kind == Kind::time);
  CHECK(places("@9:30").from == places("@09:30").from);
  CHECK_FALSE(places("@9:30").to);
  CHECK(places("@8:30:9:30").to->value - places("@8:30:9:30").from.value == kHour);
  CHECK(places("@09:30:10:30").to->value - places("@09:30:10:30").from.value == kHour);
  CHECK(*places("@2026-01-31:end").to == Place{Kind::end, 0});
  CHECK(*places("@:-1h").to == Place{Kind::time, kNow - kHour});
  CHECK(*places(":@-1h").to == Place{Kind::time, kNow - kHour});
  CHECK(places("@1700000000000").from == Place{Kind::time, 1'700'000'000'000});
  CHECK(places("s@1700000000000").from == Place{Kind::time, 1'700'000'000'000});
  CHECK(*places("e@1700000000000").to == Place{Kind::time, 1'700'000'000'000});
  CHECK(places("s@1700000000000:e@1700000000001").from.value == 1'700'000'000'000);
  CHECK(places("s@1700000000000:e@1700000000001").to->value == 1'700'000'000'001);
}

TEST_CASE("-o: times without @, and +D from the first one") {
  CHECK(places("-2h:").from == Place{Kind::time, kNow - 2 * kHour});
  CHECK_FALSE(places("-2h:").to);
  CHECK(places("-2h").from == places("@-2h").from);
  CHECK(places("yesterday").from == places("@yesterday").from);
  // Half a day, whatever the clock shows.
  for (const char* half : {"@yesterday:12:00", "@yesterday:@12:00", "yesterday:12:00"}) {
    CAPTURE(half);
    CHECK(places(half).to->value - places(half).from.value == 12 * kHour);
  }
  CHECK(places("-48h:-24h").from == places("@-48h:-24h").from);
  CHECK(places("-48h:-24h").to == places("@-48h:-24h").to);
  CHECK(places("2026-01-31T09:30Z:+5m").from == Place{Kind::time, 1'769'851'800'000});
  CHECK(*places("2026-01-31T09:30Z:+5m").to == Place{Kind::time, 1'769'851'800'000 + 5 * 60'000});
  CHECK(*places("@-2h:+30m").to == *places("@-2h:30m").to);
  CHECK(*places(":-1h").to == Place{Kind::time, kNow - kHour});
  CHECK(places("9:30").from == Place{Kind::offset, 9});  // offsets, as ever
  CHECK(places("-2").from == Place{Kind::before_end, 2});
  CHECK(places("+2").from == Place{Kind::after_begin, 2});
}

TEST_CASE("-o foo is refused, with the grammar") {
  for (const char* text :
       {"foo", ":", "--1", "1:2:3", "@", "@foo", "@-1h:foo", "s@", "s@foo", "e@x", "20:10", "1.5", "09:30",
        "9:05", "@-1h:-2h", "0x10", "@+1h:end:x", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK(refused(std::string(text)));
  }
  try {
    places("foo");
  } catch (const Error& error) {
    CHECK(error.hint().find("beginning") != std::string::npos);
  }
}

TEST_CASE("--since, --until, --tail, and what excludes what") {
  Range range;
  range.since = "1h";
  range.until = "now";
  CHECK(parse_range(range, kNow).from == Place{Kind::time, kNow - kHour});
  CHECK(*parse_range(range, kNow).to == Place{Kind::time, kNow});
  range.until = "+1h";
  CHECK(refused(range));
  range.exit_at_end = true;  // then it ends anyway
  CHECK_FALSE(refused(range));
  range.exit_at_end = false;
  range.until = "1795271218";  // `date +%s`
  CHECK(refused(range));
  range.until = "999999";  // ms, of a test
  range.since = "0";
  CHECK_FALSE(refused(range));
  range.since = "300";  // 5 minutes without their unit
  CHECK(refused(range));
  range.since = "1h";
  range.until = "2h";
  CHECK(refused(range));
  range.until = "soon";
  CHECK(refused(range));
  range.until = "";
  range.tail = 5;
  CHECK(refused(range));
  range.since = "";
  CHECK(parse_range(range, kNow).from == Place{Kind::before_end, 5});
  range.from = "end";
  CHECK(refused(range));
  range.from = ":end";
  CHECK(parse_range(range, kNow).from == Place{Kind::before_end, 5});
  range.tail.reset();
  range.until = "1h";
  CHECK(refused(range));
}

TEST_CASE("-p") {
  CHECK(parse_partitions("0,2,4-7") == std::vector<int32_t>{0, 2, 4, 5, 6, 7});
  CHECK(parse_partitions("3,3,1") == std::vector<int32_t>{1, 3});
  CHECK(parse_partitions("5-7,0,6") == std::vector<int32_t>{0, 5, 6, 7});
  for (const char* text : {"", "a", "1,", "1,,2", "3-1", "-1", "1-", "0-99999999"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_partitions(text), Error);
  }
}

TEST_CASE("places become offsets of each partition") {
  test::FixedAdmin admin;
  admin.marks[{"t", 0}] = {100, 200};
  admin.marks[{"t", 1}] = {0, 50};
  const std::vector<kafka::TopicPartition> both{{"t", 0}, {"t", 1}};
  const auto resolve = [&](const std::string& from, bool exit_at_end = false) {
    Range range;
    range.from = from;
    range.exit_at_end = exit_at_end;
    return resolve_range(admin, range, both, kNow);
  };
  auto out = resolve("");
  CHECK(out[0].from == 100);
  CHECK(out[1].from == 0);
  CHECK_FALSE(out[0].end);
  out = resolve("", true);
  CHECK(*out[0].end == 200);
  CHECK(*out[1].end == 50);
  out = resolve("-20");
  CHECK(out[0].from == 180);
  CHECK(out[1].from == 30);
  out = resolve("-80");
  CHECK(out[1].from == 0);
  out = resolve("+10:end");
  CHECK(out[0].from == 110);
  CHECK(*out[1].end == 50);
  out = resolve("150");
  CHECK(out[0].from == 150);
  CHECK(out[1].from == 50);  // beyond its end: what comes next
  try {
    resolve("201");
    FAIL("an offset behind all ends was taken");
  } catch (const Error& error) {
    CHECK(error.hint() == "t [0], the longest, ends at 200");
  }
  out = resolve("10:1000", true);
  CHECK(out[0].from == 100);
  CHECK(*out[0].end == 200);
  CHECK(out[0].deleted_from == 10);
  CHECK(deleted_text(out[0]) ==
        "t [0]: offset 10 was deleted by retention; the first record left is at offset 100");
  CHECK(out[1].deleted_from == -1);
  CHECK(resolve("0")[0].deleted_from == -1);  // the beginning
  out = resolve(":1000");
  CHECK(*out[0].end == 1000);
  admin.times[{"t", 0}] = 160;
  admin.times[{"t", 1}] = 50;
  out = resolve("@-1h");
  CHECK(out[0].from == 160);
  CHECK(out[1].from == 50);
  admin.in_memory = true;
  CHECK_THROWS_AS(resolve("@-1h"), Error);
}

TEST_CASE("what the man page says of -o and of times is what is parsed") {
  for (const WhereForm& form : where_forms()) {
    std::string text = form.text;
    for (const auto& [variable, value] :
         {std::pair{"T1", "-2h"}, {"T2", "-1h"}, {"T", "-1h"}, {"N", "5"}, {"A", "3"}, {"B", "7"}}) {
      const size_t at = text.find(variable);
      if (at != std::string::npos) text.replace(at, std::string_view(variable).size(), value);
    }
    CAPTURE(text);
    CHECK_NOTHROW(places(text));
  }
  for (const WhereForm& form : time_forms()) {
    CAPTURE(form.text);
    Range range;
    range.since = form.text;
    CHECK_NOTHROW(parse_range(range, kNow));
  }
}

TEST_CASE("times that another zone would read otherwise are told") {
  const char* before = std::getenv("TZ");
  const std::string old = before ? before : "";
  const auto told = [](const char* zone, const Range& range) {
    setenv("TZ", zone, 1);
    tzset();
    const auto notes = read_as_utc(range, kNow);
    return notes.empty() ? std::string() : notes.front();
  };
  const auto from = [](const std::string& where, Zone zone = Zone::utc) {
    Range range;
    range.from = where;
    range.zone = zone;
    return range;
  };
  for (const char* text :
       {"today", "09:00", "9:00", "today 9:00", "yesterday 01:00", "2026-01-31", "2026-01-31T09:30"}) {
    CAPTURE(text);
    Range range;
    range.since = text;
    CHECK(told("Europe/Berlin", range).starts_with("--since " + std::string(text) + " is read as UTC, 20"));
    CHECK(told("Europe/Berlin", from("@" + std::string(text)))
              .starts_with("-o @" + std::string(text) + " is read as UTC, 20"));
    CHECK(told("UTC", range).empty());
    range.zone = Zone::local;
    CHECK(told("Europe/Berlin", range).empty());
  }
  for (const char* text : {"1h", "now", "12345", "2026-01-31T09:30Z", "2026-01-31T09:30+01:00"}) {
    CAPTURE(text);
    Range range;
    range.until = text;
    CHECK(told("Europe/Berlin", range).empty());
    CHECK(told("Europe/Berlin", from("@" + std::string(text))).empty());
  }
  for (const char* text : {"", "beginning", "17", "5:10", "-2h:", "@-2h:1h", "-1"}) {
    CAPTURE(text);
    CHECK(told("Europe/Berlin", from(text)).empty());
  }
  CHECK(told("Europe/Berlin", from("today")) ==
        "-o today is read as UTC, 2027-01-15T00:00:00.000Z; for this machine's time add --local");
  CHECK(told("Europe/Berlin", from("@2026-01-31:1h")) ==
        "-o @2026-01-31:1h is read as UTC, 2026-01-31T00:00:00.000Z to 2026-01-31T01:00:00.000Z; for this "
        "machine's time add --local");
  CHECK(told("Europe/Berlin", from(":@2026-01-31")) ==
        "-o :@2026-01-31 is read as UTC, 2026-01-31T00:00:00.000Z; for this machine's time add --local");
  CHECK(told("Europe/Berlin", from("@today", Zone::local)).empty());
  if (before)
    setenv("TZ", old.c_str(), 1);
  else
    unsetenv("TZ");
  tzset();
}

TEST_CASE("kcat's start and end, given one by one, are one range") {
  CHECK(io::start_and_end({"s@1700000000000", "e@1700000000001"}) == "s@1700000000000:e@1700000000001");
  CHECK(io::start_and_end({"e@2026-01-31", "s@1h"}) == "s@1h:e@2026-01-31");
  CHECK(io::start_and_end({"s@1h", "s@2h"}).empty());
  CHECK(io::start_and_end({"e@1h", "e@2h"}).empty());
  CHECK(io::start_and_end({"5", "e@2h"}).empty());
  CHECK(io::start_and_end({"s@1", "e@2", "e@3"}).empty());
}
