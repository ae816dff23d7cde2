#include "state/partition_store.h"

#include <rocksdb/perf_context.h>
#include <rocksdb/perf_level.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "state/layout.h"
#include "state/range_cursors.h"
#include "state/state_error.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::state;

namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path = (std::filesystem::temp_directory_path() / "kutils-state-XXXXXX").string();
    path_ = ::mkdtemp(path.data());
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::map<std::string, std::string> rows_of(Store& store, std::string_view from = {},
                                           std::string_view to = {}) {
  std::map<std::string, std::string> rows;
  store.scan(from, to, [&](std::string_view key, std::string_view value) {
    rows.emplace(key, value);
    return true;
  });
  return rows;
}

}  // namespace

TEST_CASE("store: any mixture of writes, reads, commits and aborts equals a map") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  TemporaryDirectory dir;
  StateEnvironment environment(8 << 20);
  for (const bool on_disk : {false, true}) {
    CAPTURE(on_disk);
    auto partition = on_disk ? std::make_unique<PartitionStore>(environment, dir.path())
                             : std::make_unique<PartitionStore>();
    std::map<std::string, std::string> committed[2], open[2];
    int64_t offset = 0;
    const auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    for (int step = 0; step < 4000; ++step) {
      const size_t which = pick(2);
      Store& store = partition->operator_store(static_cast<uint8_t>(which == 0 ? 1 : 255));
      const std::string key(1 + pick(2),
                            static_cast<char>(pick(2) == 0 ? 0xff : 'a' + static_cast<int>(pick(20))));
      const uint32_t action = pick(100);
      if (action < 40) {
        const std::string value = std::to_string(step);
        store.put(key, value);
        open[which][key] = value;
      } else if (action < 55) {
        store.erase(key);
        open[which].erase(key);
      } else if (action < 80) {
        const auto found = store.get(key);
        const auto expected = open[which].find(key);
        REQUIRE(found.has_value() == (expected != open[which].end()));
        if (found) REQUIRE(*found == expected->second);
      } else if (action < 92) {
        std::string from(1, static_cast<char>('a' + static_cast<int>(pick(20)))),
            to = pick(3) == 0 ? "" : from + "z";
        auto expected = open[which];
        expected.erase(expected.begin(), expected.lower_bound(from));
        if (!to.empty()) expected.erase(expected.lower_bound(to), expected.end());
        REQUIRE(rows_of(store, from, to) == expected);
      } else if (action < 97) {
        offset += static_cast<int64_t>(partition->take_changes().size()) + 1;
        partition->applied(offset, 1);
        for (size_t i = 0; i < 2; ++i) committed[i] = open[i];
      } else if (action < 99) {
        partition->discard();
        for (size_t i = 0; i < 2; ++i) open[i] = committed[i];
      } else if (on_disk) {
        partition->close();
        partition = std::make_unique<PartitionStore>(environment, dir.path());
        REQUIRE(partition->wiped().empty());
        for (size_t i = 0; i < 2; ++i) open[i] = committed[i];
      }
    }
    CHECK(partition->changelog_offset() == offset);
  }
}

