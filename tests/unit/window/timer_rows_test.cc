// Timers against a map that never forgets, over commits, aborts, restarts and heads of any size.
#include "flow/timers/timer_rows.h"

#include <map>
#include <memory>
#include <random>
#include <vector>

#include "state/partition_store.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

using Timers = std::map<std::pair<int64_t, std::string>, std::string>;

// Fires the naive ones, as TimerRows::fire().
std::vector<std::string> fire(Timers& timers, int64_t now, size_t most) {
  std::vector<std::string> fired;
  while (!timers.empty() && timers.begin()->first.first <= now && fired.size() < most) {
    const auto& [at, payload] = *timers.begin();
    fired.push_back(std::to_string(at.first) + " " + at.second + " " + payload);
    timers.erase(timers.begin());
  }
  return fired;
}

std::vector<std::string> fire(TimerRows& timers, int64_t now, size_t most) {
  std::vector<std::string> fired;
  timers.fire(now, most, [&](int64_t due, std::string_view key, std::string_view payload) {
    fired.push_back(std::to_string(due) + " " + std::string(key) + " " + std::string(payload));
  });
  return fired;
}

}  // namespace

TEST_CASE("Timers fire in order, once, whatever is committed, aborted or started again", "[timers]") {
  const auto seed = GENERATE(range(0u, 300u));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  state::PartitionStore store(false);
  const size_t head_bytes = seed % 3 == 0 ? 1 : seed % 3 == 1 ? 2000 : 1 << 20;
  auto timers = std::make_unique<TimerRows>(store.operator_store(1), head_bytes);
  Timers committed, naive;
  int64_t offset = 0, now = 0;
  for (int step = 0; step < 400; ++step) {
    const int what = below(20);
    if (what < 12) {
      const int64_t due = now + below(100) - 5;
      const std::string key = "k" + std::to_string(below(1000000));
      if (!naive.emplace(std::pair(due, key), std::to_string(step)).second) continue;
      timers->put(due, key, std::to_string(step));
    } else if (what < 16) {
      now += below(20);
      const auto most = static_cast<size_t>(1 + below(10));
      REQUIRE(fire(*timers, now, most) == fire(naive, now, most));
    } else if (what == 16 && !naive.empty()) {
      auto some = naive.begin();
      std::advance(some, below(static_cast<int>(naive.size())));
      timers->erase(some->first.first, some->first.second);
      naive.erase(some);
    } else if (what < 19) {
      timers->write_back();
      store.take_changes();
      store.applied(++offset, 0);
      committed = naive;
      if (below(4) == 0) timers = std::make_unique<TimerRows>(store.operator_store(1), head_bytes);
    } else {
      timers.reset();
      store.discard();
      naive = committed;
      timers = std::make_unique<TimerRows>(store.operator_store(1), head_bytes);
    }
    REQUIRE(timers->next_due() == (naive.empty() ? kNever : naive.begin()->first.first));
  }
  REQUIRE(fire(*timers, kNever - 1, SIZE_MAX) == fire(naive, kNever - 1, SIZE_MAX));
  timers->write_back();
  store.take_changes();
  store.applied(++offset, 0);
  // Nothing stays behind.
  size_t left = 0;
  store.operator_store(1).scan({}, {}, [&](std::string_view, std::string_view) { return ++left < 10; });
  CHECK(left == 0);
}

TEST_CASE("A timer that fires in the transaction that set it never reaches the store", "[timers]") {
  state::PartitionStore store(false);
  TimerRows timers(store.operator_store(1));
  timers.put(5, "a", "x");
  timers.put(7, "b", "y");
  CHECK(fire(timers, 5, 10) == std::vector<std::string>{"5 a x"});
  timers.write_back();
  size_t rows = 0;
  for (const state::Change& change : store.take_changes()) rows += change.key.substr(0, 1) == "\x01";
  CHECK(rows == 1);
}
