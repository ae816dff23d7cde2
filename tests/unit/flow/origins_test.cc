// A topic that was deleted and recreated is told from the one that the group began with, and from one whose
// records retention or compaction has removed.
#include "flow/membership/origins.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "flow/membership/begin_marks.h"
#include "flow/membership/known_topic_source.h"
#include "flow/membership/served_at.h"
#include "support/catch.h"
#include "support/fixed_admin.h"
#include "support/hand_executor.h"
#include "support/lines_fakes.h"
#include "support/part_of_worker.h"
#include "support/positions_reader.h"

namespace kutils::flow {
namespace {

using TP = kafka::TopicPartition;

struct Log {
  int64_t low = 0;
  std::map<int64_t, std::string> values;  // by offset
  int64_t high = 0;
  int64_t open_from = INT64_MAX;  // of a transaction: nothing comes from there on, nor the end
};

struct Cluster {
  std::map<TP, Log> logs;
  int reads = 0;
  int readers = 0;
  void write(const TP& at, const std::string& value) {
    Log& log = logs[at];
    log.values[log.high++] = value;
  }
  void recreate(const TP& at, int records) {
    logs[at] = {};
    for (int i = 0; i < records; ++i) write(at, "other" + std::to_string(i));
  }
};

class AdminOf final : public test::FixedAdmin {
 public:
  explicit AdminOf(Cluster& cluster) : cluster_(cluster) {}
  std::optional<kafka::TopicInfo> find_topic(const std::string& name) override {
    int32_t count = 0;
    for (const auto& [at, log] : cluster_.logs) count += at.topic == name ? 1 : 0;
    if (count == 0) return std::nullopt;
    return kafka::TopicInfo{name, count, 1};
  }
  kafka::Watermarks watermarks(const TP& at) override {
    const auto found = cluster_.logs.find(at);
    if (found == cluster_.logs.end())
      throw kafka::KafkaError(ExitCode::connection, kafka::Severity::fatal, 3, "unknown topic");
    return {found->second.low, found->second.high};
  }

 private:
  Cluster& cluster_;
};

class ReaderOf final : public testing::PositionsReader {
 public:
  ReaderOf(Cluster& cluster, ManualClock& clock) : cluster_(cluster), clock_(clock) {}
  kafka::Polled poll(Batch& batch, Millis wait) override {
    kafka::Polled polled;
    for (auto& [at, position] : positions_) {
      const Log& log = cluster_.logs[at];
      if (position < log.low || position > log.high)
        throw kafka::KafkaError(ExitCode::connection, kafka::Severity::fatal, -140, "out of range");
      const auto next = log.values.lower_bound(position);
      if (log.open_from < log.high && (next == log.values.end() || next->first >= log.open_from)) continue;
      if (next == log.values.end()) {
        polled.ends.push_back({at, log.high, {}});
      } else {
        ++cluster_.reads;
        batch.records().push_back(testing::record_at(at, next->first, next->second));
        position = next->first + 1;
      }
    }
    if (batch.empty() && polled.ends.empty()) clock_.advance(wait);
    return polled;
  }

 private:
  Cluster& cluster_;
  ManualClock& clock_;
};

struct Bench {
  Cluster cluster;
  ManualClock clock;
  testing::RecordingLog log;
  testing::StopByHand stop;
  testing::HandExecutor executor;
  Job job;
  WorkerPlan plan;
  AdminOf admin{cluster};
  Environment around{clock, log, stop, executor, [this] { return std::make_unique<AdminOf>(cluster); },
                     {},    {},  {},   {},       {},
                     {},    {},  {}};
  std::unique_ptr<Origins> origins;
  const TP at{"in", 0};

