// kscan: its list taken apart, and its stage against a model that keeps all values, over commits, aborts and
// restarts.
#include <ctime>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "flow/aggregate/expression_reader.h"
#include "kscan/scan_list.h"
#include "kscan/scan_stage.h"
#include "state/partition_store.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

struct Capture final : Emitter {
  std::vector<std::string> out;
  bool refuses = false;
  void emit(const Record*, const Output& output) override {
    if (!refuses) out.push_back(std::string(output.key.view()) + " " + std::string(output.value.view()));
  }
  bool refused() const override { return refuses; }
  void fail(const Record&, RecordError) override { out.push_back("failed"); }
  void drop(const Record&, DropReason) override { out.push_back("dropped"); }
};

struct One {
  std::string key;
  std::optional<std::string> value;
};

ScanList scan_list(const std::string& list) { return read_scan_list(list, "LIST", {"key"}); }

std::unique_ptr<Stage> make_stage(const ScanList& list, const AggregateSet& set, state::Store& store,
                                  size_t cache) {
  MapPlan plan{.list = list.list, .options = {}, .given = list.names};
  GroupingPlan by;
  by.needs_time = false;
  return std::make_unique<ScanStage>(
      plan, set, std::make_unique<ExpressionReader>(by, expr::Options(), set, nullptr), store, cache);
}

void feed(Stage& stage, const One& one, Emitter& out) {
  Record record;
  record.key = std::string_view(one.key);
  if (one.value) record.value = std::string_view(*one.value);
  record.timestamp = 1000;
  record.topic = "in";
  record.partition = 0;
  stage.process(record, out);
}

}  // namespace

TEST_CASE("kscan: aggregates are taken out of the list, wherever they stand", "[kscan]") {
  const auto check = [](const std::string& list, const std::string& rest, const std::string& aggregates) {
    CAPTURE(list);
    const ScanList got = scan_list(list);
    CHECK(got.list == rest);
    CHECK(got.aggregates == aggregates);
  };
  check("*, p=lag(t)", "*, p=p", "p=lag(t)");
  check("*, count(), sum(x.y)", "*, count=count, sum_y=sum_y", "count=count(), sum_y=sum(x.y)");
  check("*, d = t - lag(t), e=lag(t)*2", "*, d = t - _lag_t, e=_lag_t*2", "_lag_t=lag(t)");
  check("*, n=count() if t > 3, -t", "*, n=n, -t", "n=count() if t > 3");
  check("a, m=sum(x)/count()", "a, m=_sum_x/_count", "_sum_x=sum(x), _count=count()");
  check("*, user.n=count()", "*, user.n=_count", "_count=count()");
  check("=[lag(t, 2), t]", "=[_lag_t_2, t]", "_lag_t_2=lag(t, 2)");
  check("*, \"n m\"=count()", "*, \"n m\"=_count", "_count=count()");
  check("*, key=count()", "*, key=_count", "_count=count()");  // the row's key has that name
  check("*, _count=x, m=count()+1", "*, _count=x, m=_count_2+1", "_count_2=count()");
  check("*, s=l.sum(), t=\"sum(x)\", n=count()", "*, s=l.sum(), t=\"sum(x)\", n=n", "n=count()");
  check("*, m=fold(0, _acc + x) - x", "*, m=_fold_0__acc_x - x", "_fold_0__acc_x=fold(0, _acc + x)");
  for (const char* wrong :
       {"*", "a, b=c", "*, d=x if x > 1", "*, m=count() + 1 if x > 1", "| cat", "*, sum("})
    CHECK_THROWS_AS(scan_list(wrong), Error);
}

