#include "flow/table/table_stage.h"

#include <map>
#include <random>

#include "flow/aggregate/expression_reader.h"
#include "flow/pass_stage.h"
#include "state/partition_store.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

class Capture final : public Emitter {
 public:
  std::vector<std::pair<std::string, std::string>> results;  // key, value or "-"
  std::vector<RecordError> errors;
  size_t drops = 0;
  void emit(const Record*, const Output& output) override {
    results.emplace_back(output.key.view(), output.value.is_null() ? "-" : std::string(output.value.view()));
  }
  void fail(const Record&, RecordError error) override { errors.push_back(std::move(error)); }
  void drop(const Record&, DropReason) override { ++drops; }
  std::map<std::string, std::string> newest() const {
    std::map<std::string, std::string> rows;
    for (const auto& [key, value] : results) rows[key] = value;
    return rows;
  }
};

Record make_record(std::string_view key, std::string_view value, int64_t time) {
  Record record;
  record.key = key;
  if (value != "-") record.value = value;
  record.timestamp = time;
  record.partition = 0;
  return record;
}

std::unique_ptr<RecordReader> reader_of(const AggregateSet& set, GroupingPlan plan) {
  return std::make_unique<ExpressionReader>(plan, expr::Options(), set, nullptr);
}

}  // namespace

TEST_CASE("aggregate lists: names, conditions, arguments") {
  const auto items = parse_aggregates("count(), sum(amount), slow=count() if ms > 500, p=percentile(ms, 99), collect(a, 3)", "AGGS");
  REQUIRE(items.size() == 5);
  CHECK(items[0].name == "count");
  CHECK(items[1].name == "sum_amount");
  CHECK(items[2].name == "slow");
  CHECK(items[2].condition == "ms > 500");
  CHECK(items[3].parameters == std::vector<double>{99});
  CHECK(items[4].name == "collect_a");
  for (const char* bad : {"n=1", "sum()", "sum(a, b)", "median(x)", "sum(a+1)", "count(x)", "*", "-n", "percentile(x, y)", ""}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_aggregates(bad, "AGGS"), Error);
  }
}

TEST_CASE("ktable over a stream: a row per key, errors leave it as it was") {
  const AggregateSet set(parse_aggregates("n=count(), total=sum(x), big=count() if x > 2", "AGGS"));
  GroupingPlan plan;
  plan.by = "c";
  TableOptions options;
  options.emit = TableEmit::update;
  options.key_names = group_names(plan);
  state::PartitionStore store;
  Capture out;
  auto stage = make_aggregate_table(options, set, reader_of(set, plan), store.operator_store(1));
  stage->process(make_record("", R"({"c":"DE","x":1})", 1), out);
  stage->process(make_record("", R"({"c":"DE","x":3})", 1), out);
  stage->process(make_record("", R"({"c":7,"x":2.5})", 1), out);
  stage->process(make_record("", R"({"c":"DE","x":null})", 1), out);
  stage->process(make_record("", R"({"c":"DE"})", 1), out);
  stage->process(make_record("", R"({"c":"DE","x":"y"})", 1), out);
  stage->process(make_record("", R"({"c":null,"x":1})", 1), out);
  stage->process(make_record("", R"(no)", 1), out);
  stage->process(make_record("", "-", 1), out);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"DE", R"({"c":"DE","n":1,"total":1,"big":0})"},
      {"DE", R"({"c":"DE","n":2,"total":4,"big":1})"},
      {"7", R"({"c":7,"n":1,"total":2.5,"big":1})"},
  };
  REQUIRE(out.results.size() >= 3);
  CHECK(std::vector(out.results.begin(), out.results.begin() + 3) == expected);
  // A null in a comparison is an error of the expression; nothing of that record counted.
  REQUIRE(out.errors.size() == 5);
  CHECK(out.errors[1].reason == Reason::missing_field);
  CHECK(out.errors[3].reason == Reason::no_key);
  CHECK(out.errors[4].reason == Reason::not_json);
  CHECK(out.drops == 1);
  CHECK(out.results.size() == 3);
}

