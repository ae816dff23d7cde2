// `if COND` behind every aggregate of the registry, over tables, tables over tables and every kind of window:
// the result is the one of the same records with a null argument where COND is false, and without those whose
// COND fails.
#include <random>

#include "flow/aggregate/expression_reader.h"
#include "flow/aggregate/repartition_stage.h"
#include "flow/table/table_stage.h"
#include "flow/window/window_stage.h"
#include "state/partition_store.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

class Capture final : public Emitter {
 public:
  std::vector<std::string> results;
  size_t not_boolean = 0, missing = 0, other_errors = 0;
  void emit(const Record*, const Output& output) override {
    results.push_back(std::string(output.key.view()) + " " +
                      (output.value.is_null() ? "-" : std::string(output.value.view())));
  }
  void fail(const Record&, RecordError error) override {
    ++(error.reason == Reason::not_boolean     ? not_boolean
       : error.reason == Reason::missing_field ? missing
                                               : other_errors);
  }
  void drop(const Record&, DropReason) override {}
};

// What COND may be: its JSON, and what that means.
enum class Holds { yes, no, error };
struct Condition {
  const char* json;  // nullptr: the field is missing
  Holds holds;
};
constexpr Condition kConditions[] = {
    {"true", Holds::yes}, {"false", Holds::no},       {"null", Holds::error}, {nullptr, Holds::error},
    {"1", Holds::error},  {"\"true\"", Holds::error}, {"true", Holds::yes},   {"false", Holds::no}};

struct Line {
  std::string key;
  int64_t time;
  std::string value;
};

// The same records twice: with the condition, and with what it comes to.
struct Input {
  std::vector<Line> conditional, plain;
  size_t not_boolean = 0, missing = 0;
};

template <typename Random>
Input random_input(Random& random) {
  Input input;
  int64_t time = 100;
  for (int n = 0; n < 60; ++n) {
    time += static_cast<int64_t>(random() % 4);
    const int64_t at = random() % 4 == 0 ? time - static_cast<int64_t>(random() % 20) : time;
    const std::string key(1, static_cast<char>('a' + random() % 3));
    const std::string group = "{\"g\":\"g" + std::to_string(random() % 2) + "\"";
    if (random() % 10 == 0) {
      input.conditional.push_back({key, at, "-"});
      input.plain.push_back({key, at, "-"});
      continue;
    }
    const std::string x = std::to_string(static_cast<int>(random() % 20) - 5);
    const Condition& condition = kConditions[random() % std::size(kConditions)];
    std::string value = group + ",\"x\":" + x;
    if (condition.json != nullptr) value += std::string(",\"c\":") + condition.json;
    input.conditional.push_back({key, at, value + "}"});
    if (condition.holds == Holds::error) {
      ++(condition.json == nullptr ? input.missing : input.not_boolean);
      continue;
    }
    const bool counts = condition.holds == Holds::yes;
    input.plain.push_back(
        {key, at, group + ",\"x\":" + (counts ? x : "null") + ",\"one\":" + (counts ? "1" : "null") + "}"});
  }
  return input;
}

// `function` as a list would call it.
std::string call_of(const AggregateFunction& function) {
  const std::string name = function.name;
  if (function.folds) return name + "(0, (_acc * 31 + x) % 1009)";
  if (function.min_arguments == 0) return name + "()";
  if (function.goes_by_key) return name + (function.min_arguments == 3 ? "(x, 3, x)" : "(x, x)");
  return name + (function.min_arguments == 1 ? "(x)" : "(x, 3)");
}
// The same over records whose x is null where nothing is to count.
std::string plain_call_of(const AggregateFunction& function) {
  if (function.folds) return std::string(function.name) + "(0, x == null ? _acc : (_acc * 31 + x) % 1009)";
  return function.min_arguments == 0 ? "sum(one)" : call_of(function);
}
// A null argument is a value, and so no way to say that nothing is to count.
bool takes_null(const AggregateFunction& function) { return std::string(function.name) == "lag"; }

