// Frozen text: descriptions that were written must stay readable (kutils-state(5)).
#include "flow/query/description.h"

#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

TEST_CASE("description of a state: frozen") {
  StateDescription table;
  table.tool = "ktable";
  table.output = "totals";
  table.key_names = {"country", "city"};
  table.aggregates = {{"n", "count", "", {}, ""}, {"p", "percentile", "ms", {99.5}, "ms > 1"}};
  const std::string frozen =
      R"({"version":1,"tool":"ktable","output":"totals","key":["country","city"],"aggregates":[{"name":"n","function":"count"},)"
      R"({"name":"p","function":"percentile","parameters":[99.5]}]})";
  CHECK(to_text(table) == frozen);
  const auto read = parse_description(frozen);
  REQUIRE(read);
  CHECK(read->tool == "ktable");
  CHECK(read->output == "totals");
  CHECK(read->key_names == table.key_names);
  CHECK_FALSE(read->window);
  REQUIRE(read->aggregates.size() == 2);
  CHECK(read->aggregates[1].function == "percentile");
  CHECK(read->aggregates[1].parameters == std::vector<double>{99.5});
  CHECK(to_text(*read) == frozen);

  StateDescription window = table;
  window.tool = "kwindow";
  window.output.clear();
  window.key_names.clear();
  window.aggregates = {{"n", "count", "", {}, ""}};
  window.window = parse_window_spec("30s/5s", "2s");
  window.grace = 1500;
  window.times_as_ms = true;
  CHECK(to_text(window) ==
        R"({"version":1,"tool":"kwindow","key":[],"window":"30s/5s","align":"2s","grace":1500,"times":"ms",)"
        R"("aggregates":[{"name":"n","function":"count"}]})");
}

TEST_CASE("description of a state: every kind of window comes back") {
  for (const char* text : {"30s", "1h30m", "30s/5s", "sliding:5m", "session:30m", "day", "week", "month"}) {
    CAPTURE(text);
    StateDescription description;
    const bool is_calendar = std::string(text).find_first_of("0123456789") == std::string::npos;
    description.window = parse_window_spec(text, "", is_calendar ? "Europe/Berlin" : "");
    description.aggregates = {{"n", "count", "", {}, ""}};
    const auto read = parse_description(to_text(description));
    REQUIRE(read);
    REQUIRE(read->window);
    CHECK(to_string(*read->window) == to_string(*description.window));
  }
}

TEST_CASE("description of a state: what is none") {
  for (const char* text : {"", "ktable", "{}", R"({"version":3,"key":[],"aggregates":[]})",
                           R"({"version":1,"key":[1],"aggregates":[]})",
                           R"({"version":1,"key":[],"aggregates":[{"name":"n","function":"nothing"}]})",
                           R"({"version":1,"key":[],"window":"x","grace":0,"aggregates":[]})"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_description(text));
  }
}

TEST_CASE("description of a state: computed columns, a condition, rows whose values are kept") {
  StateDescription description;
  description.tool = "ktable";
  description.key_names = {"g"};
  description.aggregates = {{"n", "count", "", {}, ""}, {"m", "max", "x", {}, "", "", "", "", true}};
  description.columns = {{{"n", ""}, {"a", "m / n"}}, "n > 2"};
  const std::string text = to_text(description);
  CHECK(
      text ==
      R"({"version":2,"tool":"ktable","key":["g"],"aggregates":[{"name":"n","function":"count"},)"
      R"({"name":"m","function":"max","rows":true}],"columns":[{"name":"n"},{"name":"a","expression":"m / n"}],)"
      R"("having":"n > 2"})");
  const auto read = parse_description(text);
  REQUIRE(read);
  REQUIRE(read->columns.list.size() == 2);
  CHECK(read->columns.list[1].expression == "m / n");
  CHECK(read->columns.having == "n > 2");
  CHECK_FALSE(read->aggregates[0].of_rows);
  CHECK(read->aggregates[1].of_rows);
}