  Bench() {
    plan.group = "g";
    plan.inputs = {{"in", 2}};
    plan.fingerprint = "made for this";
    around.make_mark_reader = [this] {
      ++cluster.readers;
      return std::make_unique<ReaderOf>(cluster, clock);
    };
    start();
  }
  // A new process: only what was committed is known.
  void start(const std::string& metadata = "") {
    origins = std::make_unique<Origins>(WorkerContext{job, around, plan, admin, log});
    origins->begin(at, metadata);
  }
  void process(const TP& from, int64_t offset, bool took_all = true) {
    origins->polled(took_all);
    origins->took(from);
    if (!origins->wants(from)) return;
    origins->processed(
        from, {offset, digest_of(testing::record_at(from, offset, cluster.logs[from].values[offset]))});
  }
  std::optional<Error> look() {
    clock.advance(Millis(1000));
    origins->polled(true);
    return origins->look();
  }
  int64_t mark(const TP& of) { return mark_of(origins->metadata(of)).offset; }
};

TEST_CASE("a mark is written behind the fingerprint, and read back") {
  const std::string metadata = with_mark("made for this", {1'234'567'890'123, 0xfedcba9876543210});
  CHECK(fingerprint_of(metadata) == "made for this");
  CHECK(mark_of(metadata).offset == 1'234'567'890'123);
  CHECK(mark_of(metadata).digest == 0xfedcba9876543210);
  CHECK(with_mark("made for this", {}) == "made for this");
  for (const char* broken : {"", "made for this", "\x01",
                             "\x01"
                             "12",
                             "\x01"
                             "12 ",
                             "\x01"
                             "x 1",
                             "\x01"
                             "1 2 3"})
    CHECK(mark_of(broken).offset == kNoOffset);
}

TEST_CASE("where an instance is asked stands behind fingerprint and mark, and hides neither") {
  const LastRecord mark{99, 0xfedcba9876543210};
  for (const std::string& metadata : {std::string("made for this"), with_mark("made for this", mark),
                                      with_start("made for this"), with_start("made for this", mark)}) {
    CHECK(served_at(metadata).empty());
    CHECK(with_served_at(metadata, "") == metadata);
    const std::string served = with_served_at(metadata, "[::1]:8080");
    CHECK(served_at(served) == "[::1]:8080");
    CHECK(fingerprint_of(served) == "made for this");
    CHECK(mark_of(served).offset == mark_of(metadata).offset);
    CHECK(mark_of(served).digest == mark_of(metadata).digest);
    CHECK(is_start(served) == is_start(metadata));
  }
}

TEST_CASE("a start is written with and without the mark of what it is behind") {
  const std::string plain = with_start("made for this");
  const std::string marked = with_start("made for this", {99, 0xfedcba9876543210});
  for (const std::string& metadata : {plain, marked}) {
    CHECK(is_start(metadata));
    CHECK(fingerprint_of(metadata) == "made for this");
  }
  CHECK(mark_of(plain).offset == kNoOffset);
  CHECK(mark_of(marked).offset == 99);
  CHECK(mark_of(marked).digest == 0xfedcba9876543210);
  CHECK_FALSE(is_start(with_mark("made for this", {99, 1})));
}

TEST_CASE(
    "that all partitions have begun is written beside start, mark and address, and hides none of them") {
  const LastRecord mark{99, 0xfedcba9876543210};
  for (const std::string& one : {std::string("made for this"), with_mark("made for this", mark),
                                 with_start("made for this"), with_start("made for this", mark)}) {
    for (const std::string& metadata : {one, with_served_at(one, "[::1]:8080")}) {
      CHECK_FALSE(is_all_begun(metadata));
      CHECK(without_all_begun(metadata) == metadata);
      const std::string all = with_all_begun(metadata);
      CHECK(is_all_begun(all));
      CHECK(with_all_begun(all) == all);
      CHECK(fingerprint_of(all) == "made for this");
      CHECK(is_start(all) == is_start(metadata));
      CHECK(mark_of(all).offset == mark_of(metadata).offset);
      CHECK(mark_of(all).digest == mark_of(metadata).digest);
      CHECK(served_at(all) == served_at(metadata));
      CHECK(mark_of(without_all_begun(all)).offset == mark_of(metadata).offset);
      CHECK(is_start(without_all_begun(all)) == is_start(metadata));
      CHECK(served_at(without_all_begun(all)) == served_at(metadata));
      CHECK_FALSE(is_all_begun(without_all_begun(all)));
    }
  }
  CHECK_FALSE(is_all_begun("all"));
  CHECK_FALSE(
      is_all_begun("\x01"
                   "allx"));
}

TEST_CASE("the last record before the place where a group begins is its first mark") {
  Bench bench;
  const TP other{"in", 1};
  for (int i = 0; i < 2000; ++i) bench.cluster.write(bench.at, "v" + std::to_string(i));
  bench.cluster.recreate(other, 10);
  const auto marked_at = [&](int64_t place) {
    const Marks marks = begin_marks(bench.around, bench.admin, {{bench.at, place, {}}, {other, 10, {}}});
    CHECK(marks.at(other).offset == 9);
    const auto found = marks.find(bench.at);
    if (found == marks.end()) return kNoOffset;
    const std::string value = "v" + std::to_string(found->second.offset);
    CHECK(found->second.digest == digest_of(testing::record_at(bench.at, found->second.offset, value)));
    return found->second.offset;
  };
  Log& log = bench.cluster.logs[bench.at];
  CHECK(marked_at(2000) == 1999);
  CHECK(marked_at(700) == 699);
  CHECK(marked_at(0) == kNoOffset);
  SECTION("behind transactions' markers, or what compaction has removed") {
    log.values.erase(log.values.find(1998), log.values.end());
    CHECK(marked_at(2000) == 1997);
    log.values.erase(log.values.find(3), log.values.end());
    CHECK(marked_at(2000) == 2);
    log.values.clear();
    CHECK(marked_at(2000) == kNoOffset);
  }
  SECTION("an open transaction stands before the place, longer than the first looks") {
    for (const int64_t open_from : {1996, 1990, 1000}) {
      log.open_from = open_from;
      CHECK(marked_at(2000) == open_from - 1);
    }
    log.open_from = 0;
    CHECK(marked_at(2000) == kNoOffset);
  }
  SECTION("retention has removed all of it") {
    log.values.erase(log.values.begin(), log.values.find(1999));
    log.low = 1999;
    CHECK(marked_at(1999) == kNoOffset);
    CHECK(marked_at(2000) == 1999);
  }
}

TEST_CASE(
    "a topic that is recreated before a record of it was read is not the one that the group began behind") {
  Bench bench;
  for (int i = 0; i < 100; ++i) bench.cluster.write(bench.at, "v" + std::to_string(i));
  const Marks marks = begin_marks(bench.around, bench.admin, {{bench.at, 100, {}}});
  bench.start(with_start("made for this", marks.at(bench.at)));
  CHECK(!bench.origins->settle());
  bench.clock.advance(Millis(200));
  bench.cluster.recreate(bench.at, 300);
  bench.process(bench.at, 100);
  const auto error = bench.origins->settle();
  REQUIRE(error);
  CHECK_THAT(error->what(), Catch::Matchers::ContainsSubstring("in [0] @ 99"));
}

TEST_CASE("a mark moves on only over records that were fetched before it was found to be what it was") {
  Bench bench;
  for (int i = 0; i < 100; ++i) bench.cluster.write(bench.at, "v" + std::to_string(i));
  bench.process(bench.at, 4);
  CHECK(bench.mark(bench.at) == 4);  // the first one: what we began with
  bench.process(bench.at, 30);
  CHECK(bench.mark(bench.at) == 4);
  CHECK(!bench.look());
  CHECK(bench.mark(bench.at) == 30);
  // Recreated between two looks, and filled beyond: its records are processed and committed, but the mark is
  // not theirs.
  bench.cluster.recreate(bench.at, 200);
  bench.process(bench.at, 100);
  CHECK(bench.mark(bench.at) == 30);
  const std::string committed = bench.origins->metadata(bench.at);
  const auto error = bench.look();
  REQUIRE(error);
  CHECK_THAT(error->what(), Catch::Matchers::ContainsSubstring("in [0] @ 30"));
  CHECK_THAT(error->what(), Catch::Matchers::ContainsSubstring("deleted and recreated"));
  // So does the next run, if that one was stopped before it looked.
  bench.start(committed);
  bench.process(bench.at, 110);
  CHECK(bench.origins->settle());
}

TEST_CASE("a topic that was recreated and is shorter than the mark") {
  Bench bench;
  for (int i = 0; i < 10; ++i) bench.cluster.write(bench.at, "v");
  bench.process(bench.at, 9);
  const std::string committed = bench.origins->metadata(bench.at);
  bench.start(committed);
  CHECK(!bench.origins->settle());  // still there
  bench.start(committed);
  bench.cluster.recreate(bench.at, 3);
  CHECK(!bench.look());  // a new leader may be a moment behind
  CHECK(bench.look());
}

TEST_CASE("records that retention or compaction has removed give no alarm, and the next one is the mark") {
  for (const bool compacted : {false, true}) {
    Bench bench;
    for (int i = 0; i < 100; ++i) bench.cluster.write(bench.at, "v" + std::to_string(i));
    bench.process(bench.at, 10);
    bench.start(bench.origins->metadata(bench.at));
    Log& log = bench.cluster.logs[bench.at];
    log.values.erase(log.values.begin(), log.values.find(20));
    if (!compacted) log.low = 20;
    CHECK(!bench.origins->settle());
    bench.process(bench.at, 50);
    CHECK(!bench.look());
    CHECK(bench.mark(bench.at) == 50);
    bench.cluster.recreate(bench.at, 200);
    bench.process(bench.at, 100);
    CHECK(bench.look());
  }
}

TEST_CASE("a partition's first record hides nothing where another partition has a mark") {
  Bench bench;
  const TP other{"in", 1};
  bench.origins->begin(other, "");
  for (int i = 0; i < 10; ++i) bench.cluster.write(bench.at, "v" + std::to_string(i));
  bench.process(bench.at, 9);
  bench.cluster.recreate(bench.at, 20);
  bench.cluster.recreate(other, 20);
  bench.process(other, 19);
  CHECK(bench.look());
}

TEST_CASE("a topic that is gone for some looks was deleted; one that cannot be asked about was not") {
  Bench bench;
  bench.cluster.write(bench.at, "v");
  bench.process(bench.at, 0);
  CHECK(!bench.look());
  bench.cluster.logs.erase(bench.at);
  CHECK(!bench.look());
  CHECK(!bench.look());
  const auto error = bench.look();
  REQUIRE(error);
  CHECK_THAT(error->what(), Catch::Matchers::ContainsSubstring("topic 'in' was deleted"));
}

TEST_CASE("the first records after a gap are committed only after a look that was begun when they had come") {
  Bench bench;
  for (int i = 0; i < 20; ++i) bench.cluster.write(bench.at, "v" + std::to_string(i));
  bench.process(bench.at, 0);
  CHECK(!bench.look());
  CHECK(!bench.origins->settle());
  const int reads = bench.cluster.reads;
  SECTION("without a gap nothing is read") {
    bench.process(bench.at, 1);
    bench.clock.advance(Millis(45));
    bench.process(bench.at, 2);
    CHECK(!bench.origins->settle());
    const int one_look = bench.cluster.reads;  // the gap before 1
    CHECK(one_look <= reads + 1);
    for (int64_t offset = 3; offset < 10; ++offset) {
      bench.clock.advance(Millis(45));
      bench.process(bench.at, offset);
      CHECK(!bench.origins->settle());
    }
    CHECK(bench.cluster.reads == one_look);
  }
  SECTION("of a backlog each commit waits for one look, for its records may have been fetched long ago") {
    for (int64_t offset = 1; offset < 5; ++offset) {
      bench.clock.advance(Millis(60));
      bench.process(bench.at, offset, false);
    }
    bench.origins->settle();
    int before = bench.cluster.reads;
    for (int commit = 0; commit < 3; ++commit) {
      for (int64_t offset = 5; offset < 8; ++offset) {
        bench.clock.advance(Millis(60));
        bench.process(bench.at, offset, false);
      }
      CHECK(bench.cluster.reads == before);
      CHECK(!bench.origins->settle());
      CHECK(bench.cluster.reads == before + 1);
      before = bench.cluster.reads;
    }
    bench.cluster.recreate(bench.at, 30);
    bench.clock.advance(Millis(60));
    bench.process(bench.at, 20, false);
    CHECK(bench.origins->settle());
  }
  SECTION("the same topic") {
    bench.clock.advance(Millis(200));
    bench.process(bench.at, 1);
    CHECK(!bench.origins->settle());
    CHECK(bench.cluster.reads == reads + 1);
    CHECK(!bench.origins->settle());
    CHECK(bench.cluster.reads == reads + 1);
  }
  SECTION("another one") {
    bench.clock.advance(Millis(200));
    bench.cluster.recreate(bench.at, 30);
    bench.process(bench.at, 20);
    CHECK(bench.origins->settle());
  }
  SECTION("another one, in a partition without a mark") {
    const TP other{"in", 1};
    bench.origins->begin(other, "");
    bench.clock.advance(Millis(200));
    bench.cluster.recreate(bench.at, 30);
    bench.cluster.recreate(other, 30);
    bench.process(other, 0);
    CHECK(bench.origins->settle());
  }
}

// Says what was acknowledged.
class ProducerOf final : public kafka::Producer {
 public:
  void produce(const std::string&, int32_t, const Output&) override {}
  void flush() override {}
  int64_t delivered_offset(const std::string&, int32_t) override { return kNoOffset; }
  kafka::PartitionOffset newest_acknowledged(const std::string& topic) const override {
    const auto found = newest.find(topic);
    return found == newest.end() ? kafka::PartitionOffset{{topic, 0}, kNoOffset, {}} : found->second;
  }
  std::map<std::string, kafka::PartitionOffset> newest;
};

TEST_CASE("an output that ends before an acknowledged record in two looks in a row was recreated") {
  Bench bench;
  bench.plan.outputs = {"out"};
  bench.plan.changelog = "g-changelog";
  bench.start();
  ProducerOf one, two;
  bench.origins->written_through({&one, &two});
  const TP out0{"out", 0}, out1{"out", 1}, changes{"g-changelog", 0};
  bench.cluster.write(bench.at, "v");
  for (const TP& at : {out0, out1, changes}) bench.cluster.recreate(at, 5);
  SECTION("written by whichever producer, to whichever partition") {
    one.newest["out"] = {out0, 3, {}};
    two.newest["out"] = {out1, 4, {}};
    for (int i = 0; i < 4; ++i) CHECK(!bench.look());
    bench.cluster.recreate(out1, 4);
    CHECK(!bench.look());
    const auto error = bench.look();
    REQUIRE(error);
    CHECK(error->code() == ExitCode::usage);
    CHECK_THAT(error->what(),
               Catch::Matchers::ContainsSubstring(
                   "topic 'out' was deleted and recreated while the tool wrote to it, or it lost "
                   "records: partition 1 ends at offset 4, and held a record at 4"));
  }
  SECTION("a new leader that is a moment behind") {
    two.newest["out"] = {out1, 4, {}};
    CHECK(!bench.look());
    for (int i = 0; i < 3; ++i) {
      bench.cluster.recreate(out1, 4);
      CHECK(!bench.look());
      bench.cluster.recreate(out1, 5);
      CHECK(!bench.look());
    }
  }
  SECTION("of fewer partitions") {
    two.newest["out"] = {out1, 4, {}};
    CHECK(!bench.look());
    bench.cluster.logs.erase(out1);
    CHECK(!bench.look());
    CHECK(bench.look());
  }
  SECTION("what others wrote and a look found") {
    CHECK(!bench.look());
    bench.cluster.recreate(changes, 0);
    CHECK(!bench.look());
    const auto error = bench.look();
    REQUIRE(error);
    CHECK_THAT(error->what(),
               Catch::Matchers::ContainsSubstring("topic 'g-changelog' was deleted and recreated"));
    CHECK_THAT(error->hint(), Catch::Matchers::ContainsSubstring("-g NAME"));
  }
}

TEST_CASE("nothing new: the mark is read again every 10 s") {
  Bench bench;
  bench.cluster.write(bench.at, "v");
  bench.process(bench.at, 0);
  for (int i = 0; i < 5; ++i) CHECK(!bench.look());
  CHECK(bench.cluster.reads == 1);  // the mark, once
  for (int i = 0; i < 60; ++i) CHECK(!bench.look());
  CHECK(bench.cluster.reads == 7);
  SECTION("a topic that was recreated with as many records as were read") {
    bench.cluster.recreate(bench.at, 1);
    int looks = 1;
    std::optional<Error> error;
    while (!(error = bench.look()) && looks < 20) ++looks;
    REQUIRE(error);
    CHECK(looks <= 10);
    CHECK(error->code() == ExitCode::usage);
    CHECK_THAT(error->what(), Catch::Matchers::ContainsSubstring("in [0] @ 0"));
  }
  SECTION("with fewer") {
    bench.cluster.recreate(bench.at, 0);
    int looks = 1;
    while (!bench.look() && looks < 20) ++looks;
    CHECK(looks <= 12);
  }
  SECTION("what retention has removed is asked for without a read") {
    bench.cluster.logs[bench.at].low = 1;
    bench.cluster.logs[bench.at].values.clear();
    for (int i = 0; i < 60; ++i) CHECK(!bench.look());
    CHECK(bench.cluster.reads == 7);
    CHECK(bench.cluster.readers <= 2);
    // What removed it does not hide that the topic is another one.
    bench.cluster.recreate(bench.at, 1);
    int looks = 1;
    while (!bench.look() && looks < 20) ++looks;
    CHECK(looks <= 10);
  }
}

TEST_CASE("nothing new in many topics: some marks are read again in each look, and none is left out") {
  Bench bench;
  bench.cluster.write(bench.at, "v");
  constexpr int kTopics = 400;
  for (int i = 0; i < kTopics; ++i) {
    const TP at{"in" + std::to_string(i), 0};
    bench.cluster.write(at, "v");
    bench.origins->begin(at, "");
    bench.process(at, 0);
  }
  for (int i = 0; i < 40; ++i) CHECK(!bench.look());
  for (int i = 0; i < 30; ++i) {
    const int reads = bench.cluster.reads;
    CHECK(!bench.look());
    CHECK(bench.cluster.reads - reads <= 16);
  }
  // The last of them by name is looked at in its turn.
  bench.cluster.recreate({"in99", 0}, 1);
  int looks = 1;
  while (!bench.look() && looks < 60) ++looks;
  CHECK(looks <= kTopics / 16 + 2);
}

// Gives what was put into it.
class SourceByHand final : public io::Source {
 public:
  explicit SourceByHand(std::vector<std::pair<TP, int64_t>>& waiting, Cluster& cluster)
      : waiting_(waiting), cluster_(cluster) {}
  io::Fill poll(Batch& batch, Millis) override {
    for (const auto& [at, offset] : waiting_)
      batch.records().push_back(testing::record_at(at, offset, cluster_.logs[at].values[offset]));
    waiting_.clear();
    return batch.empty() ? io::Fill::nothing : io::Fill::records;
  }

