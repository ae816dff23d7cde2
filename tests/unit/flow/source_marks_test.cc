// Sources tell their times to all partitions of the internal topic, and write little for it.
#include "flow/tasks/source_marks.h"

#include <algorithm>
#include <map>

#include "flow/tasks/source_headers.h"
#include "state/meta.h"
#include "support/catch.h"

namespace kutils::flow {
namespace {

constexpr int64_t kWindow = 10'000;
int64_t next_close(int64_t time) { return (time / kWindow + 1) * kWindow; }

// What one partition has been told.
using Known = std::map<int32_t, int64_t>;

void read(const Output& mark, Known& known) {
  Record record;
  record.headers = mark.headers;
  REQUIRE(is_mark(record));
  read_mark(record, [&](int32_t source, int64_t time) { known[source] = std::max(known[source], time); });
}

struct Marks {
  SourceMarks marks;
  std::vector<Known> known;
  uint64_t written = 0;
  Marks(int32_t sources, int32_t partitions)
      : marks(sources, partitions, next_close), known(static_cast<size_t>(partitions)) {}
  void write(int64_t now_us, bool all = false) {
    marks.write(now_us, all, [&](int32_t partition, const Output& mark) {
      ++written;
      read(mark, known[static_cast<size_t>(partition)]);
    });
  }
  void commit(int64_t now_us, bool all = false) {
    write(now_us, all);
    marks.committed();
  }
};

TEST_CASE("a source's time goes to the partitions that got no record of it, once") {
  Marks one(2, 3);
  one.marks.wrote(0, 5000, 1);
  one.commit(1'000'000);
  CHECK(one.known == std::vector<Known>{{{0, 5000}}, {}, {{0, 5000}}});
  one.commit(9'000'000);
  CHECK(one.written == 2);
  // Its time has not moved.
  one.marks.wrote(0, 4000, 0);
  one.commit(9'500'000);
  CHECK(one.written == 2);
}

TEST_CASE("a source of which nothing is passed on is told to be idle, again and again, until something is") {
  Marks one(2, 2);
  std::vector<int64_t> idle_at;
  const auto commit = [&](int64_t now_us) {
    one.marks.read(0, now_us);
    bool is_idle = false;
    if (one.marks.due(now_us))
      one.marks.write(now_us, false, [&](int32_t, const Output& mark) {
        Record record;
        record.headers = mark.headers;
        read_mark(record,
                  [&](int32_t source, int64_t time) { is_idle |= source == 0 && time == state::kNoTime; });
      });
    one.marks.committed();
    if (is_idle) idle_at.push_back(now_us / 1'000'000);
  };
  for (int64_t second = 1; second <= 35; ++second) commit(second * 1'000'000);
  CHECK(idle_at == std::vector<int64_t>{11, 21, 31});
  one.marks.wrote(0, 5000, 0);
  for (int64_t second = 36; second <= 46; ++second) commit(second * 1'000'000);
  CHECK(idle_at == std::vector<int64_t>{11, 21, 31, 46});
  // What was not committed is told again.
  one.marks.read(0, 60'000'000);
  one.marks.write(60'000'000, false, [](int32_t, const Output&) {});
  one.marks.aborted();
  CHECK(one.marks.due(60'000'000));
}

TEST_CASE("one mark tells of all sources; what could close a window goes at once, the rest in turn") {
  Marks one(2, 1);
  Marks two(2, 2);
  two.marks.wrote(0, 1000, 0);
  two.marks.wrote(1, 2000, 0);
  two.commit(1'000'000);
  CHECK(two.written == 1);
  CHECK(two.known[1] == Known{{0, 1000}, {1, 2000}});
  two.marks.wrote(0, 3000, 0);
  two.commit(1'010'000);
  CHECK(two.written == 1);
  CHECK(two.marks.any_untold());
  CHECK_FALSE(two.marks.due(1'099'999));
  CHECK(two.marks.due(1'100'000));
  two.marks.wrote(0, 10'000, 0);
  two.commit(1'020'000);
  CHECK(two.written == 2);
  CHECK(two.known[1] == Known{{0, 10'000}, {1, 2000}});
  CHECK_FALSE(two.marks.any_untold());
  two.marks.wrote(1, 9000, 0);
  two.commit(1'030'000);
  CHECK(two.written == 2);
  two.commit(1'040'000, true);  // the end
  CHECK(two.written == 3);
}

TEST_CASE("what an aborted transaction told is told again, and no time that it alone knew") {
  Marks one(1, 2);
  one.marks.wrote(0, 1000, 0);
  one.commit(1'000'000);
  one.marks.wrote(0, 20'000, 0);
  one.write(2'000'000);
  CHECK(one.known[1] == Known{{0, 20'000}});
  one.marks.aborted();
  CHECK_FALSE(one.marks.any_untold());
  one.known[1].clear();
  one.marks.wrote(0, 15'000, 0);
  one.commit(3'000'000);
  CHECK(one.known[1] == Known{{0, 15'000}});
  // A partition that left is spoken for by who has it now.
  one.marks.wrote(0, 30'000, 0);
  one.marks.forget(0);
  const uint64_t before = one.written;
  one.commit(4'000'000, true);
  CHECK(one.written == before);
}

TEST_CASE("a mark is told from records by its headers") {
  Record record;
  CHECK_FALSE(is_mark(record));
  const std::vector<Header> own{{kSourcePartitionHeader, std::string_view("1")},
                                {kSourceOffsetHeader, std::string_view("7")},
                                {kSourceTimeHeader, std::string_view("1000")}};
  record.headers = own;
  CHECK_FALSE(is_mark(record));
  const std::vector<Header> pair{own[0], own[2]};
  record.headers = pair;
  CHECK(is_mark(record));
  record.value = std::string_view("x");
  CHECK_FALSE(is_mark(record));
}

// Each instance commits every 10 ms for a minute; each of its sources has had a record each time. One second
// of event time passes in a second.
TEST_CASE("64 partitions and 16 instances: few marks, and every partition hears of every close at once") {
  constexpr int32_t kPartitions = 64;
  const int32_t instances = GENERATE(1, 16);
  constexpr int64_t kSeconds = 60;
  std::vector<Marks> group;
  for (int32_t i = 0; i < instances; ++i) group.emplace_back(kPartitions, kPartitions);
  const int32_t each = kPartitions / instances;
  for (int64_t now_us = 0; now_us < kSeconds * 1'000'000; now_us += 10'000) {
    const int64_t time = now_us / 1000;
    for (int32_t i = 0; i < instances; ++i) {
      Marks& one = group[static_cast<size_t>(i)];
      // Keyed as the internal topic is: a source writes to the partition of its own number only.
      for (int32_t source = i * each; source < (i + 1) * each; ++source)
        one.marks.wrote(source, time, source);
      one.commit(now_us);
    }
    if (time == 0 || time % kWindow != 0) continue;
    for (int32_t p = 0; p < kPartitions; ++p) {
      for (int32_t source = 0; source < kPartitions; ++source) {
        if (source == p) continue;
        Known& known = group[static_cast<size_t>(source / each)].known[static_cast<size_t>(p)];
        if (known[source] < time)
          FAIL("partition " << p << " does not know that " << source << " is at " << time);
      }
    }
  }
  uint64_t written = 0;
  for (const Marks& one : group) written += one.written;
  CAPTURE(instances, written);
  // Ten a second and partition in all, and one of each instance where windows close.
  const auto closes = static_cast<uint64_t>(instances * (kSeconds * 1000 / kWindow + 1));
  CHECK(written <= kPartitions * (static_cast<uint64_t>(kSeconds) * 10 + closes + 10));
  CHECK(written >= kPartitions * static_cast<uint64_t>(kSeconds) * 5);
}

TEST_CASE("windows of a millisecond do not make more than ten marks a second, instance and partition") {
  SourceMarks marks(64, 64, [](int64_t time) { return time + 1; });
  uint64_t written = 0;
  for (int64_t now_us = 0; now_us < 10'000'000; now_us += 10'000) {
    for (int32_t source = 0; source < 4; ++source) marks.wrote(source, now_us / 1000, source);
    marks.write(now_us, false, [&](int32_t, const Output&) { ++written; });
    marks.committed();
  }
  CHECK(written <= 64 * (10 * 10 + SourceMarks::kBurst + 1));
}

}  // namespace
}  // namespace kutils::flow
