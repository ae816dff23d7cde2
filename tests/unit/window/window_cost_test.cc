// One key with very many records: whatever an aggregate is made of, and in whatever order its records come, a record
// costs little. Each case takes minutes where one record costs what the window holds.
#include <algorithm>
#include <ctime>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "expr/int128.h"
#include "state/partition_store.h"
#include "support/catch.h"
#include "window_support.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

constexpr int64_t kHuge = 4'000'000'000'000'000'000;

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::vector<NaiveRecord> in_any_order(int64_t count, uint32_t seed) {
  std::vector<NaiveRecord> records;
  for (int64_t i = 0; i < count; ++i) records.push_back({"a", i * 7919 % 10'007, i});
  std::mt19937 random(seed);
  std::shuffle(records.begin(), records.end(), random);
  return records;
}

// The CPU seconds of `records` through windows of one aggregate, all of them closed at the end.
double cost(const char* window, int64_t grace, Emit emit, const char* function,
            const std::vector<NaiveRecord>& records, size_t& results) {
  const AggregateSet set({{"v", function, "x", {50}, "", "", "", "k"}});
  state::PartitionStore store;
  const auto stage = make_window_stage(options_of(parse_window_spec(window), grace, emit), set,
                                       std::make_unique<IntReader>(), store.operator_store(1));
  Capture out;
  const double begin = cpu_seconds();
  for (const NaiveRecord& record : records) stage->process(Input(record).record, out);
  stage->before_commit(out);
  stage->close(out);
  CHECK(out.errors.empty());
  CHECK(out.late == 0);
  results = out.results.size();
  return cpu_seconds() - begin;
}

}  // namespace

TEST_CASE("sliding windows: 80,000 records of one key that come in any order of time") {
  const std::vector<NaiveRecord> records = in_any_order(80'000, 7);
  for (const char* function : {"count", "max", "first", "stddev", "distinct"}) {
    for (const Emit emit : {Emit::close, Emit::commit}) {
      CAPTURE(function);
      size_t results = 0;
      CHECK(cost("sliding:90s", 1000, emit, function, records, results) < 12);
      CHECK(results == 80'000);
    }
  }
}

TEST_CASE("sliding windows: 150,000 records of one key, of which all windows are to be shown") {
  std::vector<NaiveRecord> records;
  for (int64_t i = 0; i < 150'000; ++i) records.push_back({"a", 1, 1'000'000 + i});
  size_t results = 0;
  CHECK(cost("sliding:200s", 0, Emit::commit, "sum", records, results) < 12);
  CHECK(results == 299'999);
}

TEST_CASE("sliding windows: sums that come near what 64 bits hold, 40,000 in one window") {
  std::vector<NaiveRecord> records;
  for (int64_t i = 0; i < 40'000; ++i) records.push_back({"a", i % 2 == 0 ? kHuge : -kHuge, i});
  size_t results = 0;
  CHECK(cost("sliding:60s", 0, Emit::close, "sum", records, results) < 12);
  CHECK(results == 40'000);
}

TEST_CASE("sliding windows: a sum is refused where a window that holds it overflows, and only there") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const AggregateSet set({{"v", "sum", "x", {}, ""}});
  for (int round = 0; round < 60; ++round) {
    const int64_t reach = static_cast<int64_t>(5 + random() % 60);
    const int64_t grace = static_cast<int64_t>(random() % 100);
    const uint64_t disorder = 1 + random() % 80;
    CAPTURE(round, reach, grace, disorder);
    state::PartitionStore store(false);
    const auto stage_of = [&] {
      return make_window_stage(
          options_of(WindowSpec{WindowSpec::Kind::sliding, reach, 0, 0, ""}, grace, Emit::close), set,
          std::make_unique<IntReader>(), store.operator_store(1));
    };
    auto stage = stage_of();
    Capture out;
    std::vector<NaiveRecord> taken;
    int64_t time = 500, now = 0;
    size_t refused = 0, late = 0;
    for (int64_t i = 0; i < 250; ++i) {
      time += static_cast<int64_t>(random() % 4);
      const auto size = static_cast<int64_t>(random() % 3 == 0 ? random() % 4 * 1'000'000'000'000'000'000
                                                               : random() % 1'000'000);
      const NaiveRecord record{"a", random() % 2 == 0 ? size : -size,
                               time - static_cast<int64_t>(random() % disorder)};
      const int64_t then = std::max(now, record.time), closed = then - reach - 1 - grace;
      stage->process(Input(record).record, out);
      if (record.time <= closed) {
        ++late;
      } else {
        taken.push_back(record);
        std::set<int64_t> starts;
        for (const NaiveRecord& one : taken)
          starts.insert({std::max<int64_t>(0, one.time - reach), one.time + 1});
        const bool fits = std::all_of(starts.begin(), starts.end(), [&](int64_t start) {
          expr::Int128 sum = 0;
          for (const NaiveRecord& one : taken)
            if (start <= one.time && one.time <= start + reach) sum += one.value;
          return start <= closed || sum == static_cast<int64_t>(sum);
        });
        if (!fits) {
          taken.pop_back();
          ++refused;
        }
        if (fits) now = then;
      }
      REQUIRE(out.errors.size() == refused);
      REQUIRE(out.late == late);
      if (random() % 50 != 0) continue;
      stage->before_commit(out);
      store.take_changes();
      store.applied(i, 0);
      stage = stage_of();
    }
    stage->close(out);
    for (const WindowResult& result : out.results) {
      if (result.end + 1 + grace <= now) continue;  // closed before some of them came
      expr::Int128 sum = 0;
      for (const NaiveRecord& one : taken)
        if (result.start <= one.time && one.time <= result.end) sum += one.value;
      REQUIRE(result.value == std::to_string(static_cast<int64_t>(sum)));
    }
  }
}

TEST_CASE("sliding windows: many records in any order of time, each aggregate as its records one by one") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const AggregateSet set(sliding_items());
  for (const Emit emit : {Emit::close, Emit::commit}) {
    std::vector<NaiveRecord> records = in_any_order(700, static_cast<uint32_t>(random()));
    for (size_t i = 0; i < records.size(); ++i) records[i].value = static_cast<int64_t>(i);
    const int64_t reach = static_cast<int64_t>(100 + random() % 900);
    CAPTURE(emit == Emit::close, reach);
    state::PartitionStore store;
    const auto stage =
        make_window_stage(options_of(WindowSpec{WindowSpec::Kind::sliding, reach, 0, 0, ""}, 1000, emit), set,
                          std::make_unique<ManyReader>(set), store.operator_store(1));
    Capture out;
    for (const NaiveRecord& record : records) stage->process(Input(record).record, out);
    if (emit == Emit::commit) stage->before_commit(out);
    stage->close(out);
    REQUIRE(out.raw.size() > 690);
    ManyReader reader(set);
    for (size_t i = 0; i < out.raw.size(); i += 7) {
      OwnedState state(set);
      for (const NaiveRecord& one : records)
        if (out.results[i].start <= one.time && one.time <= out.results[i].end)
          REQUIRE_FALSE(set.add(state.get(), reader.arguments(one.value)));
      std::string expected;
      set.result(state.get(), expected);
      CAPTURE(out.results[i].start, out.results[i].end);
      REQUIRE(out.raw[i].find(expected + "}") != std::string::npos);
    }
  }
}

TEST_CASE("sessions: 200,000 of one key are open at a time") {
  std::vector<NaiveRecord> records;
  for (int64_t i = 0; i < 200'000; ++i) records.push_back({"a", i, 10 * i});
  for (const Emit emit : {Emit::close, Emit::commit}) {
    size_t results = 0;
    CHECK(cost("session:1ms", 10'000'000, emit, "count", records, results) < 12);
    CHECK(results == 200'000);
  }
}

TEST_CASE("sessions: a long one that grows by short ones, at its end and at its beginning") {
  for (const int64_t direction : {1, -1}) {
    for (const char* function : {"distinct", "percentile", "collect", "count"}) {
      std::vector<NaiveRecord> records;
      for (int64_t i = 1; i < 20'000; ++i)
        for (const int64_t place : {8 * i, 8 * i - 4})  // one apart from it, then what lies between
          records.push_back({"a", place, 1'000'000 + direction * place});
      CAPTURE(direction, function);
      size_t results = 0;
      CHECK(cost("session:5ms", 10'000'000, Emit::close, function, records, results) < 8);
      CHECK(results == 1);
    }
  }
}
