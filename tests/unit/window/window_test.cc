#include "flow/window/window_stage.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <random>

#include "naive_windows.h"
#include "state/partition_store.h"
#include "state/state_format.h"
#include "support/catch.h"
#include "window_support.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

template <typename Random>
std::vector<NaiveRecord> random_records(Random& random, int64_t unit) {
  std::vector<NaiveRecord> records;
  int64_t time = random() % 3 == 0 ? 0 : 100 * unit;
  const size_t keys = 1 + random() % 4;
  const size_t count = 5 + random() % 60;
  for (size_t i = 0; i < count; ++i) {
    if (random() % 3 == 0) time += static_cast<int64_t>(random() % static_cast<uint64_t>(2 * unit));
    if (random() % 30 == 0) time += 20 * unit;
    int64_t at = time;
    if (random() % 3 == 0)
      at = std::max<int64_t>(0, time - static_cast<int64_t>(random() % static_cast<uint64_t>(4 * unit)));
    records.push_back(
        {std::string(1, static_cast<char>('a' + random() % keys)), static_cast<int64_t>(i), at});
  }
  return records;
}

template <typename Random>
WindowSpec random_window(Random& random) {
  using Kind = WindowSpec::Kind;
  const auto size = static_cast<int64_t>(1 + random() % 40);
  switch (random() % 4) {
    case 0:
      return {Kind::tumbling, size, size, 0, ""};
    case 1:
      return {Kind::hopping, size, static_cast<int64_t>(1 + random() % static_cast<uint64_t>(size)), 0, ""};
    case 2:
      return {Kind::session, size, 0, 0, ""};
    default:
      return {Kind::sliding, size, 0, 0, ""};
  }
}

const AggregateSet& collect_set() {
  static const AggregateSet set({{"v", "collect", "x", {}, ""}});
  return set;
}

std::unique_ptr<Stage> stage_of(const WindowOptions& options, state::PartitionStore& store) {
  return make_window_stage(options, collect_set(), std::make_unique<IntReader>(), store.operator_store(1));
}

}  // namespace

