// Keys' timers against a map that never forgets, over commits, aborts, restarts and memory of any size.
#include "flow/aggregate/keyed_rows.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "state/partition_store.h"
#include "state/state_error.h"
#include "state/state_format.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

// The times at which a key is to be looked at.
struct Times {
  std::set<int64_t> list;
  bool empty() const { return list.empty(); }
};
struct TimesCodec {
  Times make() const { return {}; }
  void encode(const Times& times, std::string& out) const {
    put_varint(out, times.list.size());
    for (const int64_t time : times.list) put_signed(out, time);
  }
  void decode(Reader& in, Times& times) const {
    for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) times.list.insert(in.signed_varint());
  }
};

// Gives little memory, and counts scans.
class CountingStore final : public state::Store {
 public:
  CountingStore(state::Store& inner, size_t share) : inner_(inner), share_(share) {}
  std::optional<std::string_view> get(std::string_view key) override { return inner_.get(key); }
  void put(std::string_view key, std::string_view value) override { inner_.put(key, value); }
  void erase(std::string_view key) override { inner_.erase(key); }
  void scan(std::string_view from, std::string_view to,
            const std::function<bool(std::string_view, std::string_view)>& row) override {
    ++scans;
    inner_.scan(from, to, row);
  }
  bool in_memory() const override { return false; }
  size_t memory_share() const override { return share_; }
  const state::StreamTimes& stream_times() const override { return inner_.stream_times(); }
  void set_stream_times(state::StreamTimes times) override { inner_.set_stream_times(std::move(times)); }
  void set_description(std::string description) override { inner_.set_description(std::move(description)); }

  size_t scans = 0;

 private:
  state::Store& inner_;
  const size_t share_;
};

using Rows = KeyedRows<Times, TimesCodec>;
using Looks = std::vector<std::pair<int64_t, std::string>>;

void add(Rows& rows, const std::string& key, int64_t time) {
  Rows::Node& node = rows.load(key);
  node.value.list.insert(time);
  rows.touch(node);
  rows.arm(node, time);
}

Looks fire(Rows& rows, int64_t now) {
  Looks looks;
  rows.fire(now, [&](Rows::Node& node) {
    auto& list = node.value.list;
    for (; !list.empty() && *list.begin() <= now; list.erase(list.begin()))
      looks.emplace_back(*list.begin(), node.key);
    return list.empty() ? kNever : *list.begin();
  });
  std::sort(looks.begin(), looks.end());
  return looks;
}

Looks fire(std::set<std::pair<int64_t, std::string>>& times, int64_t now) {
  Looks looks;
  for (; !times.empty() && times.begin()->first <= now; times.erase(times.begin()))
    looks.push_back(*times.begin());
  return looks;
}

}  // namespace