 private:
  std::vector<std::pair<TP, int64_t>>& waiting_;
  Cluster& cluster_;
};

TEST_CASE("a source without a group ends where its topic was recreated, after a gap or while nothing comes") {
  Bench bench;
  std::vector<std::pair<TP, int64_t>> waiting;
  const auto source = make_known_topic_source(std::make_unique<SourceByHand>(waiting, bench.cluster),
                                              bench.around, "start again");
  const auto poll = [&](Millis later) {
    bench.clock.advance(later);
    Batch batch;
    source->poll(batch, Millis(0));
  };
  for (int i = 0; i < 10; ++i) bench.cluster.write(bench.at, "v" + std::to_string(i));
  for (int64_t i = 0; i < 10; ++i) waiting.emplace_back(bench.at, i);
  poll(Millis(50));
  CHECK(bench.cluster.reads == 0);
  for (int i = 0; i < 60; ++i) poll(Millis(1000));
  CHECK((bench.cluster.reads == 5 || bench.cluster.reads == 6));
  SECTION("as long as before") {
    bench.cluster.recreate(bench.at, 10);
    CHECK_THROWS_WITH(([&] {
                        for (int i = 0; i < 11; ++i) poll(Millis(1000));
                      }()),
                      Catch::Matchers::ContainsSubstring("in [0] @ 9"));
  }
  SECTION("longer") {
    bench.cluster.recreate(bench.at, 20);
    waiting.emplace_back(bench.at, 10);
    CHECK_THROWS_WITH(([&] {
                        for (int i = 0; i < 2; ++i) poll(Millis(1000));
                      }()),
                      Catch::Matchers::ContainsSubstring("deleted and recreated"));
  }
  SECTION("the same one") {
    bench.cluster.write(bench.at, "v10");
    waiting.emplace_back(bench.at, 10);
    for (int i = 0; i < 20; ++i) poll(Millis(1000));
    CHECK(bench.cluster.reads <= 9);
  }
}

TEST_CASE("a source without a group knows each of its topics, whatever the last record of a batch is of") {
  Bench bench;
  std::vector<std::pair<TP, int64_t>> waiting;
  const auto source = make_known_topic_source(std::make_unique<SourceByHand>(waiting, bench.cluster),
                                              bench.around, "start again");
  const auto poll = [&] {
    bench.clock.advance(Millis(1000));
    Batch batch;
    source->poll(batch, Millis(0));
  };
  const int topics = GENERATE(2, 300);
  for (int i = 0; i < topics; ++i) {
    const TP at{"in" + std::to_string(i), 0};
    bench.cluster.write(at, "v");
    waiting.emplace_back(at, 0);
  }
  for (int i = 0; i < 40; ++i) poll();
  const TP last{"in" + std::string(topics == 2 ? "0" : "99"), 0};
  bench.cluster.recreate(last, 2);
  const bool comes = GENERATE(true, false);
  if (comes) waiting.emplace_back(last, 1);
  int looks = 1;
  CHECK_THROWS_WITH(([&] {
                      for (; looks < 60; ++looks) poll();
                    }()),
                    Catch::Matchers::ContainsSubstring(last.topic + " [0] @ 0 is not the one that was read"));
  // A look begins in one poll and is judged in the next one.
  CHECK(looks <= (comes ? 4 : std::max(12, 2 * (topics / 16 + 1) + 2)));
}

}  // namespace
}  // namespace kutils::flow
