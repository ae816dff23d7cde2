// ksort's stage against a model that keeps all records, over commits, aborts and restarts.
#include "flow/window/sort_stage.h"

#include <algorithm>
#include <map>
#include <random>
#include <vector>

#include "state/partition_store.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

class KeyReader final : public RecordReader {
 public:
  std::optional<RecordError> read(const Record& record, GroupedRecord& grouped) override {
    grouped.time = record.timestamp;
    grouped.source = record.partition;
    grouped.origin = &record;
    return std::nullopt;
  }
};

struct Capture final : Emitter {
  std::vector<std::string> passed, late;
  void emit(const Record*, const Output& output) override {
    (output.port == 0 ? passed : late)
        .push_back(std::string(output.value.view()) + "@" + std::to_string(output.timestamp));
  }
  void fail(const Record&, RecordError) override { FAIL("a record has failed"); }
  void drop(const Record&, DropReason reason) override { CHECK(reason == DropReason::late); }
};

struct Model {
  int64_t within;
  int64_t now = INT64_MIN;
  std::multimap<int64_t, std::string> held = {};
  Capture out = {};
  void take(int64_t time, const std::string& text) {
    now = std::max(now, time);
    if (time + within < now)
      out.late.push_back(text);
    else
      held.emplace(time, text);
    release(now - within);
  }
  void release(int64_t until) {
    while (!held.empty() && held.begin()->first <= until) {
      out.passed.push_back(held.begin()->second);
      held.erase(held.begin());
    }
  }
};

}  // namespace

TEST_CASE("ksort: by time, ties as they came, late ones apart", "[ksort]") {
  const auto seed = GENERATE(range(0u, 150u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  SortOptions options;
  options.within = below(40);
  options.window.late_port = 1;
  state::PartitionStore store(false);
  const AggregateSet set{std::vector<AggregateItem>()};
  std::unique_ptr<Stage> stage;
  const auto start = [&] {
    stage = make_sort_stage(options, set, std::make_unique<KeyReader>(), store.operator_store(1));
  };
  start();
  Model model{options.within}, committed = model;
  Capture got, got_committed;
  int64_t offset = 0, around = 1000;
  for (int step = 0; step < 400; ++step) {
    const int what = below(20);
    if (what < 16) {
      around += below(4);
      const int64_t time = around - below(3) * below(30);
      const std::string value = std::to_string(step);
      Record record;
      record.key = std::string_view("k");
      record.value = std::string_view(value);
      record.timestamp = time;
      record.topic = "in";
      record.partition = 0;
      stage->process(record, got);
      model.take(time, value + "@" + std::to_string(time));
    } else if (what < 19) {
      stage->before_commit(got);
      store.take_changes();
      store.applied(++offset, 0);
      committed = model;
      got_committed = got;
      if (below(3) == 0) {
        stage.reset();
        start();
      }
    } else {
      stage.reset();
      store.discard();
      model = committed;
      got = got_committed;
      start();
    }
    REQUIRE(got.passed == model.out.passed);
    REQUIRE(got.late == model.out.late);
  }
  // The end: all that is held goes, and what was before it is late then.
  const bool holds = !model.held.empty();
  stage->close(got);
  model.release(INT64_MAX);
  CHECK(got.passed == model.out.passed);
  stage->before_commit(got);
  if (holds) {
    Record record;
    record.value = std::string_view("late");
    record.timestamp = model.now - 1;
    record.partition = 0;
    stage->process(record, got);
    CHECK(got.late.back().rfind("late", 0) == 0);
  }
}