TEST_CASE("kscan gives each record what its key had, and those that fail count nowhere", "[kscan]") {
  const auto seed = GENERATE(range(0u, 100u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const ScanList list =
      scan_list("*, p=lag(x), q=lag(x, 3), n=count(), s=sum(x), d=distinct(x), r=60 / (y - n)");
  const AggregateSet set(parse_aggregates(list.aggregates, "LIST"));
  state::PartitionStore store(false);
  const size_t cache = below(2) == 0 ? 0 : size_t{2} << 20;
  auto stage = make_stage(list, set, store.operator_store(1), cache);

  struct Model {
    std::map<std::string, std::vector<std::optional<int>>> values = {};
    std::vector<std::string> out = {};
  };
  Model model, committed;
  Capture got, got_committed;
  int64_t offset = 0;
  for (int step = 0; step < 400; ++step) {
    const int what = below(20);
    if (what < 15) {
      const std::string key(1, static_cast<char>('a' + below(4)));
      const std::optional<int> x = below(5) == 0 ? std::nullopt : std::optional<int>(below(50));
      const int y = below(6);
      const std::string fields =
          "{\"x\":" + (x ? std::to_string(*x) : "null") + ",\"y\":" + std::to_string(y);
      const bool is_null = below(20) == 0;
      got.refuses = below(10) == 0;
      feed(*stage, {key, is_null ? std::nullopt : std::optional(fields + "}")}, got);
      std::vector<std::optional<int>>& values = model.values[key];
      const int n = static_cast<int>(values.size()) + 1;
      if (is_null) {
        model.out.emplace_back("dropped");
      } else if (y == n) {
        model.out.emplace_back("failed");
      } else if (!got.refuses) {
        const auto back = [&](size_t by) {
          if (values.size() < by || !values[values.size() - by]) return std::string("null");
          return std::to_string(*values[values.size() - by]);
        };
        int sum = x.value_or(0);
        for (const auto& value : values) sum += value.value_or(0);
        std::set<int> different;
        if (x) different.insert(*x);
        for (const auto& value : values)
          if (value) different.insert(*value);
        model.out.push_back(key + " " + fields + ",\"p\":" + back(1) + ",\"q\":" + back(3) +
                            ",\"n\":" + std::to_string(n) + ",\"s\":" + std::to_string(sum) +
                            ",\"d\":" + std::to_string(different.size()) +
                            ",\"r\":" + std::to_string(60 / (y - n)) + "}");
        values.push_back(x);
      }
      got.refuses = false;
      // The first sum of a key that has no number yet.
      REQUIRE(got.out.size() == model.out.size());
    } else if (what < 19) {
      stage->before_commit(got);
      store.take_changes();
      store.applied(++offset, 0);
      committed = model;
      got_committed = got;
      if (below(3) == 0) {
        stage.reset();
        stage = make_stage(list, set, store.operator_store(1), cache);
      }
    } else {
      stage.reset();
      store.discard();
      model = committed;
      got = got_committed;
      stage = make_stage(list, set, store.operator_store(1), cache);
    }
    if (got.out != model.out) {
      REQUIRE(got.out.back() == model.out.back());
      REQUIRE(got.out == model.out);
    }
  }
  CHECK(got.out.size() > 100);
}

TEST_CASE("kscan: a set of 20,000 values is not copied before each record", "[kscan]") {
  const ScanList list = scan_list("d=distinct(x)");
  const AggregateSet set(parse_aggregates(list.aggregates, "LIST"));
  state::PartitionStore store(false);
  const auto stage = make_stage(list, set, store.operator_store(1), size_t{2} << 20);
  Capture got;
  const std::clock_t begin = std::clock();  // 5 s and more where it is
  for (int i = 0; i < 20'000; ++i) feed(*stage, {"a", "{\"x\":" + std::to_string(i) + "}"}, got);
  CHECK(std::clock() - begin < 2 * CLOCKS_PER_SEC);
  CHECK(got.out.back() == "a {\"d\":20000}");
}

TEST_CASE("kscan: a list with a value in place of lag's null, and messages in the words that were written",
          "[scan]") {
  const auto with_first = [](const std::string& list) { return read_scan_list(list, "LIST", {}).with_first; };
  CHECK(with_first("d=v-lag(v)") == "d=v-coalesce(lag(v), v)");
  CHECK(with_first("*, n=count(), d=(v - lag(v, 2)) * 2") ==
        "*, n=count(), d=(v - coalesce(lag(v, 2), v)) * 2");
  CHECK(with_first("p=lag(v), up=v > p, down=p > v") ==
        "p=lag(v), up=v > coalesce(p, v), down=coalesce(p, v) > v");
  CHECK(with_first("*, p=lag(a.b) if a.b > 1, d=1") == "");
  CHECK(with_first("p=lag(v), q=p, n=count() + 1") == "");
  CHECK(with_first("d=v - coalesce(lag(v), 0)") == "");
  CHECK(with_first("d=v - sum(v)") == "");
  const ScanList list = read_scan_list("p=lag(v), n=count() + x, d=v - lag(v)", "LIST", {});
  CHECK(in_written_words(list, "no such operation\n  _count + x\n           ^") ==
        "no such operation\n  count() + x\n            ^");
  CHECK(in_written_words(list, "what\n  _count + x\n  ^~~~~~") == "what\n  count() + x\n  ^~~~~~~");
  CHECK(in_written_words(list, "write: p=p, n=_count + x, d=v - _lag_v") ==
        "write: p=lag(v), n=count() + x, d=v - lag(v)");
  CHECK(in_written_words(list, "_lag_value my_count") == "_lag_value my_count");
}
