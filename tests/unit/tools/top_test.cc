#include "base/display_width.h"
#include "ktop/running_tool.h"
#include "ktop/screen.h"
#include "ktop/tables.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::ktop;

namespace {

// Two topics, a group that is behind on one of them, and a tool; `end` is where partition 0 of "clicks" ends.
Look look_at(int64_t end, int64_t committed, int64_t steady_s) {
  Look look;
  look.wall_ms = 1'700'000'000'000 + steady_s * 1000;
  look.steady_us = steady_s * 1'000'000;
  look.topics = {{"clicks", 2, 1}, {"totals-changelog", 1, 1}};
  look.ends = {{{"clicks", 0}, {10, end}}, {{"clicks", 1}, {0, 0}}, {{"totals-changelog", 0}, {0, 7}}};
  GroupLook group;
  group.name = "billing";
  group.state = "Stable";
  group.members.resize(1);
  group.offsets = {{{"clicks", 0}, committed, ""}, {{"gone", 0}, 5, ""}};
  look.groups.push_back(group);
  RunningTool tool;
  tool.address = "127.0.0.1:8080";
  tool.tool = "ktable";
  tool.group = "totals";
  tool.status = "ok";
  tool.figures = parse_figures("kutils_records_in_total{tool=\"ktable\"} " + std::to_string(end) +
                               "\nkutils_lag_records 3\n");
  look.tools.push_back(tool);
  return look;
}

std::string cells(const Table& table, size_t row) { return to_row(table, table.rows.at(row), false).json(); }

std::string plain(std::string line) {
  for (size_t at; (at = line.find('\033')) != line.npos;) line.erase(at, line.find('m', at) - at + 1);
  return line;
}

}  // namespace

TEST_CASE("ktop: rates are the differences of two looks; what was not there before has none") {
  const Look before = look_at(100, 40, 10), now = look_at(160, 100, 20);
  const Table groups = make_table({View::groups, ""}, now, &before, false);
  CHECK(
      cells(groups, 0) ==
      "{\"group\":\"billing\",\"state\":\"stable\",\"members\":1,\"lag\":60,\"read_per_s\":6.0,\"left_ms\":null,"
      "\"tool\":\"\"}");
  const Table topics = make_table({View::topics, ""}, now, &before, false);
  REQUIRE(topics.rows.size() == 1);
  CHECK(
      cells(topics, 0) ==
      "{\"topic\":\"clicks\",\"partitions\":2,\"records\":150,\"in_per_s\":6.0,\"groups\":1,\"lag\":60,\"use\":\"\"}");
  CHECK(make_table({View::topics, ""}, now, &before, true).rows.size() == 2);
  CHECK(cells(make_table({View::topics, ""}, now, nullptr, false), 0).find("\"in_per_s\":null") !=
        std::string::npos);
  const Table tools = make_table({View::tools, ""}, now, &before, false);
  CHECK(
      cells(tools, 0) ==
      "{\"group\":\"totals\",\"tool\":\"ktable\",\"http\":\":8080\",\"status\":\"ok\",\"in_per_s\":6.0,\"out_per_s\":null,"
      "\"lag\":3,\"failed\":0,\"late\":0}");
  // An end that went back (a topic made again) is no negative rate.
  CHECK(cells(make_table({View::topics, ""}, before, &now, false), 0).find("-") == std::string::npos);
  CHECK(rate_of_all(now, &before) == 6.0);
  CHECK(lag_of_all(now) == 60);
}

TEST_CASE("ktop: a frame fills the screen and never more, whatever its size") {
  for (const size_t columns : {1u, 11u, 20u, 40u, 79u, 80u, 81u, 200u}) {
    for (const size_t rows : {1u, 4u, 5u, 10u, 24u}) {
      Screen screen({View::groups, ""}, "broker:9092", false);
      screen.show(look_at(100, 40, 10), look_at(160, 100, 20));
      for (const char* key : {"1", "2", "3", "h"}) {
        screen.press({Key::Kind::text, key});
        const auto lines = screen.lines({rows, columns}, 1'700'000'000'000);
        CHECK(lines.size() <= rows);
        for (const std::string& line : lines) CHECK(display_width(plain(line)) <= columns);
      }
    }
  }
}

TEST_CASE("ktop: keys open, sort, filter and go back") {
  Screen screen({View::groups, ""}, "broker:9092", false);
  screen.show(std::nullopt, look_at(160, 100, 20));
  CHECK(screen.press({Key::Kind::enter}));
  CHECK(screen.focus() == Focus{View::groups, "billing"});
  CHECK(plain(screen.lines({24, 80}, 0)[2]).find("COMMITTED") != std::string::npos);
  screen.press({Key::Kind::escape});
  CHECK(screen.focus() == Focus{View::groups, ""});
  for (const char* key : {"2", "/", "q", "z"}) screen.press({Key::Kind::text, key});
  CHECK(plain(screen.lines({24, 80}, 0)[3]).find("nothing") != std::string::npos);
  screen.press({Key::Kind::escape});
  CHECK(plain(screen.lines({24, 80}, 0)[3]).find("clicks") == 0);
  screen.press({Key::Kind::text, "i"});
  CHECK(plain(screen.lines({24, 80}, 0)[4]).find("changelog") != std::string::npos);
  CHECK_FALSE(screen.press({Key::Kind::text, "q"}));
}

TEST_CASE("ktop: what a terminal sends for keys") {
  const auto kinds = [](std::string bytes, bool may_go_on = false) {
    std::string out;
    for (const Key& key : parse_keys(bytes, may_go_on))
      out += std::to_string(static_cast<int>(key.kind)) + key.text + " ";
    return out + bytes;
  };
  CHECK(kinds("q\xC3\xA9") == "0q 0\xC3\xA9 ");
  CHECK(kinds("\033[A\033OB\033[5~\r\t\177") == "5 6 9 1 4 3 ");
  CHECK(kinds("\033[1;5Xq") == "0q ");   // one that is not known
  CHECK(kinds("\033", true) == "\033");  // what follows may come
  CHECK(kinds("\033[", true) == "\033[");
  CHECK(kinds("\033") == "2 ");
}

TEST_CASE("ktop: numbers and times that fit their columns; Prometheus' lines") {
  CHECK(short_number(0) == "0");
  CHECK(short_number(99'999) == "99999");
  CHECK(short_number(123'456) == "123k");
  CHECK(short_number(12'345'678) == "12.3M");
  CHECK(short_number(7.25) == "7.2");
  CHECK(short_age(0) == "0s");
  CHECK(short_age(850) == "850ms");
  CHECK(short_age(190'000) == "3m10s");
  CHECK(short_age(7'500'000) == "2h05m");
  CHECK(short_age(86'400'000.0 * 4 + 7 * 3'600'000.0) == "4d07h");
  for (double n = 1; n < 1e15; n *= 3) CHECK(short_number(n).size() <= 6);
  for (double n = 1; n < 1e13; n *= 3) CHECK(short_age(n).size() <= 6);
  const auto figures = parse_figures("# HELP x y\nx{a=\"1,}\\\"\\\\\",b=\"\\n\"} 4.5\nbroken\nx 2\nx{ 3\n");
  REQUIRE(figures.size() == 2);
  CHECK(figures[0].labels == std::map<std::string, std::string>{{"a", "1,}\"\\"}, {"b", "\n"}});
  CHECK(figures[0].value == 4.5);
}