TEST_CASE("Keys are looked at in time, once, whatever is let go, committed, aborted or started again",
          "[timers]") {
  const auto seed = GENERATE(range(0u, 300u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  state::PartitionStore partition(false);
  CountingStore store(partition.operator_store(1), seed % 3 == 0 ? 0 : seed % 3 == 1 ? 1500 : 1 << 20);
  const auto make = [&] { return std::make_unique<Rows>(store, TimesCodec(), size_t{1} << 20); };
  auto rows = make();
  std::set<std::pair<int64_t, std::string>> committed, naive;
  int64_t offset = 0, now = 0;
  const int keys = seed % 2 == 0 ? 8 : 100'000;
  for (int step = 0; step < 400; ++step) {
    const int what = below(20);
    if (what < 12) {
      const std::string key = "k" + std::to_string(below(keys));
      const int64_t time = now + 1 + below(100);
      add(*rows, key, time);
      naive.emplace(time, key);
    } else if (what < 16) {
      now += below(20);
      REQUIRE(fire(*rows, now) == fire(naive, now));
    } else if (what < 19) {
      rows->write_back();
      partition.take_changes();
      partition.applied(++offset, 0);
      committed = naive;
      if (below(4) == 0) rows = make();
    } else {
      rows.reset();
      partition.discard();
      naive = committed;
      rows = make();
    }
    REQUIRE(rows->next_due() <= (naive.empty() ? kNever : naive.begin()->first));
  }
  REQUIRE(fire(*rows, kNever - 1) == fire(naive, kNever - 1));
  rows->write_back();
  // Nothing stays behind.
  size_t left = 0;
  store.scan({}, {}, [&](std::string_view, std::string_view) { return ++left < 10; });
  CHECK(left == 0);
}

TEST_CASE("Timers of keys that were let go are read many at a time", "[timers]") {
  state::PartitionStore partition(false);
  CountingStore store(partition.operator_store(1), 1 << 16);
  Rows rows(store, TimesCodec(), 1 << 16);
  constexpr int kKeys = 20'000;
  int64_t offset = 0;
  size_t looked = 0;
  // Each waits for 5,000 ms, as in a join of streams whose time moves with each record.
  for (int i = 0; i < kKeys + 5000; ++i) {
    if (i < kKeys) add(rows, "key " + std::to_string(i), i + 5000);
    looked += fire(rows, i).size();
    if (i % 1000 != 999) continue;
    rows.write_back();
    partition.take_changes();
    partition.applied(++offset, 0);
  }
  CHECK(looked == kKeys);
  CHECK(store.scans < kKeys / 50);
}

TEST_CASE("Timers of keys that are let go stay in memory where there is room for them", "[timers]") {
  state::PartitionStore partition(false);
  CountingStore store(partition.operator_store(1), 1 << 20);
  Rows rows(store, TimesCodec(), 1 << 10);  // all keys go with each commit
  int64_t offset = 0;
  size_t looked = 0;
  for (int i = 0; i < 3000; ++i) {
    add(rows, "key " + std::to_string(i), i + 1000);
    looked += fire(rows, i).size();
    if (i % 100 != 99) continue;
    rows.write_back();
    partition.take_changes();
    partition.applied(++offset, 0);
  }
  CHECK(looked == 2000);
  CHECK(store.scans == 1);  // at the start
}

namespace {

// Times of timers in the store by row.
std::vector<int64_t> timer_rows(state::Store& store) {
  std::vector<int64_t> dues;
  store.scan(std::string(1, state::kTimerRow), TimerKey::end(), [&](std::string_view row, std::string_view) {
    dues.push_back(TimerKey::due(row));
    return true;
  });
  return dues;
}

}  // namespace

TEST_CASE("Timers of many keys are one row, of times far apart several", "[timers]") {
  state::PartitionStore partition(false);
  CountingStore store(partition.operator_store(1), 1 << 20);
  Rows rows(store, TimesCodec(), 1 << 20);
  for (int i = 0; i < 640; ++i) add(rows, "key " + std::to_string(i), 1000 + i);
  add(rows, "late", 3'600'000);
  rows.write_back();
  const auto dues = timer_rows(store);
  CHECK(dues.size() == 11);
  CHECK(dues.back() == 3'600'000);
  // The row goes with the last one of its keys.
  CHECK(fire(rows, 1062).size() == 63);
  rows.write_back();
  CHECK(timer_rows(store).front() == 1000);
  CHECK(fire(rows, 1063).size() == 1);
  rows.write_back();
  CHECK(timer_rows(store).front() == 1064);
}

TEST_CASE("Timers that are set for the same time again after an earlier one do not pile up", "[timers]") {
  state::PartitionStore partition(false);
  state::Store& store = partition.operator_store(1);
  Rows rows(store, TimesCodec(), 1 << 20);
  constexpr int kKeys = 64, kFar = 1'000'000;
  for (int k = 0; k < kKeys; ++k) add(rows, "key " + std::to_string(k), kFar);
  rows.write_back();
  size_t changes = 0;
  for (int round = 1; round <= 200; ++round) {
    for (int k = 0; k < kKeys; ++k) add(rows, "key " + std::to_string(k), round * 10);
    rows.write_back();
    CHECK(fire(rows, round * 10).size() == kKeys);
    rows.write_back();
    for (const auto& change : partition.take_changes())
      changes += change.key[1] == state::kTimerRow ? change.value.size() + 1 : 0;
    partition.applied(round, 0);
  }
  // Of the far one a row, of each near one a row that comes and goes.
  CHECK(timer_rows(store).size() <= 2);
  CHECK(changes < 201 * kKeys * 16);
  CHECK(fire(rows, kFar).size() == kKeys);
  rows.write_back();
  CHECK(timer_rows(store).empty());
}

TEST_CASE("Timers of format 2, a row for each key, are read and go", "[timers]") {
  state::PartitionStore partition(false);
  state::Store& store = partition.operator_store(1);
  for (int i = 0; i < 10; ++i) {
    std::string row;
    put_signed(row, 100 + i);
    TimesCodec().encode({{100 + i}}, row);
    const std::string key = "k" + std::to_string(i);
    store.put(state::kKeyRow + key, row);
    store.put(TimerKey::of(100 + i, key), {});
  }
  partition.take_changes();
  partition.applied(1, 0);
  Rows rows(store, TimesCodec(), 1 << 20);
  CHECK(rows.next_due() == 100);
  add(rows, "new", 104);
  CHECK(fire(rows, 104).size() == 6);
  rows.write_back();
  CHECK(timer_rows(store) == std::vector<int64_t>{105, 106, 107, 108, 109});
  CHECK(fire(rows, 200).size() == 5);
  rows.write_back();
  CHECK(timer_rows(store).empty());
}

TEST_CASE("A broken row of timers is said", "[timers]") {
  state::PartitionStore partition(false);
  state::Store& store = partition.operator_store(1);
  store.put(TimerKey::of(5, "k"), "\x01\x09k");
  CHECK_THROWS_AS(Rows(store, TimesCodec(), 1 << 20), state::CorruptState);
}
