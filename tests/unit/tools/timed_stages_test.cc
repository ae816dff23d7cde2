// kdelay's and ktake's stages against naive models, over commits, aborts and restarts.
#include <map>
#include <memory>
#include <random>

#include "base/clock.h"
#include "flow/aggregate/aggregate_set.h"
#include "kdelay/delay_stage.h"
#include "ktake/take_stage.h"
#include "state/partition_store.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

struct Capture final : Emitter {
  std::vector<std::string> out;
  std::vector<RecordError> errors;
  void emit(const Record*, const Output& output) override {
    std::string text(output.key.is_null() ? "-" : output.key.view());
    text += "@" + std::to_string(output.timestamp) + "=";
    text += output.value.is_null() ? "null" : std::string(output.value.view());
    for (const Header& header : output.headers)
      text += " " + std::string(header.name) + ":" +
              (header.value.is_null() ? "null" : std::string(header.value.view()));
    out.push_back(text);
  }
  void fail(const Record&, RecordError error) override { errors.push_back(std::move(error)); }
  void drop(const Record&, DropReason) override {}
};

struct One {
  std::string key, value, header;
  int64_t time = 0;
  std::string text() const { return key + "@" + std::to_string(time) + "=" + value; }
};

void feed(Stage& stage, const One& one, Emitter& out, bool has_header) {
  Record record;
  record.key = std::string_view(one.key);
  record.value = std::string_view(one.value);
  record.timestamp = one.time;
  record.topic = "in";
  record.partition = 0;
  const Header header{"h", std::string_view(one.header)};
  if (has_header) record.headers = {&header, 1};
  stage.process(record, out);
}

class KeyReader final : public RecordReader {
 public:
  std::optional<RecordError> read(const Record& record, GroupedRecord& grouped) override {
    grouped.key = record.key.view();
    grouped.time = record.timestamp;
    grouped.origin = &record;
    return std::nullopt;
  }
};

// A stage over a store, with what was done since the last commit, so that an abort can be followed by the same
// again. The clock does not go back.
template <typename Make>
struct Bench {
  Make make;
  state::PartitionStore store{false};
  std::unique_ptr<Stage> stage = make(store.operator_store(1));
  Capture got = {}, committed = {};
  int64_t offset = 0;

  void commit(bool restarts) {
    stage->before_commit(got);
    store.take_changes();
    store.applied(++offset, 0);
    committed = got;
    if (restarts) restart();
  }
  void abort() {
    stage.reset();
    store.discard();
    got = committed;
    stage = make(store.operator_store(1));
  }
  void restart() {
    stage.reset();
    stage = make(store.operator_store(1));
  }
  size_t rows() {
    size_t count = 0;
    store.operator_store(1).scan({}, {}, [&](std::string_view, std::string_view) { return ++count < 100; });
    return count;
  }
};

}  // namespace