TEST_CASE("the next close of a window: where one ends and its grace is over") {
  const auto next = [](const char* text, int64_t grace, int64_t time, const char* align = "") {
    return next_close(parse_window_spec(text, align, ""), grace, time);
  };
  CHECK(next("10s", 0, 0) == 10'000);
  CHECK(next("10s", 0, 9'999) == 10'000);
  CHECK(next("10s", 0, 10'000) == 20'000);
  CHECK(next("10s", 3'000, 10'000) == 13'000);
  CHECK(next("10s", 3'000, 2'999) == 3'000);
  CHECK(next("10s", 0, 0, "4s") == 4'000);
  CHECK(next("10s/4s", 0, 10'000) == 14'000);  // ends at 2, 6, 10, 14
  CHECK(next("10s", 25'000, 1'000) == 5'000);
  CHECK(next("day", 0, 59'999) == 60'000);
  CHECK(next("session:5s", 1'000, 77) == 78);
}

TEST_CASE("windows equal a naive model, with commits, aborts, restarts and a cache of nothing") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 1500; ++round) {
    const WindowSpec window = random_window(random);
    const int64_t grace = random() % 2 == 0 ? 0 : static_cast<int64_t>(random() % 60);
    const Emit emit = random() % 2 == 0 ? Emit::update : Emit::close;
    const std::vector<NaiveRecord> records = random_records(random, window.size);
    const bool close_at_end = random() % 2 == 0;
    CAPTURE(round, to_string(window), grace, emit == Emit::close, close_at_end);
    size_t late = 0;
    std::vector<WindowResult> expected = naive_windows(window, grace, emit, records, close_at_end, late);

    WindowOptions options = options_of(window, grace, emit);
    const bool in_memory = random() % 3 == 0;
    if (random() % 2 == 0) options.cache_bytes = 0;
    if (random() % 3 == 0) options.expires = 50;
    state::PartitionStore store(in_memory);
    auto stage = stage_of(options, store);
    Capture out;
    size_t committed = 0, committed_results = 0, committed_late = 0;
    int64_t offset = 0;
    for (size_t i = 0; i < records.size(); ++i) {
      out.at = i;
      const Input input(records[i]);
      stage->process(input.record, out);
      if (in_memory) continue;
      const auto luck = random() % 12;
      if (luck < 3) {
        stage->before_commit(out);
        offset += static_cast<int64_t>(store.take_changes().size());
        store.applied(offset, 0);
        committed = i + 1;
        committed_results = out.results.size();
        committed_late = out.late;
        if (luck == 0) {  // a restart: all that is known lies in the store
          stage = stage_of(options, store);
        }
      } else if (luck == 3) {  // an abort: the records come again
        if (random() % 2 == 0) stage->before_commit(out);
        store.discard();
        stage = stage_of(options, store);
        out.results.resize(committed_results);
        out.late = committed_late;
        i = committed - 1;
      }
    }
    out.at = records.size();
    if (close_at_end) stage->close(out);
    std::sort(expected.begin(), expected.end());
    std::sort(out.results.begin(), out.results.end());
    REQUIRE(out.errors.empty());
    REQUIRE(out.late == late);
    REQUIRE(out.results == expected);
  }
}

TEST_CASE("a record further ahead than OUT takes counts in no window and moves no time") {
  for (const char* window : {"10s", "10s/5s", "day", "sliding:10s", "session:10s"}) {
    for (const Emit emit : {Emit::update, Emit::commit, Emit::close}) {
      CAPTURE(window, emit == Emit::close);
      state::PartitionStore store;
      const auto stage = stage_of(options_of(parse_window_spec(window, "", ""), 0, emit), store);
      Capture out;
      out.latest = 100'000;
      for (const int64_t time : {20'000, 500'000, 20'001, 20'002}) {
        const Input input({"a", time, time});
        stage->process(input.record, out);
      }
      stage->before_commit(out);
      stage->close(out);
      CHECK(out.errors.size() == 1);
      CHECK(out.late == 0);
      REQUIRE_FALSE(out.results.empty());
      for (const WindowResult& result : out.results) CHECK(result.time <= 20'002);
    }
  }
}

TEST_CASE("sliding windows of a busy key equal a naive model") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 12; ++round) {
    const WindowSpec window{WindowSpec::Kind::sliding, static_cast<int64_t>(60 + random() % 200), 0, 0, ""};
    const int64_t grace = random() % 2 == 0 ? 0 : static_cast<int64_t>(random() % 60);
    const Emit emit = round % 2 == 0 ? Emit::update : Emit::close;
    const uint64_t disorder = random() % 3 == 0 ? 0 : 1 + random() % 100;
    std::vector<NaiveRecord> records;
    int64_t time = 0;
    for (int64_t i = 0; i < 120; ++i) {
      time += static_cast<int64_t>(random() % 5);
      const int64_t back = disorder == 0 || random() % 3 != 0 ? 0 : static_cast<int64_t>(random() % disorder);
      records.push_back({"a", i, std::max<int64_t>(0, time - back)});
    }
    CAPTURE(round, to_string(window), grace, emit == Emit::close, disorder);
    size_t late = 0;
    std::vector<WindowResult> expected = naive_windows(window, grace, emit, records, true, late);
    const WindowOptions options = options_of(window, grace, emit);
    state::PartitionStore store(false);
    auto stage = stage_of(options, store);
    Capture out;
    for (size_t i = 0; i < records.size(); ++i) {
      out.at = i;
      const Input input(records[i]);
      stage->process(input.record, out);
      if (random() % 40 != 0) continue;
      stage->before_commit(out);
      store.take_changes();
      store.applied(static_cast<int64_t>(i), 0);
      stage = stage_of(options, store);
    }
    out.at = records.size();
    stage->close(out);
    std::sort(expected.begin(), expected.end());
    std::sort(out.results.begin(), out.results.end());
    REQUIRE(out.late == late);
    REQUIRE(out.results == expected);
  }
}

TEST_CASE("sliding windows: a sum is refused where a window overflows, not where only a part of one would") {
  const AggregateSet set({{"v", "sum", "x", {}, ""}});
  state::PartitionStore store;
  const auto stage = make_window_stage(options_of(parse_window_spec("sliding:1s"), 0, Emit::close), set,
                                       std::make_unique<IntReader>(), store.operator_store(1));
  constexpr int64_t kMuch = 6'000'000'000'000'000'000;
  Capture out;
  // Of M, -M, -M, M the third does not fit behind the second; what is left alternates, so that the next M
  // does not fit behind the last either.
  int64_t time = 0;
  for (int i = 0; i < 10; ++i)
    for (const int64_t value : {kMuch, -kMuch, -kMuch, kMuch})
      stage->process(Input({"a", value, ++time}).record, out);
  REQUIRE(out.errors.size() == 19);
  for (const RecordError& error : out.errors) CHECK(error.reason == Reason::overflow);
  stage->close(out);
  CHECK(out.results.size() == 21);

  // Records that fit into no window together, in a state that holds many of them.
  state::PartitionStore other;
  const auto apart = make_window_stage(options_of(parse_window_spec("sliding:5ms"), 1000, Emit::close), set,
                                       std::make_unique<IntReader>(), other.operator_store(1));
  Capture each;
  for (int i = 0; i < 40; ++i) apart->process(Input({"a", kMuch, 10 * (i + 1)}).record, each);
  apart->close(each);
  CHECK(each.errors.empty());
  REQUIRE(each.results.size() == 40);
  for (const WindowResult& one : each.results) CHECK(one.value == std::to_string(kMuch));
}

TEST_CASE("sliding windows: 18,000 records of one key within the window take no minutes") {
  const AggregateSet set({{"v", "sum", "x", {}, ""}});
  for (const Emit emit : {Emit::close, Emit::commit}) {
    state::PartitionStore store;
    const auto stage = make_window_stage(options_of(parse_window_spec("sliding:60s"), 0, emit), set,
                                         std::make_unique<IntReader>(), store.operator_store(1));
    Capture out;
    for (int64_t i = 0; i < 18'000; ++i) stage->process(Input({"a", 1, i}).record, out);
    stage->close(out);
    REQUIRE(out.results.size() == 18'000);
    std::sort(out.results.begin(), out.results.end());
    CHECK(out.results.back().start == 17'999);
    CHECK(out.results.back().value == "1");
    CHECK(out.results.front().start == 0);
    CHECK(out.results.front().value == "18000");
  }
}

TEST_CASE("sliding windows: each aggregate says what its records one by one do, in any order of time") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const AggregateSet set(sliding_items());
  REQUIRE(set.items().size() > 15);
  for (int round = 0; round < 30; ++round) {
    const WindowSpec window{WindowSpec::Kind::sliding, static_cast<int64_t>(20 + random() % 100), 0, 0, ""};
    const int64_t grace = static_cast<int64_t>(random() % 60);
    WindowOptions options =
        options_of(window, grace, std::array{Emit::update, Emit::close, Emit::commit}[round % 3]);
    const uint64_t disorder = random() % 4 == 0 ? 1 : 1 + random() % 150;
    CAPTURE(round, window.size, grace, disorder);
    state::PartitionStore store(false);
    const auto stage_of = [&] {
      return make_window_stage(options, set, std::make_unique<ManyReader>(set), store.operator_store(1));
    };
    auto stage = stage_of();
    std::vector<NaiveRecord> taken;
    size_t checked = 0;
    Capture out;
    const auto check = [&] {
      for (; checked < out.results.size(); ++checked) {
        const WindowResult& result = out.results[checked];
        OwnedState state(set);
        ManyReader reader(set);
        for (const NaiveRecord& one : taken)
          if (result.start <= one.time && one.time <= result.end)
            REQUIRE_FALSE(set.add(state.get(), reader.arguments(one.value)));
        std::string expected;
        set.result(state.get(), expected);
        CAPTURE(result.start, result.end);
        REQUIRE(out.raw[checked].find(expected + "}") != std::string::npos);
      }
    };
    int64_t time = 1000;
    for (int64_t i = 0; i < 150; ++i) {
      time += static_cast<int64_t>(random() % 5);
      const NaiveRecord record{"a", i, time - static_cast<int64_t>(random() % disorder)};
      const size_t late = out.late;
      const Input input(record);
      stage->process(input.record, out);
      // What its time closed is without it, and it lies in none of that; what it changed is with it.
      if (out.late == late) taken.push_back(record);
      check();
      if (random() % 20 != 0) continue;
      stage->before_commit(out);
      check();
      store.take_changes();
      store.applied(i, 0);
      if (random() % 2 == 0) stage = stage_of();
    }
    stage->close(out);
    check();
    REQUIRE(checked > 10);
  }
}

TEST_CASE("sliding windows: a set of 16,000 values moves on by what leaves it and what comes") {
  // 20 s and more where each window is made of the sets of runs; less than a tenth of one where it moves.
  for (const char* function : {"distinct", "percentile"}) {
    const AggregateSet set({{"v", function, "x", {50}, ""}});
    state::PartitionStore store;
    const auto stage = make_window_stage(options_of(parse_window_spec("sliding:16s"), 0, Emit::close), set,
                                         std::make_unique<IntReader>(), store.operator_store(1));
    Capture out;
    const std::clock_t begin = std::clock();
    for (int64_t i = 0; i < 32'000; ++i) stage->process(Input({"a", 1 + i % 20'000, i}).record, out);
    stage->close(out);
    CHECK(std::clock() - begin < 10 * CLOCKS_PER_SEC);
    REQUIRE(out.results.size() == 32'000);
    if (std::string(function) == "distinct") CHECK(out.results.front().value == "16001");
  }
}

TEST_CASE("windows: what the commits emit adds up to what every update does") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const auto table = [](const std::vector<WindowResult>& results) {
    std::map<std::tuple<std::string, int64_t, int64_t>, std::string> rows;
    for (const WindowResult& one : results) {
      if (one.value == "deleted") {
        rows.erase({one.key, one.start, one.end});
      } else {
        rows[{one.key, one.start, one.end}] = one.value;
      }
    }
    return rows;
  };
  for (int round = 0; round < 600; ++round) {
    const WindowSpec window = random_window(random);
    const int64_t grace = static_cast<int64_t>(random() % 60);
    const std::vector<NaiveRecord> records = random_records(random, window.size);
    CAPTURE(round, to_string(window), grace);
    size_t late = 0;
    const auto every = naive_windows(window, grace, Emit::update, records, false, late);
    WindowOptions options = options_of(window, grace, Emit::commit);
    if (random() % 2 == 0) options.cache_bytes = 0;
    state::PartitionStore store(false);
    auto stage = stage_of(options, store);
    Capture out;
    for (size_t i = 0; i < records.size(); ++i) {
      const Input input(records[i]);
      stage->process(input.record, out);
      if (random() % 4 != 0 && i + 1 != records.size()) continue;
      stage->before_commit(out);
      store.take_changes();
      store.applied(1, 0);
      if (random() % 2 == 0) stage = stage_of(options, store);
    }
    REQUIRE(table(out.results) == table(every));
    REQUIRE(out.results.size() <= every.size());
  }
}

// What a condition makes of the outputs of windows without one: a window for which it does not hold is not
// emitted, and taken back where it was.
TEST_CASE("windows: --having emits what a filter over the windows does, with commits, aborts and restarts") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const AggregateSet some(RowPlan{{{"v", "collect", "x", {}, ""}}, {{}, "size(v) % 3 != 1"}});
  size_t taken_back = 0;
  for (int round = 0; round < 400; ++round) {
    const WindowSpec window = random_window(random);
    const Emit emit = round % 3 == 0 ? Emit::update : round % 3 == 1 ? Emit::commit : Emit::close;
    WindowOptions options = options_of(window, static_cast<int64_t>(random() % 30), emit);
    if (random() % 2 == 0) options.cache_bytes = 0;
    CAPTURE(round, to_string(window), options.grace);
    const std::vector<NaiveRecord> records = random_records(random, window.size);
    std::vector<size_t> commits;
    for (size_t i = 0; i < records.size(); ++i)
      if (random() % 4 == 0) commits.push_back(i);
    const auto run = [&](const AggregateSet& set, bool restarts) {
      state::PartitionStore store(false);
      const auto make = [&] {
        return make_window_stage(options, set, std::make_unique<IntReader>(), store.operator_store(1));
      };
      auto stage = make();
      Capture out;
      size_t committed = 0, results = 0;
      const auto commit = [&](size_t done) {
        stage->before_commit(out);
        store.take_changes();
        store.applied(1, 0);
        committed = done;
        results = out.results.size();
      };
      for (size_t i = 0; i < records.size(); ++i) {
        const Input input(records[i]);
        stage->process(input.record, out);
        if (restarts && random() % 10 == 0) {
          store.discard();
          stage = make();
          out.results.resize(results);
          for (size_t j = committed; j <= i; ++j) stage->process(Input(records[j]).record, out);
        }
        if (!std::binary_search(commits.begin(), commits.end(), i)) continue;
        commit(i + 1);
        if (restarts && random() % 3 == 0) stage = make();
      }
      stage->close(out);
      commit(records.size());
      REQUIRE(out.errors.empty());
      size_t shown = 0;
      store.operator_store(1).scan(std::string(1, state::kViewRow), std::string(1, state::kViewRow + 1),
                                   [&](std::string_view, std::string_view) { return ++shown, true; });
      REQUIRE(shown == 0);
      return out.results;
    };
    const auto all = run(collect_set(), false);
    auto got = run(some, true);
    std::map<std::tuple<std::string, int64_t, int64_t>, bool> there;
    std::vector<WindowResult> expected;
    for (const WindowResult& one : all) {
      bool& is_there = there[{one.key, one.start, one.end}];
      const auto items = 1 + std::count(one.value.begin(), one.value.end(), ',');
      if (one.value != "deleted" && items % 3 != 1) {
        expected.push_back(one);
        is_there = true;
      } else if (is_there && emit != Emit::close) {
        expected.push_back(one);
        expected.back().value = "deleted";
        expected.back().time = one.end;
        is_there = false;
        ++taken_back;
      }
    }
    // Rows of one window that closes come in the order in which they lie in memory or in the store.
    if (emit == Emit::close) {
      std::sort(got.begin(), got.end());
      std::sort(expected.begin(), expected.end());
    }
    REQUIRE(got == expected);
  }
  CHECK(taken_back > 100);
}

TEST_CASE("windows: nothing stays in the store once all is closed and expired") {
  for (const char* text : {"10ms", "30ms/10ms", "sliding:10ms", "session:10ms"}) {
    CAPTURE(text);
    WindowOptions options = options_of(parse_window_spec(text), 0, Emit::close);
    for (const int64_t expires : {0, 1000}) {
      options.expires = expires;
      state::PartitionStore store(false);
      auto stage = stage_of(options, store);
      Capture out;
      const auto commit = [&] {
        stage->before_commit(out);
        store.take_changes();
        store.applied(1, 0);
      };
      const auto rows = [&] {
        size_t count = 0;
        store.operator_store(1).scan({}, {},
                                     [&](std::string_view, std::string_view) { return ++count, true; });
        return count;
      };
      for (int i = 0; i < 50; ++i)
        stage->process(Input({std::string(1, static_cast<char>('a' + i % 5)), i, 100 + i}).record, out);
      commit();
      CHECK(rows() > 0);
      stage->process(Input({"z", 1, 500}).record, out);
      commit();
      if (expires > 0) CHECK(rows() > 6);
      stage->process(Input({"y", 1, 10000}).record, out);
      stage->process(Input({"y", 1, 20000}).record, out);
      commit();
      CAPTURE(expires);
      size_t left = 0;
      store.operator_store(1).scan({}, {}, [&](std::string_view key, std::string_view) {
        left += key.back() != 'y';
        return true;
      });
      CHECK(left == 0);
    }
  }
}

TEST_CASE("windows: output as people see it") {
  WindowOptions options = options_of(parse_window_spec("10s"), 0, Emit::update);
  options.format.times_as_ms = false;
  options.format.key_names = {"country"};
  state::PartitionStore store;
  Capture out;
  auto stage = stage_of(options, store);
  stage->process(Input({"D\"E", 7, 1'700'000'003'000}).record, out);
  CHECK(
      out.raw.back() ==
      R"({"country":"D\"E","window_start":"2023-11-14T22:13:20.000Z","window_end":"2023-11-14T22:13:30.000Z","v":[7]})");
}

TEST_CASE(
    "windows: late records go to their port, tombstones are skipped, --windowed-key retracts by tombstone") {
  WindowOptions options = options_of(parse_window_spec("10ms"), 0, Emit::close);
  options.late_port = 1;
  state::PartitionStore store;
  Capture out;
  auto stage = stage_of(options, store);
  stage->process(Input({"a", 1, 100}).record, out);
  stage->process(Input({"a", 2, 50}).record, out);
  CHECK(out.late == 1);
  CHECK(out.ports == std::vector<uint32_t>{1});
  Input tombstone({"a", 3, 100000});
  tombstone.record.value = MaybeBytes();
  stage->process(tombstone.record, out);
  CHECK(out.tombstones == 1);
  CHECK(out.results.empty());

  WindowOptions sessions = options_of(parse_window_spec("session:10ms"), 0, Emit::update);
  sessions.format.windowed_key = true;
  state::PartitionStore other;
  Capture seen;
  stage = stage_of(sessions, other);
  stage->process(Input({"a", 1, 100}).record, seen);
  stage->process(Input({"a", 1, 105}).record, seen);
  REQUIRE(seen.raw.size() == 3);
  CHECK(seen.raw[1] == "null");
}

TEST_CASE("windows: --close-at-end closes what is open and no window after it, however often") {
  struct Expected {
    const char* window;
    int64_t on_time;  // the first time that is not late then
  };
  for (const auto& [window, on_time] : {Expected{"10ms", 110},
                                        {"10ms/4ms", 104},
                                        {"session:10ms", 102},
                                        {"sliding:10ms", 92},
                                        {"day", 86'400'000}}) {
    for (const size_t cache : {size_t{0}, size_t{2} << 20}) {
      CAPTURE(window, cache);
      WindowOptions options = options_of(parse_window_spec(window), 3, Emit::close);
      options.cache_bytes = cache;
      state::PartitionStore store(false);
      Capture out;
      int64_t offset = 0;
      const auto commit = [&](Stage& stage) {
        stage.before_commit(out);
        offset += static_cast<int64_t>(store.take_changes().size());
        store.applied(offset, 0);
      };
      for (int run = 0; run < 4; ++run) {
        auto stage = stage_of(options, store);
        if (run == 0) stage->process(Input({"a", 1, 90}).record, out);
        if (run == 0) stage->process(Input({"b", 1, 101}).record, out);
        commit(*stage);
        stage->close(out);
        commit(*stage);
      }
      const size_t closed = out.results.size();
      CHECK(closed >= 2);
      auto stage = stage_of(options, store);
      stage->process(Input({"b", 1, on_time - 1}).record, out);
      CHECK(out.late == 1);
      stage->process(Input({"b", 1, on_time}).record, out);
      CHECK(out.late == 1);
      stage->close(out);
      CHECK(out.results.size() > closed);
    }
  }
}

TEST_CASE("windows: --idle moves stream time by the silence beyond it, and no further") {
  WindowOptions options = options_of(parse_window_spec("10ms"), 0, Emit::close);
  options.idle = 1000;
  state::PartitionStore store;
  Capture out;
  auto stage = stage_of(options, store);
  stage->process(Input({"a", 1, 101}).record, out);
  stage->silent(0, 900, out);
  stage->silent(0, 1005, out);
  CHECK(out.results.empty());
  stage->silent(0, 1009, out);
  CHECK(out.results.size() == 1);
}

TEST_CASE("windows: sources read at different speeds make nothing late") {
  WindowOptions options = options_of(parse_window_spec("10ms"), 0, Emit::close);
  options.sources = 2;
  state::PartitionStore store;
  Capture out;
  auto stage = stage_of(options, store);
  for (int i = 0; i < 100; ++i) stage->process(Input({"a", i, i * 10}, 0).record, out);
  CHECK(out.results.empty());
  for (int i = 0; i < 100; ++i) stage->process(Input({"b", i, i * 10}, 1).record, out);
  CHECK(out.late == 0);
  CHECK(out.results.size() == 198);
  // One falls silent at its end and holds the other back no longer.
  stage->process(Input({"b", 0, 5000}, 1).record, out);
  CHECK(out.results.size() == 198);
  stage->silent(0, kSilentSourceMs, out);
  CHECK(out.results.size() == 200);
  // It has spoken, elsewhere: what it said is waited for.
  stage->silent(0, 0, out);
  stage->process(Input({"c", 1, 6000}, 1).record, out);
  stage->process(Input({"c", 1, 7000}, 1).record, out);
  CHECK(out.results.size() == 200);

  // Nor does one that nothing will come from; and the end closes all, also if one never spoke.
  for (const bool tells : {true, false}) {
    CAPTURE(tells);
    state::PartitionStore other;
    Capture seen;
    stage = stage_of(options, other);
    if (tells) stage->source_ended(0, seen);
    stage->process(Input({"a", 1, 5}, 1).record, seen);
    stage->process(Input({"a", 1, 15}, 1).record, seen);
    CHECK(seen.results.size() == (tells ? 1 : 0));
    stage->close(seen);
    CHECK(seen.results.size() == 2);
  }
}

TEST_CASE("windows: an error leaves nothing behind") {
  const AggregateSet set({{"v", "sum", "x", {}, ""}});
  for (const char* text : {"10ms", "session:10ms", "sliding:10ms"}) {
    CAPTURE(text);
    state::PartitionStore store;
    Capture out;
    auto stage = make_window_stage(options_of(parse_window_spec(text), 0, Emit::close), set,
                                   std::make_unique<IntReader>(), store.operator_store(1));
    stage->process(Input({"b", 5, 95}).record, out);
    stage->process(Input({"a", INT64_MAX, 101}).record, out);
    const size_t before = out.results.size();
    stage->process(Input({"a", 1, 102}).record, out);
    REQUIRE(out.errors.size() == 1);
    CHECK(out.errors[0].reason == Reason::overflow);
    CHECK(out.results.size() == before);
    stage->close(out);
    CHECK(out.results.size() == 2);
  }
}

TEST_CASE("windows: a time that no calendar reaches is an error, not late") {
  const AggregateSet set({{"v", "sum", "x", {}, ""}});
  for (const char* text : {"day", "week", "month"}) {
    CAPTURE(text);
    state::PartitionStore store;
    Capture out;
    auto stage = make_window_stage(options_of(parse_window_spec(text), 0, Emit::close), set,
                                   std::make_unique<IntReader>(), store.operator_store(1));
    // Microseconds taken for milliseconds.
    stage->process(Input({"a", 1, 1'700'000'000'000'000}).record, out);
    stage->process(Input({"a", 1, 1'700'000'000'000}).record, out);
    stage->close(out);
    REQUIRE(out.errors.size() == 1);
    CHECK(out.errors[0].reason == Reason::bad_time);
    CHECK(out.late == 0);
    CHECK(out.results.size() == 1);
  }
}

// Frozen bytes: kutils-state(5). A failure means that rows already written can no longer be read.
TEST_CASE("windows: rows in the store") {
  using namespace std::string_literals;
  for (const auto& [text, key, value] :
       {std::tuple{"10ms", "\x01w\x80\0\0\0\0\0\0\x64"s + "a", "\x01\xca\x01\x01\x01"s + "7"},
        std::tuple{"session:10ms", "\x01ka"s, "\xe0\x01\x01\x01\xca\x01\0\0\x01\x01"s + "7"}}) {
    CAPTURE(text);
    state::PartitionStore store(false);
    Capture out;
    auto stage = stage_of(options_of(parse_window_spec(text), 0, Emit::close), store);
    stage->process(Input({"a", 7, 101}).record, out);
    stage->before_commit(out);
    bool found = false;
    for (const state::Change& change : store.take_changes()) {
      if (change.key != key) continue;
      found = true;
      CHECK(change.value.view() == value);
    }
    CHECK(found);
  }
}