TEST_CASE("ktable: several keys, total") {
  const AggregateSet set(parse_aggregates("count()", "AGGS"));
  GroupingPlan plan;
  plan.by = "c, k=x + 1";
  TableOptions options;
  options.emit = TableEmit::close;
  options.key_names = group_names(plan);
  state::PartitionStore store;
  Capture out;
  auto stage = make_aggregate_table(options, set, reader_of(set, plan), store.operator_store(1));
  stage->process(make_record("", R"({"c":"a,]\"","x":1})", 1), out);
  stage->close(out);
  CHECK(out.results[0].first == R"(["a,]\"",2])");
  CHECK(out.results[0].second == R"({"c":"a,]\"","k":2,"count":1})");

  GroupingPlan total;
  total.total = true;
  options.key_names = group_names(total);
  state::PartitionStore other;
  Capture all;
  stage = make_aggregate_table(options, set, reader_of(set, total), other.operator_store(1));
  for (int i = 0; i < 3; ++i) stage->process(make_record("", "1", 1), all);
  stage->close(all);
  CHECK(all.results[0].second == R"({"count":3})");
}

TEST_CASE("tables: commits, aborts, restarts and a cache of nothing change no result") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const AggregateSet set(parse_aggregates("n=count(), s=sum(x), d=distinct(x)", "AGGS"));
  for (int round = 0; round < 300; ++round) {
    const bool over_table = random() % 2 == 0;
    const bool holds = random() % 3 == 0;
    GroupingPlan plan;
    plan.by = "g";
    plan.null_group_is_none = over_table;
    std::vector<std::tuple<std::string, std::string, int64_t>> input;
    for (int i = 0; i < 60; ++i) {
      const std::string group = random() % 8 == 0 && over_table ? "null" : "\"g" + std::to_string(random() % 4) + "\"";
      std::string value = "{\"g\":" + group + ",\"x\":" + std::to_string(random() % 5) + "}";
      if (random() % 6 == 0) value = "-";
      input.emplace_back("k" + std::to_string(random() % 8), value, i * 10 - static_cast<int64_t>(random() % 30) + 30);
    }
    CAPTURE(round, over_table, holds);
    // Independent: the last row of each key, aggregated at the end.
    std::map<std::string, std::string> rows;
    std::map<std::string, std::vector<int>> groups;
    for (const auto& [key, value, time] : input) {
      if (over_table) {
        rows[key] = value;
        const std::string group = value.substr(0, 1) == "{" ? value.substr(5, value.find(',') - 5) : "null";
        if (group != "null") groups[group];
      } else if (value != "-") {
        rows[std::to_string(rows.size())] = value;
      }
    }
    for (const auto& [key, value] : rows) {
      if (value == "-") continue;
      const std::string group = value.substr(5, value.find(',') - 5);
      if (group != "null") groups[group].push_back(value[value.size() - 2] - '0');
    }
    std::map<std::string, std::string> expected;
    for (const auto& [group, values] : groups) {
      int64_t sum = 0;
      std::map<int, int> distinct;
      for (const int value : values) {
        sum += value;
        ++distinct[value];
      }
      expected[group.substr(1, group.size() - 2)] = "{\"g\":" + group + ",\"n\":" + std::to_string(values.size()) +
                                                    ",\"s\":" + std::to_string(sum) + ",\"d\":" + std::to_string(distinct.size()) + "}";
    }

    TableOptions options;
    options.emit = random() % 2 == 0 ? TableEmit::update : TableEmit::commit;
    if (holds) options.after = 25;
    if (random() % 2 == 0) options.cache_bytes = 0;
    options.key_names = group_names(plan);
    state::PartitionStore store(false);
    const auto make = [&] {
      return (over_table ? make_regrouped_table : make_aggregate_table)(options, set, reader_of(set, plan), store.operator_store(1));
    };
    auto stage = make();
    Capture out;
    size_t committed = 0, committed_results = 0;
    const auto commit = [&](size_t done) {
      stage->before_commit(out);
      store.take_changes();
      store.applied(1, 0);
      committed = done;
      committed_results = out.results.size();
    };
    for (size_t i = 0; i < input.size(); ++i) {
      const auto& [key, value, time] = input[i];
      stage->process(make_record(key, value, time), out);
      const auto luck = random() % 10;
      if (luck < 3) {
        commit(i + 1);
        if (luck == 0) stage = make();
      } else if (luck == 3) {
        store.discard();
        stage = make();
        out.results.resize(committed_results);
        i = committed - 1;
      }
    }
    commit(input.size());
    if (holds) stage->close(out);
    REQUIRE(out.errors.empty());
    REQUIRE(out.newest() == expected);
  }
}

TEST_CASE("table views: a deletion once, and only of what was there") {
  state::PartitionStore store;
  Capture out;
  auto stage = make_table_view(std::make_unique<PassStage>(), store.operator_store(1));
  stage->process(make_record("a", "-", 1), out);
  stage->process(make_record("a", "1", 1), out);
  stage->process(make_record("a", "-", 1), out);
  stage->process(make_record("a", "-", 1), out);
  CHECK(out.results == std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"a", "-"}});
}
