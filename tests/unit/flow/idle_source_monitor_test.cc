// A partition is silent only if its leader says so, in answer to requests beside the worker. An outage of the
// broker, a suspended process or a record between two requests does not count as silence.
#include "flow/tasks/idle_source_monitor.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.h"
#include "support/fixed_admin.h"
#include "support/hand_executor.h"
#include "support/lines_fakes.h"

namespace kutils::flow {
namespace {

struct Cluster {
  int asked = 0;
  int64_t committed = 10;  // of partition 0
  int64_t end = 10;
  int32_t partitions = 2;
  int64_t through = 7;  // what the group has read of the internal topic between, which ends at 7
};

class AdminOf final : public test::FixedAdmin {
 public:
  explicit AdminOf(Cluster& cluster) : cluster_(cluster) {}
  kafka::Watermarks watermarks(const kafka::TopicPartition& at) override {
    if (at.topic == "in" && at.partition == 0) return {0, cluster_.end};
    if (at.topic == "in" && at.partition == 2) return {0, 0};  // added, without a record
    return {0, at.topic == "in" ? 10 : 7};
  }
  std::optional<kafka::TopicInfo> find_topic(const std::string& name) override {
    return kafka::TopicInfo{name, cluster_.partitions, 1};
  }
  std::vector<kafka::PartitionOffset> committed(
      const std::string&, const std::vector<kafka::TopicPartition>& partitions) override {
    std::vector<kafka::PartitionOffset> out;
    if (partitions.front().topic == "between") return {{partitions.front(), cluster_.through, {}}};
    ++cluster_.asked;
    for (const auto& at : partitions) out.push_back({at, at.partition == 0 ? cluster_.committed : 3, {}});
    return out;
  }

 private:
  Cluster& cluster_;
};

using Silent = std::map<int32_t, int64_t>;

struct Watch {
  Cluster cluster;
  ManualClock clock;
  testing::RecordingLog log;
  testing::StopByHand stop;
  testing::HandExecutor executor;
  Environment around{clock, log, stop, executor, [this] { return std::make_unique<AdminOf>(cluster); },
                     {},    {},  {},   {},       {},
                     {},    {},  {}};
  std::vector<std::pair<std::string, int32_t>> between = {};
  IdleSourceMonitor watch{around, "g", {{"in", 2}}, between};
  std::vector<kafka::PartitionOffset> positions{{{"g-repartition", 0}, 7, {}}, {{"g-repartition", 1}, 6, {}}};
  size_t read = 0;  // of the positions, by the last answer
  std::vector<int32_t> active;

  explicit Watch(std::vector<std::pair<std::string, int32_t>> topics = {}) : between(std::move(topics)) {
    executor.when = testing::HandExecutor::When::by_hand;
  }
  // After `pause`, what the answer to a question asked then says.
  Silent after(Millis pause) {
    clock.advance(pause);
    const int before = cluster.asked;
    for (int i = 0; i < 3; ++i) CHECK_FALSE(watch.look(positions));  // it is not there yet
    CHECK(executor.run_next());
    const std::optional<IdleSourceMonitor::Found> found = watch.look(positions);
    CHECK(executor.pending() == 0);
    REQUIRE(found);
    CHECK(cluster.asked == before + 1);
    read = found->read.size();
    active = found->active;
    Silent silent;
    for (const auto& one : found->silent) silent[one.at.partition] = one.ms;
    return silent;
  }
};

TEST_CASE("a source is silent from the first answer that found it read to the newest one") {
  Watch one;
  CHECK(one.after(Millis(0)) == Silent{{0, 0}});  // 1 is behind
  CHECK(one.read == 1);                           // and so is the second partition's reader
  CHECK(one.after(Millis(1000)) == Silent{{0, 1000}});
  CHECK(one.after(Millis(2500)) == Silent{{0, 3500}});
  CHECK(one.active == std::vector<int32_t>{1});
  one.cluster.committed = 9;
  CHECK(one.after(Millis(1000)).empty());
  CHECK(one.active == std::vector<int32_t>{0, 1});
  one.cluster.committed = 10;
  CHECK(one.after(Millis(1000)) == Silent{{0, 0}});
}

TEST_CASE("while records of the sources wait in an internal topic on their way no source is silent") {
  Watch one({{"between", 1}});
  CHECK(one.after(Millis(0)) == Silent{{0, 0}});
  one.cluster.through = 6;
  CHECK(one.after(Millis(1000)).empty());
  CHECK(one.active == std::vector<int32_t>{1});
  one.cluster.through = 7;
  CHECK(one.after(Millis(1000)) == Silent{{0, 2000}});
}

TEST_CASE("a source that spoke between two looks is not silent, though it was read each time") {
  Watch one;
  for (int64_t i = 0; i < 60; ++i) {
    one.cluster.committed = one.cluster.end = 10 + i / 2;  // each two seconds
    const Silent silent = one.after(Millis(1000));
    REQUIRE(silent.size() == 1);
    CHECK(silent.at(0) <= 1000);
    if (i > 0 && i % 2 == 0) CHECK(one.active.front() == 0);
  }
}

TEST_CASE("partitions that are added to the sources are asked about, too") {
  Watch one;
  (void)one.after(Millis(0));
  one.cluster.partitions = 3;
  for (int i = 0; i < 9; ++i) CHECK(one.after(Millis(1000)).size() == 1);
  CHECK(one.after(Millis(1000)) == Silent{{0, 10'000}, {2, 0}});
}

TEST_CASE("time in which nobody asked or nobody answered is no silence") {
  Watch one;
  (void)one.after(Millis(0));
  CHECK(one.after(Millis(2000)) == Silent{{0, 2000}});
  CHECK(one.after(Millis(19'000)) == Silent{{0, 0}});  // SIGSTOP
  CHECK(one.after(Millis(2000)) == Silent{{0, 2000}});
}

TEST_CASE("while the broker does not answer the worker goes on, and nobody grows more silent") {
  Watch one;
  (void)one.after(Millis(0));
  CHECK(one.after(Millis(1000)) == Silent{{0, 1000}});
  for (int i = 0; i < 100; ++i) {
    one.clock.advance(Millis(1000));
    CHECK_FALSE(one.watch.look(one.positions));
  }
  CHECK(one.executor.pending() == 1);
  one.executor.run_all();
  const auto found = one.watch.look({});  // what was asked in its first second
  REQUIRE(found);
  REQUIRE(found->silent.size() == 1);
  CHECK(found->silent.front().ms == 2000);
  CHECK(one.after(Millis(1000)) == Silent{{0, 0}});
}

TEST_CASE(
    "partitions read without a repartition are silent themselves, where their readers stand at the end") {
  Watch one;
  IdleSourceMonitor watch(one.around);
  const std::vector<kafka::PartitionOffset> positions{{{"in", 0}, 10, {}}, {{"in", 1}, 9, {}}};
  std::optional<IdleSourceMonitor::Found> found;
  for (int i = 0; i < 3; ++i) {
    one.clock.advance(Millis(1000));
    CHECK_FALSE(watch.look(positions));
    one.executor.run_all();
    found = watch.look(positions);
    REQUIRE(found);
  }
  REQUIRE(found->silent.size() == 1);
  CHECK(found->silent.front().at == kafka::TopicPartition{"in", 0});
  CHECK(found->silent.front().ms == 2000);
  CHECK(one.cluster.asked == 0);
}

}  // namespace
}  // namespace kutils::flow