using MakeStage =
    std::function<std::unique_ptr<Stage>(const AggregateSet&, std::unique_ptr<RecordReader>, state::Store&)>;

Capture run(const std::string& list, const MakeStage& make, const GroupingPlan& plan,
            const std::vector<Line>& lines, bool in_memory) {
  const AggregateSet set(parse_aggregates(list, "AGGS"));
  state::PartitionStore store(in_memory);
  const auto stage = make(set, std::make_unique<ExpressionReader>(plan, expr::Options(), set, nullptr),
                          store.operator_store(1));
  Capture out;
  for (size_t n = 0; n < lines.size(); ++n) {
    Record record;
    record.key = std::string_view(lines[n].key);
    if (lines[n].value != "-") record.value = std::string_view(lines[n].value);
    record.timestamp = lines[n].time;
    record.partition = 0;
    stage->process(record, out);
  }
  stage->before_commit(out);
  stage->close(out);
  return out;
}

struct Way {
  std::string name;
  MakeStage make;
  bool merges = false;
  bool subtracts = false;
};

std::vector<Way> ways() {
  std::vector<Way> all;
  for (const TableEmit emit : {TableEmit::update, TableEmit::commit, TableEmit::close}) {
    TableOptions options;
    options.emit = emit;
    options.cache_bytes = 0;
    all.push_back({"a table", [options](const auto& set, auto reader, auto& store) {
                     return make_aggregate_table(options, set, std::move(reader), store);
                   }});
    all.push_back({"a table over a table",
                   [options](const auto& set, auto reader, auto& store) {
                     return make_regrouped_table(options, set, std::move(reader), store);
                   },
                   false, true});
  }
  for (const char* window : {"10ms", "10ms/4ms", "sliding:10ms", "session:3ms", "day"})
    for (const Emit emit : {Emit::update, Emit::commit, Emit::close}) {
      WindowOptions options;
      options.window = parse_window_spec(window, "", "");
      options.emit = emit;
      options.grace = 5;
      options.cache_bytes = 0;
      const bool merges = options.window.kind == WindowSpec::Kind::sliding ||
                          options.window.kind == WindowSpec::Kind::session;
      all.push_back({window,
                     [options](const auto& set, auto reader, auto& store) {
                       return make_window_stage(options, set, std::move(reader), store);
                     },
                     merges, false});
    }
  return all;
}

}  // namespace

TEST_CASE("if COND: every aggregate, wherever it may be used") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const AggregateFunction& function : aggregate_functions()) {
    const AggregateSet probe(parse_aggregates("a=" + call_of(function), "AGGS"));
    for (const Way& way : ways()) {
      for (int round = 0; round < 8; ++round) {
        GroupingPlan plan;
        plan.null_group_is_none = way.subtracts;
        if (way.subtracts || random() % 2 == 0) plan.by = "g";
        const Input input = random_input(random);
        const std::string conditional = "all=count(), a=" + call_of(function) + " if c";
        const bool in_memory = random() % 2 == 0;
        CAPTURE(function.name, way.name, round, conditional, in_memory);
        if ((way.merges && !probe.function(0).has_merge()) ||
            (way.subtracts && !probe.function(0).has_subtract())) {
          CHECK_THROWS_WITH(run(conditional, way.make, plan, input.conditional, in_memory),
                            Catch::Matchers::StartsWith(std::string(function.name) + "() cannot"));
          break;
        }
        if (takes_null(function)) continue;
        const Capture got = run(conditional, way.make, plan, input.conditional, in_memory);
        const Capture expected =
            run("all=count(), a=" + plain_call_of(function), way.make, plan, input.plain, in_memory);
        REQUIRE(expected.other_errors + expected.missing + expected.not_boolean == 0);
        REQUIRE(got.other_errors == 0);
        REQUIRE(got.missing == input.missing);
        REQUIRE(got.not_boolean == input.not_boolean);
        const std::string name = function.name;
        if ((name == "stddev" || name == "variance") && way.subtracts)
          continue;  // rounds; the next test looks at it
        REQUIRE(got.results == expected.results);
      }
    }
  }
}

