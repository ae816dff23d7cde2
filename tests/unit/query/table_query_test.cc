#include "flow/query/table_query.h"

#include "flow/aggregate/expression_reader.h"
#include "flow/table/table_stage.h"
#include "flow/window/window_stage.h"
#include "state/partition_store.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

class Nothing final : public Emitter {
  void emit(const Record*, const Output&) override {}
  void fail(const Record&, RecordError error) override { FAIL(error.message); }
  void drop(const Record&, DropReason) override {}
};

struct Input {
  std::string_view key;
  std::string_view value;
  int64_t time;
};

// The state that the tool's own stage leaves behind, and questions to it.
class State {
 public:
  State(const char* aggregates, const char* window, std::vector<Input> records, GroupingPlan plan = {},
        int64_t grace = 0, int64_t expires = 0, bool closes = false)
      : set_(parse_aggregates(aggregates, "AGGS")) {
    description_.key_names = group_names(plan);
    description_.aggregates = set_.items();
    description_.times_as_ms = true;
    state::Store& store = store_.operator_store(1);
    auto reader = std::make_unique<ExpressionReader>(plan, expr::Options(), set_, nullptr);
    std::unique_ptr<Stage> stage;
    if (window != nullptr) {
      WindowOptions options;
      options.window = parse_window_spec(window);
      options.grace = grace;
      options.expires = expires;
      description_.window = options.window;
      description_.grace = grace;
      stage = make_window_stage(options, set_, std::move(reader), store);
    } else {
      stage = make_aggregate_table({}, set_, std::move(reader), store);
    }
    Nothing out;
    for (const Input& input : records) {
      Record record;
      record.key = input.key;
      record.value = input.value;
      record.timestamp = input.time;
      record.partition = 0;
      stage->process(record, out);
    }
    if (closes) stage->close(out);
    stage->before_commit(out);
    store_.take_changes();
    store_.applied(1, 1);
  }
  std::vector<std::string> ask(Query query, int64_t now_ms = 0) {
    // By way of its text, as kquery does.
    TableQuery asked(*parse_description(to_text(description_)), std::move(query));
    std::vector<std::string> rows;
    const auto cursor = store_.backend().cursor();
    asked.run(*cursor, 1, store_.meta(1).times.stream_time, now_ms,
              [&](MaybeBytes, std::string_view json, int64_t) {
                rows.emplace_back(json);
                return true;
              });
    missing = asked.missing();
    return rows;
  }
  std::vector<std::string> missing;

 private:
  AggregateSet set_;
  StateDescription description_;
  state::PartitionStore store_{false};
};

using Rows = std::vector<std::string>;

Query keys(std::vector<std::string> names) {
  Query query;
  query.keys = std::move(names);
  return query;
}
Query prefix(std::string text) {
  Query query;
  query.prefix = std::move(text);
  return query;
}
Query range(std::optional<int64_t> from, std::optional<int64_t> until) {
  Query query;
  query.from = from;
  query.until = until;
  return query;
}
Query at(Query query, std::string text, std::string delta = {}) {
  set_at(query, text, 0);
  set_delta(query, delta);
  return query;
}

}  // namespace

TEST_CASE("a number as key is found however it is written, a text as it is") {
  GroupingPlan plan;
  plan.by = "id";
  State state("n=count()", nullptr,
              {{"", R"({"id":40})", 1},
               {"", R"({"id":40.0})", 2},
               {"", R"({"id":"7.0"})", 4},
               {"", R"({"id":2.50})", 5}},
              plan);
  CHECK(state.ask(keys({"40.0"})) == Rows{R"({"id":40,"n":2})"});
  CHECK(state.missing.empty());
  CHECK(state.ask(keys({"4e1", "40.0"})) == Rows{R"({"id":40,"n":2})"});
  CHECK(state.missing.empty());
  CHECK(state.ask(keys({"2.5"})) == Rows{R"({"id":2.5,"n":1})"});
  CHECK(state.ask(keys({"7.0"})) == Rows{R"({"id":"7.0","n":1})"});
  // Only numbers are equal beyond their text.
  CHECK(state.ask(keys({"7"})) == Rows{});
  CHECK(state.missing == Rows{"7"});
  CHECK(state.ask(keys({"70e-1"})) == Rows{});
  CHECK(state.missing == Rows{"70e-1"});
}

