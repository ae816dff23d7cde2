// kdedup's stages against models that never forget, over commits, aborts and restarts.
#include "flow/window/dedup_stage.h"

#include <map>
#include <random>
#include <unordered_map>

#include "flow/window/key_times.h"
#include "state/partition_store.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

struct One {
  std::string key;
  int64_t time = 0;
  std::string value;  // its number
};

class KeyReader final : public RecordReader {
 public:
  std::optional<RecordError> read(const Record& record, GroupedRecord& grouped) override {
    grouped.key = record.key.view();
    grouped.time = record.timestamp;
    grouped.origin = &record;
    return std::nullopt;
  }
};

struct Capture final : Emitter {
  std::vector<std::string> passed;
  size_t late = 0, duplicates = 0;
  bool refuses = false;
  void emit(const Record*, const Output& output) override {
    if (!refuses)
      passed.push_back(std::string(output.key.view()) + "@" + std::to_string(output.timestamp) + "=" +
                       std::string(output.value.view()));
  }
  bool refused() const override { return refuses; }
  void fail(const Record&, RecordError) override { FAIL("a record has failed"); }
  void drop(const Record&, DropReason reason) override { ++(reason == DropReason::late ? late : duplicates); }
};

// What the stage has of committed records, and what a model says of the same.
struct First {
  int64_t within, grace;
  int64_t now = INT64_MIN;
  std::map<std::string, std::vector<int64_t>> passed = {};
  void take(const One& one, Capture& out) {
    now = std::max(now, one.time);
    if (one.time + grace < now) return void(++out.late);
    for (const int64_t other : passed[one.key])
      if (std::abs(other - one.time) < within) return void(++out.duplicates);
    passed[one.key].push_back(one.time);
    out.passed.push_back(one.key + "@" + std::to_string(one.time) + "=" + one.value);
  }
};
struct Last {
  struct Wait {
    int64_t first;
    One newest;
    bool is_over = false;
  };
  int64_t within, grace;
  int64_t now = INT64_MIN;
  std::map<std::string, std::vector<Wait>> waits = {};
  void release(Capture& out) {
    std::map<std::pair<int64_t, std::string>, std::string> due;
    for (auto& [key, list] : waits) {
      for (Wait& wait : list) {
        if (wait.is_over || wait.first + within > now) continue;
        wait.is_over = true;
        due[{wait.first, key}] = key + "@" + std::to_string(wait.newest.time) + "=" + wait.newest.value;
      }
    }
    for (const auto& [at, text] : due) out.passed.push_back(text);
  }
  void take(const One& one, Capture& out) {
    now = std::max(now, one.time);
    release(out);
    if (one.time + within <= now) return void(++out.late);
    auto& list = waits[one.key];
    for (Wait& wait : list) {
      if (wait.is_over || std::abs(wait.first - one.time) >= within) continue;
      if (one.time >= wait.newest.time) wait.newest = one;
      return void(++out.duplicates);
    }
    for (const Wait& wait : list)
      if (wait.is_over && one.time < wait.first + within) return void(++out.late);
    list.push_back({one.time, one});
  }
};

template <typename Model>
void run(unsigned seed, bool keep_last) {
  CAPTURE(seed, keep_last);
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  DedupOptions options;
  options.within = 1 + below(30);
  options.keep_last = keep_last;
  options.window.grace = below(2) == 0 ? options.within : below(100);
  // Rows leave memory with each commit, or never.
  options.window.cache_bytes = below(2) == 0 ? 0 : size_t{2} << 20;
  state::PartitionStore store(false);
  const AggregateSet set{std::vector<AggregateItem>()};
  std::unique_ptr<Stage> stage;
  const auto start = [&] {
    stage = make_dedup_stage(options, set, std::make_unique<KeyReader>(), store.operator_store(1));
  };
  start();
  Model model{options.within, options.window.grace};
  Capture got, want;
  std::vector<One> uncommitted;
  const auto feed = [&](const One& one) {
    Record record;
    record.key = std::string_view(one.key);
    record.value = std::string_view(one.value);
    record.timestamp = one.time;
    record.partition = 0;
    stage->process(record, got);
  };
  int64_t offset = 0, time = 1000;
  Capture committed;
  for (int step = 0; step < 300; ++step) {
    const int what = below(20);
    if (what < 16) {
      time += below(6);
      const One one{"k" + std::to_string(below(8)), std::max<int64_t>(0, time - below(3) * below(40)),
                    std::to_string(step)};
      feed(one);
      uncommitted.push_back(one);
      model.take(one, want);
    } else if (what < 18) {
      stage->before_commit(got);
      store.take_changes();
      store.applied(++offset, 0);
      uncommitted.clear();
      committed = got;
      if (below(3) == 0) start();
    } else {
      stage.reset();
      store.discard();
      got = committed;
      start();
      for (const One& one : uncommitted) feed(one);
    }
    REQUIRE(got.passed == want.passed);
    REQUIRE(got.late == want.late);
    REQUIRE(got.duplicates == want.duplicates);
  }
  // What is forgotten is gone from the state, too.
  const One far{"far", time + 1'000'000, "far"};
  feed(far);
  stage->before_commit(got);
  store.take_changes();
  store.applied(++offset, 0);
  size_t rows = 0;
  store.operator_store(1).scan({}, {}, [&](std::string_view, std::string_view) { return ++rows < 10; });
  CHECK(rows == (keep_last ? 2 : 1));  // a wait has its timer
}

}  // namespace