TEST_CASE("if COND over a table: what the old row gave is taken back, whatever the new one's COND is") {
  for (const AggregateFunction& function : aggregate_functions()) {
    CAPTURE(function.name);
    const std::string list = "a=" + call_of(function) + " if c";
    if (!AggregateSet(parse_aggregates(list, "AGGS")).function(0).has_subtract()) continue;
    GroupingPlan plan;
    plan.by = "g";
    plan.null_group_is_none = true;
    TableOptions options;
    options.emit = TableEmit::update;
    const MakeStage make = [options](const AggregateSet& set, std::unique_ptr<RecordReader> reader,
                                     state::Store& store) {
      return make_regrouped_table(options, set, std::move(reader), store);
    };
    const auto last = [&](const std::vector<Line>& lines) {
      return run(list, make, plan, lines, true).results.back();
    };
    const std::string other = R"({"g":"g","x":3,"c":true})", counts = R"({"g":"g","x":9,"c":true})",
                      not_now = R"({"g":"g","x":9,"c":false})";
    const std::string alone = last({{"k", 1, other}});
    CHECK(last({{"k", 1, other}, {"l", 1, counts}, {"l", 1, "-"}}) == alone);
    CHECK(last({{"k", 1, other}, {"l", 1, counts}, {"l", 1, not_now}}) == alone);
    CHECK(last({{"k", 1, other}, {"l", 1, not_now}, {"l", 1, "-"}}) == alone);
    CHECK(last({{"k", 1, other}, {"l", 1, not_now}, {"l", 1, counts}}) ==
          last({{"k", 1, other}, {"l", 1, counts}}));
    CHECK(last({{"k", 1, other}, {"l", 1, counts}, {"l", 1, R"({"g":"g","x":9})"}}) ==
          last({{"k", 1, other}, {"l", 1, counts}}));
  }
}

TEST_CASE("if COND: one that is certainly no boolean is refused before the start") {
  for (const AggregateFunction& function : aggregate_functions()) {
    for (const char* condition : {"1", "'a'", "x + 1", "size(_topic)", "null", "_acc"}) {
      const std::string list = "a=" + call_of(function) + " if " + condition;
      CAPTURE(list);
      const AggregateSet set(parse_aggregates(list, "AGGS"));
      CHECK_THROWS_AS(ExpressionReader({}, expr::Options(), set, nullptr), Error);
    }
    CHECK_THROWS_AS(parse_aggregates("a=" + call_of(function) + " if", "AGGS"), Error);
  }
}

TEST_CASE("if COND: the repartition's front finds what fails; what needs the value so far is found behind") {
  const auto front = [](const std::string& list, const char* value) {
    const AggregateSet set(parse_aggregates(list, "AGGS"));
    GroupingPlan plan;
    plan.by = "g";
    const auto stage =
        make_repartition_stage(std::make_unique<ExpressionReader>(plan, expr::Options(), set, nullptr));
    Capture out;
    Record record;
    record.value = std::string_view(value);
    record.timestamp = 1;
    record.partition = 0;
    stage->process(record, out);
    return out;
  };
  for (const AggregateFunction& function : aggregate_functions()) {
    CAPTURE(function.name);
    const std::string list = "a=" + call_of(function) + " if c";
    CHECK(front(list, R"({"g":1,"x":1,"c":true})").results.size() == 1);
    CHECK(front(list, R"({"g":1,"c":false})").results.size() == 1);
    CHECK(front(list, R"({"g":1,"x":1,"c":2})").not_boolean == 1);
    CHECK(front(list, R"({"g":1,"x":1})").missing == 1);
    const size_t needs_x = function.min_arguments > 0 && !function.folds ? 1 : 0;
    CHECK(front(list, R"({"g":1,"c":true})").missing == needs_x);
  }
}