TEST_CASE("a key of several parts is found however its numbers and spaces are written") {
  GroupingPlan plan;
  plan.by = "c, id";
  State state("n=count()", nullptr, {{"", R"({"c":"DE","id":7})", 1}}, plan);
  CHECK(state.ask(keys({R"(["DE", 7.0])"})) == Rows{R"({"c":"DE","id":7,"n":1})"});
  CHECK(state.missing.empty());
}

TEST_CASE("a table: keys, prefix, all") {
  State state("n=count(), total=sum(x)", nullptr,
              {{"/a", R"({"x":1})", 1},
               {"/ab", R"({"x":2})", 1},
               {"/a", R"({"x":3})", 2},
               {"/b", R"({"x":4.5})", 3}});
  CHECK(state.ask(keys({"/a"})) == Rows{R"({"key":"/a","n":2,"total":4})"});
  CHECK(state.missing.empty());
  CHECK(state.ask(keys({"/b", "/", "/a"})) ==
        Rows{R"({"key":"/b","n":1,"total":4.5})", R"({"key":"/a","n":2,"total":4})"});
  CHECK(state.missing == Rows{"/"});
  CHECK(state.ask(prefix("/a")) ==
        Rows{R"({"key":"/a","n":2,"total":4})", R"({"key":"/ab","n":1,"total":2})"});
  CHECK(state.ask(Query()).size() == 3);
  CHECK(state.ask(prefix("x")).empty());
  CHECK(state.missing == Rows{"x"});
}

TEST_CASE("a table: questions about windows are refused") {
  State state("count()", nullptr, {{"a", "{}", 1}});
  CHECK_THROWS_AS(state.ask(range(1, {})), Error);
  CHECK_THROWS_AS(state.ask(at({}, "now")), Error);
  CHECK_THROWS_AS(state.ask(at({}, "", "1m")), Error);
  Query both = keys({"a"});
  both.prefix = "a";
  CHECK_THROWS_AS(state.ask(both), Error);
}

TEST_CASE("a table: keys of several parts, one group of all") {
  GroupingPlan plan;
  plan.by = "c,n";
  State state("count()", nullptr, {{"", R"({"c":"DE","n":7})", 1}}, plan);
  CHECK(state.ask(keys({R"(["DE",7])"})) == Rows{R"({"c":"DE","n":7,"count":1})"});
  GroupingPlan total;
  total.total = true;
  State all("count()", nullptr, {{"", "{}", 1}, {"", "{}", 1}}, total);
  CHECK(all.ask(Query()) == Rows{R"({"count":2})"});
}