TEST_CASE("kdelay lets each record go once, when it is due and not before, in order", "[kdelay]") {
  const auto seed = GENERATE(range(0u, 300u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  ManualClock clock;
  clock.set_wall_ms(1'000'000);
  DelayPlan plan;
  plan.delay = 50;
  const auto make = [&](state::Store& store) { return std::make_unique<DelayStage>(plan, &store, &clock); };
  Bench<decltype(make)> bench{make};
  // By due and arrival; what is committed of both.
  std::multimap<int64_t, std::string> waiting, committed_waiting;
  std::vector<std::string> want, committed_want;
  for (int step = 0; step < 400; ++step) {
    const int what = below(20);
    if (what < 12) {
      const int64_t time = clock.wall_ms() - below(3) * below(60);
      const One one{"k" + std::to_string(below(3)), std::to_string(step), "x", time};
      feed(*bench.stage, one, bench.got, true);
      const int64_t due = time + 50;
      const bool waits = due > clock.wall_ms() || (!waiting.empty() && waiting.begin()->first <= due);
      if (waits)
        waiting.emplace(due, one.text() + " h:x");
      else
        want.push_back(one.text() + " h:x");
    } else if (what < 16) {
      clock.advance(Millis(below(15)));
      const auto next = bench.stage->next_wakeup();
      REQUIRE(next == (waiting.empty() ? std::nullopt : std::optional<int64_t>(waiting.begin()->first)));
      if (next && *next <= clock.wall_ms()) bench.stage->tick(clock.wall_ms(), bench.got);
      while (!waiting.empty() && waiting.begin()->first <= clock.wall_ms()) {
        want.push_back(waiting.begin()->second);
        waiting.erase(waiting.begin());
      }
    } else if (what < 19) {
      bench.commit(below(3) == 0);
      committed_waiting = waiting;
      committed_want = want;
    } else {
      bench.abort();
      waiting = committed_waiting;
      want = committed_want;
    }
    REQUIRE(bench.got.out == want);
  }
  clock.advance(Millis(1000));
  bench.stage->tick(clock.wall_ms(), bench.got);
  for (const auto& [due, text] : waiting) want.push_back(text);
  CHECK(bench.got.out == want);
  CHECK(count_waiting(*bench.stage) == 0);
  bench.commit(false);
  CHECK(bench.rows() <= 1);  // the number of the next one
}

TEST_CASE("kdelay by an expression: times of all forms, errors, records without a value", "[kdelay]") {
  ManualClock clock;
  clock.set_wall_ms(1'000'000);
  state::PartitionStore store;
  DelayPlan plan;
  plan.time = "at";
  DelayStage stage(plan, &store.operator_store(1), &clock);
  Capture out;
  feed(stage, {"a", R"({"at":1000500})", "", 7}, out, false);
  feed(stage, {"b", R"({"at":"1970-01-01T00:16:40.2Z"})", "", 8}, out, false);
  feed(stage, {"c", R"({"at":5})", "", 9}, out, false);
  feed(stage, {"d", R"({"at":-1})", "", 9}, out, false);
  feed(stage, {"e", R"({})", "", 9}, out, false);
  CHECK(out.out == std::vector<std::string>{R"(c@9={"at":5})"});
  CHECK(out.errors.size() == 2);
  CHECK(stage.next_wakeup() == 1'000'200);
  stage.tick(1'000'499, out);
  CHECK(out.out.size() == 2);
  CHECK(out.out.back().substr(0, 3) == "b@8");
  stage.tick(1'000'500, out);
  CHECK(out.out.back().substr(0, 3) == "a@7");
  CHECK(stage.waiting() == 0);
}

TEST_CASE("ktake: each value in one array, in order, N or those that D has passed for", "[ktake]") {
  const auto seed = GENERATE(range(0u, 300u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  ManualClock clock;
  clock.set_wall_ms(1'000'000);
  TakePlan plan;
  plan.count = 1 + below(6);
  if (below(4) > 0) plan.within = 1 + below(100);
  plan.cache_bytes = below(2) == 0 ? 0 : 1 << 20;
  const bool by_key = below(2) == 0;
  const auto make = [&](state::Store& store) {
    return std::make_unique<TakeStage>(plan, by_key ? std::make_unique<KeyReader>() : nullptr, store, &clock);
  };
  Bench<decltype(make)> bench{make};
  struct Group {
    std::string values;
    int64_t count = 0, time = 0, deadline = INT64_MAX;
  };
  using Groups = std::map<std::string, Group>;
  Groups groups, committed_groups;
  std::vector<std::string> want, committed_want;
  const auto emit = [&](const std::string& key, Group& group) {
    want.push_back((by_key ? key : "-") + "@" + std::to_string(group.time) + "=[" + group.values + "]");
    group = {};
  };
  for (int step = 0; step < 400; ++step) {
    const int what = below(20);
    if (what < 13) {
      const One one{"k" + std::to_string(below(4)), std::to_string(step), "", 100 + below(50)};
      feed(*bench.stage, one, bench.got, false);
      const std::string key = by_key ? one.key : "all";
      Group& group = groups[key];
      if (group.count++ == 0) {
        group.time = one.time;
        if (plan.within) group.deadline = clock.wall_ms() + *plan.within;
      } else {
        group.values += ",";
      }
      group.values += one.value;
      group.time = std::max(group.time, one.time);
      if (group.count == plan.count) emit(key, group);
    } else if (what < 16) {
      clock.advance(Millis(below(30)));
      const auto next = bench.stage->next_wakeup();
      if (next && *next <= clock.wall_ms()) bench.stage->tick(clock.wall_ms(), bench.got);
      for (;;) {
        std::pair<int64_t, std::string> first{INT64_MAX, ""};
        for (const auto& [key, group] : groups)
          if (group.count > 0) first = std::min(first, {group.deadline, key});
        if (first.first > clock.wall_ms()) break;
        emit(first.second, groups[first.second]);
      }
    } else if (what < 19) {
      bench.commit(below(3) == 0);
      committed_groups = groups;
      committed_want = want;
    } else {
      bench.abort();
      groups = committed_groups;
      want = committed_want;
    }
    REQUIRE(bench.got.out == want);
  }
  bench.commit(false);
  size_t open = 0;
  for (const auto& [key, group] : groups) open += group.count > 0;
  CHECK((bench.rows() > 0) == (open > 0));
}