TEST_CASE("The first of equal records wins, whatever happens between", "[dedup]") {
  run<First>(GENERATE(range(0u, 500u)), false);
}

TEST_CASE("The last of equal records wins, whatever happens between", "[dedup]") {
  run<Last>(GENERATE(range(0u, 500u)), true);
}

TEST_CASE("A record that OUT refuses does not make the next one a duplicate", "[dedup]") {
  state::PartitionStore store;
  const AggregateSet set{std::vector<AggregateItem>()};
  DedupOptions options;
  options.within = options.window.grace = 10;
  const auto stage = make_dedup_stage(options, set, std::make_unique<KeyReader>(), store.operator_store(1));
  Capture out;
  Record record;
  record.key = record.value = std::string_view("a");
  record.timestamp = 5;
  out.refuses = true;
  stage->process(record, out);
  out.refuses = false;
  record.timestamp = 6;
  stage->process(record, out);
  stage->process(record, out);
  CHECK(out.passed == std::vector<std::string>{"a@6=a"});
  CHECK(out.duplicates == 1);
}

TEST_CASE("Numbers by key: what was added is found, in little memory", "[dedup]") {
  std::mt19937 random(7);
  KeyTimes table;
  std::unordered_map<std::string, int64_t> model;
  const auto add = [&](const std::string& key, int64_t number) {
    if (model.emplace(key, number).second) table.add(key, KeyTimes::hash_of(key), number);
  };
  add("", 0);
  add(std::string(100'000, 'x'), INT64_MAX);  // larger than a chunk
  for (int i = 0; i < 20'000; ++i) {
    std::string key = std::to_string(random() % 50'000);
    if (i % 100 == 0) key.resize(random() % 3000, 'y');
    add(key, static_cast<int64_t>(random() >> (i % 32)));
  }
  CHECK(table.size() == model.size());
  for (const auto& [key, number] : model) {
    const KeyTimes::Place place = table.find(key, KeyTimes::hash_of(key));
    REQUIRE(place != 0);
    REQUIRE(table.at(place).number == number);
    REQUIRE(table.at(place).key == key);
  }
  for (int i = 50'000; i < 60'000; ++i)
    REQUIRE(table.find(std::to_string(i), KeyTimes::hash_of(std::to_string(i))) == 0);
  table.clear();
  CHECK(table.find("", KeyTimes::hash_of("")) == 0);
  CHECK(table.memory() == 0);
  for (int i = 0; i < 250'000; ++i) {
    const std::string key = "/page/" + std::to_string(100'000 + i);
    table.add(key, KeyTimes::hash_of(key), i * 10);
  }
  CHECK(table.memory() < size_t{8} << 20);
}

namespace {
class CountingStore final : public state::Store {
 public:
  explicit CountingStore(state::Store& store) : store_(store) {}
  size_t gets = 0;
  std::optional<std::string_view> get(std::string_view key) override {
    ++gets;
    return store_.get(key);
  }
  void put(std::string_view key, std::string_view value) override { store_.put(key, value); }
  void erase(std::string_view key) override { store_.erase(key); }
  void scan(std::string_view from, std::string_view to,
            const std::function<bool(std::string_view, std::string_view)>& row) override {
    store_.scan(from, to, row);
  }
  bool in_memory() const override { return store_.in_memory(); }
  const state::StreamTimes& stream_times() const override { return store_.stream_times(); }
  void set_stream_times(state::StreamTimes times) override { store_.set_stream_times(std::move(times)); }
  void set_description(std::string text) override { store_.set_description(std::move(text)); }

 private:
  state::Store& store_;
};
}  // namespace

TEST_CASE("As long as the keys fit in memory none is looked up in the state, also after a restart",
          "[dedup]") {
  constexpr int kKeys = 200'000;
  state::PartitionStore partition(false);
  CountingStore store(partition.operator_store(1));
  const AggregateSet set{std::vector<AggregateItem>()};
  DedupOptions options;
  options.within = options.window.grace = 1'000'000;
  options.window.cache_bytes = size_t{64} << 20;
  Capture out;
  for (size_t round = 1; round <= 2; ++round) {
    const auto stage = make_dedup_stage(options, set, std::make_unique<KeyReader>(), store);
    for (int i = 0; i < kKeys; ++i) {
      const std::string key = "/page/" + std::to_string(100'000 + i);
      Record record;
      record.key = record.value = std::string_view(key);
      record.timestamp = i;
      stage->process(record, out);
      if (i % 50'000 != 49'999) continue;
      stage->before_commit(out);
      partition.take_changes();
      partition.applied(static_cast<int64_t>(round) * kKeys + i, 0);
    }
    CHECK(out.passed.size() == kKeys);
    CHECK(out.duplicates == (round - 1) * kKeys);
    CHECK(store.gets == 0);
  }
}