TEST_CASE("tumbling windows: a key, a range, a time, the change") {
  State state(
      "n=count()", "10s",
      {{"a", "{}", 1'000}, {"b", "{}", 2'000}, {"a", "{}", 12'000}, {"a", "{}", 13'000}, {"a", "{}", 25'000}},
      {}, 100'000);
  const auto row = [](const char* key, int start, int n) {
    return std::string("{\"key\":\"") + key + "\",\"window_start\":" + std::to_string(start) +
           ",\"window_end\":" + std::to_string(start + 10'000) + ",\"n\":" + std::to_string(n) + "}";
  };
  CHECK(state.ask(keys({"a"})) == Rows{row("a", 0, 1), row("a", 10'000, 2), row("a", 20'000, 1)});
  CHECK(state.ask(Query()).size() == 4);
  Query some = range(10'000, 20'000);
  some.keys = {"a"};
  CHECK(state.ask(some) == Rows{row("a", 10'000, 2)});
  CHECK(state.ask(range({}, 10'000)) == Rows{row("a", 0, 1), row("b", 0, 1)});
  CHECK(state.ask(range(10'001, {})) == Rows{row("a", 20'000, 1)});
  CHECK(state.ask(at({}, "9999")) == Rows{row("a", 0, 1), row("b", 0, 1)});
  CHECK(state.ask(at(keys({"a"}), "current")) == Rows{row("a", 20'000, 1)});
  CHECK(state.ask(at(keys({"a"}), "now"), 15'000) == Rows{row("a", 10'000, 2)});
  CHECK(state.ask(at(keys({"a"}), "now"), 95'000).empty());
  CHECK(state.missing == Rows{"a"});
  CHECK(state.ask(at(keys({"a"}), "", "10s")) ==
        Rows{R"({"key":"a","window_start":20000,"window_end":30000,"since_start":10000,"n":-1})"});
  CHECK(state.ask(at({}, "15000", "10s")) ==
        Rows{R"({"key":"a","window_start":10000,"window_end":20000,"since_start":0,"n":1})",
             R"({"key":"b","window_start":null,"window_end":null,"since_start":0,"n":-1})"});
}

TEST_CASE("hopping windows: all that hold a time; the change is of the fullest") {
  State state("n=count()", "10s/5s", {{"a", "{}", 7'000}, {"a", "{}", 12'000}}, {}, 100'000);
  CHECK(state.ask(at(keys({"a"}), "12000")) ==
        Rows{R"({"key":"a","window_start":5000,"window_end":15000,"n":2})",
             R"({"key":"a","window_start":10000,"window_end":20000,"n":1})"});
  CHECK(state.ask(at(keys({"a"}), "12000", "5s")) ==
        Rows{R"({"key":"a","window_start":5000,"window_end":15000,"since_start":0,"n":1})"});
}

TEST_CASE("sessions and sliding windows, open and kept") {
  State session("n=count()", "session:1s",
                {{"a", "{}", 1'000}, {"a", "{}", 1'500}, {"b", "{}", 1'600}, {"a", "{}", 9'000}}, {}, 0,
                60'000);
  const std::string first = R"({"key":"a","window_start":1000,"window_end":1500,"n":2})";
  const std::string second = R"({"key":"a","window_start":9000,"window_end":9000,"n":1})";
  CHECK(session.ask(keys({"a"})) == Rows{second, first});
  CHECK(session.ask(at(keys({"a"}), "1500")) == Rows{first});
  CHECK(session.ask(range(9'000, {})) == Rows{second});
  CHECK(session.ask(prefix("b")).size() == 1);

  State sliding("n=count()", "sliding:1s", {{"a", "{}", 5'000}, {"a", "{}", 5'400}}, {}, 10'000);
  CHECK(sliding.ask(keys({"a"})) == Rows{R"({"key":"a","window_start":4000,"window_end":5000,"n":1})",
                                         R"({"key":"a","window_start":4400,"window_end":5400,"n":2})",
                                         R"({"key":"a","window_start":5001,"window_end":6001,"n":1})"});
}

TEST_CASE("current windows after --close-at-end are the last ones, though stream time is beyond them") {
  const std::vector<Input> records = {
      {"a", "{}", 1'000}, {"b", "{}", 11'000}, {"a", "{}", 12'000}, {"a", "{}", 12'500}};
  for (const bool closes : {false, true}) {
    CAPTURE(closes);
    State tumbling("n=count()", "10s", records, {}, 0, 60'000, closes);
    CHECK(tumbling.ask(at(keys({"a"}), "current")) ==
          Rows{R"({"key":"a","window_start":10000,"window_end":20000,"n":2})"});
    CHECK(tumbling.ask(at({}, "current")).size() == 2);
    CHECK(tumbling.ask(at(keys({"a"}), "", "10s")) ==
          Rows{R"({"key":"a","window_start":10000,"window_end":20000,"since_start":0,"n":1})"});
    State session("n=count()", "session:1s", records, {}, 0, 60'000, closes);
    CHECK(session.ask(at(keys({"a"}), "current")) ==
          Rows{R"({"key":"a","window_start":12000,"window_end":12500,"n":2})"});
    CHECK(session.ask(at(keys({"b"}), "current")).empty());
    State sliding("n=count()", "sliding:1s", records, {}, 0, 60'000, closes);
    CHECK(sliding.ask(at(keys({"a"}), "current")) ==
          Rows{R"({"key":"a","window_start":11500,"window_end":12500,"n":2})",
               R"({"key":"a","window_start":12001,"window_end":13001,"n":1})"});
    State empty("n=count()", "10s", {}, {}, 0, 60'000, closes);
    CHECK(empty.ask(at({}, "current")).empty());
  }
}

TEST_CASE("results that are no numbers have no change") {
  State state("last=last(s), m=max(x)", "10s",
              {{"a", R"({"s":"p","x":1.5})", 1'000}, {"a", R"({"s":"q","x":4})", 11'000}}, {}, 100'000);
  CHECK(state.ask(at(keys({"a"}), "", "10s")) ==
        Rows{R"({"key":"a","window_start":10000,"window_end":20000,"since_start":0,"last":null,"m":2.5})"});
}

TEST_CASE("times of questions") {
  Query query;
  set_range(query, "-1h", "1970-01-02", 7'200'000);
  CHECK(query.from == 3'600'000);
  CHECK(query.until == 86'400'000);
  CHECK_THROWS_AS(set_at(query, "soon", 0), Error);
  CHECK_THROWS_AS(set_delta(query, "x"), Error);
}
