// kgen --every with crontab fields: against a model that looks at each minute's calendar.
#include "kgen/cron.h"

#include <cstdlib>
#include <ctime>
#include <random>
#include <string>

#include "kgen/generator_source.h"
#include "support/catch.h"

using namespace kutils;

namespace {

struct InZone {
  explicit InZone(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }
  ~InZone() {
    unsetenv("TZ");
    tzset();
  }
};

int64_t at(const char* text) {
  struct tm local = {};
  REQUIRE(strptime(text, "%Y-%m-%d %H:%M", &local) != nullptr);
  local.tm_isdst = -1;
  return static_cast<int64_t>(mktime(&local)) * 1000;
}
std::string next(const char* cron, const char* from) {
  const auto ms = Cron(cron, "--every").next_after(at(from));
  if (!ms) return "never";
  const auto seconds = static_cast<std::time_t>(*ms / 1000);
  struct tm local = {};
  localtime_r(&seconds, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &local);
  return text;
}

}  // namespace

TEST_CASE("cron: the next minute that matches", "[cron]") {
  const InZone zone("Europe/Berlin");
  CHECK(next("*/5 * * * *", "2026-01-01 00:00") == "2026-01-01 00:05");
  CHECK(next("*/5 * * * *", "2026-01-01 23:57") == "2026-01-02 00:00");
  CHECK(next("@hourly", "2026-01-01 00:59") == "2026-01-01 01:00");
  CHECK(next("@daily", "2026-12-31 12:00") == "2027-01-01 00:00");
  CHECK(next("@weekly", "2026-11-23 07:00") == "2026-11-29 00:00");
  CHECK(next("@monthly", "2026-01-31 07:00") == "2026-02-01 00:00");
  CHECK(next("@yearly", "2026-01-01 00:00") == "2027-01-01 00:00");
  CHECK(next("15,45 9-17/4 * * mon-fri", "2026-11-20 17:50") == "2026-11-23 09:15");
  CHECK(next("0 0 29 2 *", "2026-01-01 00:00") == "2028-02-29 00:00");
  CHECK(next("0 0 13 * fri", "2026-11-01 00:00") == "2026-11-06 00:00");  // either
  CHECK(next("0 0 * * 7", "2026-11-23 00:00") == "2026-11-29 00:00");
  CHECK(next("10/20 5 * Jun *", "2026-06-30 05:40") == "2026-06-30 05:50");
  // Clocks go forward: 02:30 is not there; and back.
  CHECK(next("30 2 * * *", "2026-03-28 03:00") == "2026-03-30 02:30");
  CHECK(next("30 3 * * *", "2026-10-25 01:00") == "2026-10-25 03:30");
}

TEST_CASE("cron: what is none is refused", "[cron]") {
  for (const char* text :
       {"* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8",
        "*/0 * * * *", "5-1 * * * *", "x * * * *", "@often", "* * 30 2 *", "1, * * * *", "*/x * * * *"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(Cron(text, "--every"), Error);
  }
  CHECK(Cron::is_meant("@hourly"));
  CHECK(Cron::is_meant("* * * * *"));
  CHECK_FALSE(Cron::is_meant("5s"));
}

TEST_CASE("cron: as a look at every minute has it", "[cron]") {
  const auto seed = GENERATE(range(0u, 40u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const InZone zone(seed % 2 == 0 ? "Australia/Lord_Howe" : "Europe/Berlin");  // half an hour of summer time
  const int minute = below(60), step = 1 + below(12), weekday = below(7);
  const std::string fields =
      std::to_string(minute) + " */" + std::to_string(step) + " * * " + std::to_string(weekday);
  CAPTURE(fields);
  const Cron cron(fields, "--every");
  int64_t ms = at("2026-03-01 00:00") + int64_t{below(300)} * 86'400'000 + below(86'400'000);
  for (int round = 0; round < 5; ++round) {
    int64_t want = (ms / 60'000 + 1) * 60'000;
    for (;; want += 60'000) {
      const auto seconds = static_cast<std::time_t>(want / 1000);
      struct tm local = {};
      localtime_r(&seconds, &local);
      if (local.tm_min == minute && local.tm_hour % step == 0 && local.tm_wday == weekday) break;
    }
    REQUIRE(cron.next_after(ms) == want);
    ms = want;
  }
}

TEST_CASE("cron: one batch at each time, and none for those in a pause", "[cron]") {
  const InZone zone("UTC");
  ManualClock clock;
  clock.set_wall_ms(at("2026-01-01 00:00") + 1);
  CronSource source(std::make_unique<GeneratorSource>(make_empty_generator(), std::nullopt, 1),
                    Cron("*/10 * * * *", "--every"), &clock);
  const auto polls = [&](const char* time) {
    clock.set_wall_ms(at(time));
    Batch batch;
    const io::Fill fill = source.poll(batch, Millis(0));
    CHECK((fill == io::Fill::records) == (batch.records().size() == 1));
    return batch.records().size();
  };
  CHECK(polls("2026-01-01 00:09") == 0);
  CHECK(polls("2026-01-01 00:10") == 1);
  CHECK(polls("2026-01-01 00:10") == 0);
  CHECK(polls("2026-01-01 00:55") == 1);
  CHECK(polls("2026-01-01 00:56") == 0);
  CHECK(polls("2026-01-01 01:00") == 1);
}