// A table that is larger than the memory for it, so that rows are read from files.
TEST_CASE("store: rows that are read ahead are those that are there, whatever their size") {
  TemporaryDirectory dir;
  StateEnvironment environment(4 << 20);
  std::map<std::string, std::string> truth;
  PartitionStore partition(environment, dir.path());
  Store& store = partition.operator_store(7);
  int64_t offset = 0;
  const auto commit = [&] {
    partition.applied(offset += static_cast<int64_t>(partition.take_changes().size()), 1);
  };
  const auto put = [&](const std::string& key, const std::string& value) {
    store.put(key, value);
    truth[key] = value;
  };
  const std::string huge_key(40'000, 'k'), huge_absent(70'000, 'k');
  for (int i = 0; i < 40'000; ++i) {
    put("row" + std::to_string(i), std::string(200, 'v') + std::to_string(i));
    if (i % 10'000 == 0) commit();
  }
  put("huge", std::string(300'000, 'h'));
  put(huge_key, "of a huge key");
  put("", "of an empty key");
  commit();
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto pick = [&] { return "row" + std::to_string(random() % 45'000); };
  for (int batch = 0; batch < 30; ++batch) {
    std::vector<std::string> keys = {"huge", huge_key, huge_absent, huge_absent, "", "absent", "absent"};
    const size_t size = random() % 3000;
    for (size_t i = 0; i < size; ++i)
      keys.push_back(random() % 4 == 0 ? keys[random() % keys.size()] : pick());
    // Before and after the reading ahead, in the open transaction.
    const auto change = [&](const std::string& key) {
      if (random() % 2 == 0) {
        store.erase(key);
        truth.erase(key);
      } else {
        put(key, std::to_string(random()) + std::string(random() % 100 == 0 ? 50'000 : 100, 'w'));
      }
    };
    for (int i = 0; i < 100; ++i) change(keys[random() % keys.size()]);
    for (const std::string& key : keys) store.will_get(key);
    store.read_ahead();
    for (const std::string& key : keys) {
      const auto found = store.get(key);
      const auto expected = truth.find(key);
      REQUIRE(found.has_value() == (expected != truth.end()));
      if (found) REQUIRE(*found == expected->second);
      if (random() % 50 == 0) change(key);
    }
    if (random() % 2 == 0) commit();
  }
  commit();
  CHECK(rows_of(store) == truth);
}

TEST_CASE("store: each file's block is read once for all rows of it that are read ahead, and then no more") {
  TemporaryDirectory dir;
  StateEnvironment environment(8 << 20);
  {
    PartitionStore partition(environment, dir.path());
    for (int i = 10'000; i < 20'000; ++i)
      partition.operator_store(1).put("row" + std::to_string(i), std::string(100, 'v'));
    partition.applied(static_cast<int64_t>(partition.take_changes().size()), 1);
    partition.close();
  }
  PartitionStore partition(environment, dir.path());
  Store& store = partition.operator_store(1);
  const auto blocks_read = [](const auto& act) {
    rocksdb::SetPerfLevel(rocksdb::kEnableCount);
    rocksdb::get_perf_context()->Reset();
    act();
    const uint64_t count = rocksdb::get_perf_context()->block_read_count;
    rocksdb::SetPerfLevel(rocksdb::kDisable);
    return count;
  };
  // In an order that is not theirs, half of them there.
  const auto key = [](int i) {
    return "row" + std::to_string(10'000 + i * 7919 % 1000) + (i % 2 == 0 ? "" : "x");
  };
  const uint64_t together = blocks_read([&] {
    for (int i = 0; i < 1000; ++i) store.will_get(key(i));
    store.read_ahead();
  });
  CHECK(together > 0);
  CHECK(together < 100);
  CHECK(blocks_read([&] {
          for (int i = 0; i < 1000; ++i) REQUIRE(store.get(key(i)).has_value() == (i % 2 == 0));
        }) == 0);
}

TEST_CASE("store: rows that are asked for often stay in memory while a large table is walked through") {
  TemporaryDirectory dir;
  StateEnvironment environment(8 << 20);
  PartitionStore store_of_rows(environment, dir.path());
  Store& store = store_of_rows.operator_store(1);
  constexpr int kRows = 100'000, kOften = 500;
  const auto key = [](int i) { return "row" + std::to_string(i * 7919 % kRows); };
  int64_t offset = 0;
  for (int i = 0; i < kRows; ++i) {
    store.put(key(i), std::string(120, 'v'));
    if (i % 20'000 == 19'999)
      store_of_rows.applied(offset += static_cast<int64_t>(store_of_rows.take_changes().size()), 1);
  }
  // Runs of records, each key of which is asked for.
  const auto look_up = [&](int from, int to) {
    for (int i = from; i < to; i += 500) {
      const int end = std::min(to, i + 500);
      for (int n = i; n < end; ++n) store.will_get(key(n));
      store.read_ahead();
      for (int n = i; n < end; ++n) REQUIRE(store.get(key(n)).has_value());
    }
  };
  const auto blocks_read = [](const auto& act) {
    rocksdb::SetPerfLevel(rocksdb::kEnableCount);
    rocksdb::get_perf_context()->Reset();
    act();
    const uint64_t count = rocksdb::get_perf_context()->block_read_count;
    rocksdb::SetPerfLevel(rocksdb::kDisable);
    return count;
  };
  CHECK(blocks_read([&] { look_up(0, kOften); }) > 0);
  look_up(0, kOften);
  CHECK(blocks_read([&] { look_up(kOften, kRows); }) > 1000);
  // But for those whose notes of having been read fell on each other.
  CHECK(blocks_read([&] { look_up(0, kOften); }) < kOften / 10);
}

TEST_CASE("store: a state that is left has the rows and the mark that were found") {
  TemporaryDirectory dir;
  StateEnvironment environment(8 << 20);
  {
    PartitionStore partition(environment, dir.path());
    partition.operator_store(1).put("k", "v");
    partition.applied(5, 1);
    partition.close();
  }
  for (const Mark& found : {read_mark(dir.path()), Mark{Mark::Kind::working}, Mark{Mark::Kind::restoring}}) {
    write_mark(dir.path(), found);
    PartitionStore partition(environment, dir.path());
    CHECK(read_mark(dir.path()).kind == Mark::Kind::working);
    CHECK(partition.changelog_offset() == 5);
    partition.leave();
    CHECK_FALSE(partition.is_open());
    CHECK(read_mark(dir.path()).kind == found.kind);
    CHECK(read_mark(dir.path()).changelog_offset == found.changelog_offset);
  }
  PartitionStore partition(environment, dir.path());
  CHECK(partition.operator_store(1).get("k") == "v");
}

// Timers are looked at many times a second, among rows that may all be gone before the database would have them.
TEST_CASE("store: a look at some rows writes nothing to the database") {
  TemporaryDirectory dir;
  StateEnvironment environment(8 << 20);
  const auto backend = environment.open(dir.path() + "/db");
  const auto seen = [&](std::string_view from, std::string_view to) {
    std::map<std::string, std::string> rows;
    const auto ranges = dynamic_cast<RangeCursors*>(backend.get());
    REQUIRE(ranges != nullptr);
    for (const auto cursor = ranges->cursor_within(from, to);
         cursor->valid() && (to.empty() || cursor->key() < to); cursor->next())
      rows.emplace(cursor->key(), cursor->value());
    return rows;
  };
  using Rows = std::map<std::string, std::string>;
  const auto write = [&](std::vector<Change> changes) { backend->write(changes); };
  write({{"j1", MaybeBytes("x")}, {"t1", MaybeBytes("")}, {"t2", MaybeBytes("two")}, {"v", MaybeBytes("y")}});
  CHECK(seen("t", "u") == Rows{{"t1", ""}, {"t2", "two"}});
  CHECK(seen("t1a", "") == Rows{{"t2", "two"}, {"v", "y"}});
  CHECK(backend->approximate_rows() == 0);
  backend->flush();
  CHECK(backend->approximate_rows() > 0);
  write(
      {{"t1", MaybeBytes()}, {"t2", MaybeBytes("other")}, {"t3", MaybeBytes("three")}, {"t0", MaybeBytes()}});
  CHECK(seen("t", "u") == Rows{{"t2", "other"}, {"t3", "three"}});
  write({{"t2", MaybeBytes()}, {"t3", MaybeBytes()}});
  CHECK(seen("t", "u").empty());
}

TEST_CASE("store: the changelog alone makes the same state") {
  PartitionStore original;
  StateEnvironment environment(8 << 20);
  TemporaryDirectory dir;
  PartitionStore copy(environment, dir.path());
  Store& store = original.operator_store(3);
  int64_t offset = 0;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 50; ++i) {
      const std::string key = "k" + std::to_string((i * 7 + round) % 60);
      if (i % 5 == 0) {
        store.erase(key);
      } else {
        store.put(key, std::to_string(round * 100 + i));
      }
    }
    StreamTimes times;
    times.stream_time = round;
    store.set_stream_times(times);
    original.meta(3).set_position("in", 0, round * 50);
    original.meta(3).fingerprint = "f";
    const auto changes = original.take_changes();
    offset += static_cast<int64_t>(changes.size());
    copy.restore(changes, offset, 7);
    original.applied(offset, 7);
  }
  copy.finish_restore();
  CHECK(rows_of(copy.operator_store(3)) == rows_of(store));
  CHECK(copy.has_meta(3));
  CHECK_FALSE(copy.has_meta(2));
  CHECK(copy.meta(3) == original.meta(3));
  CHECK(copy.operator_store(3).stream_times().stream_time == 4);
  CHECK(copy.changelog_offset() == offset);
}

TEST_CASE("store: an abort takes the meta row back too") {
  PartitionStore partition;
  partition.operator_store(1).put("a", "1");
  partition.meta(1).set_position("in", 0, 10);
  partition.take_changes();
  partition.applied(2, 0);
  partition.operator_store(1).put("a", "2");
  partition.meta(1).set_position("in", 0, 20);
  partition.take_changes();
  partition.discard();
  CHECK(partition.operator_store(1).get("a") == "1");
  CHECK(partition.meta(1).position("in", 0) == 10);
}

TEST_CASE("store: what to restore (rule 22)") {
  using Reason = RestorePlan::Reason;
  PartitionStore partition;
  CHECK(partition.plan_restore(5, 9, 0, 1000).reason == Reason::no_state);
  CHECK(partition.plan_restore(5, 9, 0, 1000).from == 5);
  partition.take_changes();
  partition.applied(100, 10'000);
  CHECK(partition.plan_restore(0, 100, 10'000'000, 1000).reason == Reason::up_to_date);
  CHECK(partition.plan_restore(0, 120, 10'100, 1000).reason == Reason::newer_rows);
  CHECK(partition.plan_restore(0, 120, 10'100, 1000).from == 100);
  CHECK(partition.plan_restore(0, 120, 10'501, 1000).reason == Reason::too_old);
  CHECK(partition.plan_restore(0, 99, 10'100, 1000).reason == Reason::beyond_end);
  CHECK(partition.plan_restore(101, 120, 10'100, 1000).reason == Reason::below_start);
  for (const auto& plan :
       {partition.plan_restore(0, 99, 10'100, 1000), partition.plan_restore(101, 120, 10'100, 1000),
        partition.plan_restore(0, 120, 10'501, 1000)})
    CHECK(plan.rebuild);
}

TEST_CASE("store: broken files lead to a clean rebuild, never to wrong rows") {
  for (const int damage : {0, 1, 2, 3}) {
    CAPTURE(damage);
    TemporaryDirectory dir;
    StateEnvironment environment(8 << 20);
    {
      PartitionStore partition(environment, dir.path());
      Store& store = partition.operator_store(1);
      for (int i = 0; i < 5000; ++i)
        store.put("key" + std::to_string(i), std::string(50, 'x') + std::to_string(i));
      partition.take_changes();
      partition.applied(5001, 1);
      partition.close();
    }
    std::string table, manifest;
    for (const auto& file : std::filesystem::directory_iterator(dir.path() + "/db")) {
      if (file.path().extension() == ".sst") table = file.path();
      if (file.path().filename().string().rfind("MANIFEST", 0) == 0) manifest = file.path();
    }
    REQUIRE_FALSE(table.empty());
    if (damage == 0) std::filesystem::remove(table);
    if (damage == 1) std::filesystem::resize_file(table, std::filesystem::file_size(table) / 2);
    if (damage == 2) std::filesystem::resize_file(manifest, 10);
    if (damage == 3) {
      std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(2000);
      file.write("garbage", 7);
    }
    bool noticed = false;
    try {
      PartitionStore partition(environment, dir.path());
      noticed = !partition.wiped().empty();
      if (noticed) {
        CHECK_FALSE(partition.changelog_offset().has_value());
        CHECK(rows_of(partition.operator_store(1)).empty());
      } else {
        for (int i = 0; i < 5000; ++i) {
          const auto found = partition.operator_store(1).get("key" + std::to_string(i));
          REQUIRE(found == std::string(50, 'x') + std::to_string(i));
        }
      }
    } catch (const CorruptState&) {
      noticed = true;
    }
    CHECK(noticed);
  }
}

TEST_CASE("layout: one process at a time, names of any group") {
  TemporaryDirectory dir;
  CHECK(partition_directory("/s", "a/b c", 3) == "/s/a%2Fb%20c/3");
  CHECK(group_directory("/s", "..") == "/s/%2E.");
  const std::string path = partition_directory(dir.path(), "g", 12);
  {
    auto lock = PartitionLock::try_acquire(path);
    REQUIRE(lock.has_value());
    CHECK_FALSE(PartitionLock::try_acquire(path).has_value());
  }
  CHECK(PartitionLock::try_acquire(path).has_value());
  CHECK(stored_partitions(dir.path(), "g").empty());
  std::filesystem::create_directories(database_directory(path));
  CHECK(stored_partitions(dir.path(), "g") == std::vector<int32_t>{12});
  CHECK(stored_partitions(dir.path(), "none").empty());
}
