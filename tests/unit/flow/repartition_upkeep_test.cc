// The sources of --by are asked about beside the worker: an outage of the broker neither stops nor ends it.
#include "flow/repartition_upkeep.h"

#include <atomic>
#include <thread>

#include "support/catch.h"
#include "support/fixed_admin.h"
#include "support/lines_fakes.h"

namespace kutils::flow {
namespace {

struct Cluster {
  std::atomic<bool> is_away{false};
  std::atomic<int> asked{0};
  std::atomic<int64_t> committed{10};
  std::atomic<int32_t> partitions{2};
};

class AdminOf final : public test::FixedAdmin {
 public:
  explicit AdminOf(Cluster& cluster) : cluster_(cluster) { marks[{"in", 0}] = marks[{"in", 1}] = {0, 10}; }
  std::optional<kafka::TopicInfo> find_topic(const std::string& name) override {
    return kafka::TopicInfo{name, cluster_.partitions, 1};
  }
  std::vector<kafka::PartitionOffset> committed(
      const std::string&, const std::vector<kafka::TopicPartition>& partitions) override {
    ++cluster_.asked;
    while (cluster_.is_away) std::this_thread::sleep_for(Millis(1));
    std::vector<kafka::PartitionOffset> out;
    for (const auto& at : partitions)
      out.push_back({at, at.partition == 0 ? cluster_.committed.load() : 3, {}});
    return out;
  }

 private:
  Cluster& cluster_;
};

struct Upkeep {
  Cluster cluster;
  ManualClock clock;
  testing::RecordingLog log;
  testing::StopByHand stop;
  Job job;
  WorkerPlan plan;
  AdminOf admin{cluster};
  Surroundings around{clock, log, stop, [this] { return std::make_unique<AdminOf>(cluster); },
                      {},    {},  {},   {},
                      {},    {},  {},   {}};
  std::unique_ptr<RepartitionUpkeep> upkeep;

  Upkeep() {
    plan.group = "g";
    plan.inputs = {{"in", 2}};
    plan.repartition = "g-repartition";
    upkeep = std::make_unique<RepartitionUpkeep>(WorkerContext{job, around, plan, admin, log});
  }
  // What the answer to a question asked now says; asks the next one.
  std::vector<std::pair<int32_t, int64_t>> answer() {
    for (const int before = cluster.asked;;) {
      auto silent = upkeep->silent_sources();
      if (!silent.empty() || cluster.asked > before + 1) return silent;
      std::this_thread::sleep_for(Millis(1));
    }
  }
};

using Silent = std::vector<std::pair<int32_t, int64_t>>;

TEST_CASE("a source is silent from the first question that found it read to the newest one") {
  Upkeep one;
  CHECK(one.upkeep->silent_sources().empty());  // asked at 0
  CHECK(one.answer() == Silent{{0, 0}});        // asked anew, also at 0
  one.clock.advance(Millis(4000));
  CHECK(one.answer() == Silent{{0, 0}});  // asks at 4 s
  CHECK(one.answer() == Silent{{0, 4000}});
  one.cluster.committed = 9;
  one.clock.advance(Millis(1000));
  (void)one.answer();  // may have been asked before the record came
  CHECK(one.answer().empty());
}

TEST_CASE("partitions that are added to the sources are asked about, too") {
  Upkeep one;
  (void)one.upkeep->silent_sources();
  CHECK(one.answer() == Silent{{0, 0}});
  one.cluster.partitions = 3;  // without a record, as fixed_admin.h says of what it does not know
  one.clock.advance(Millis(10'000));
  (void)one.answer();  // may have been asked before
  const Silent silent = one.answer();
  REQUIRE(silent.size() == 2);
  CHECK(silent[0] == std::pair<int32_t, int64_t>{0, 10'000});
  CHECK(silent[1].first == 2);
}

TEST_CASE("while the broker does not answer the worker goes on, and nobody grows more silent") {
  Upkeep one;
  (void)one.answer();
  CHECK(one.answer() == Silent{{0, 0}});
  one.cluster.is_away = true;
  (void)one.upkeep->silent_sources();
  for (int i = 0; i < 100; ++i) {
    one.clock.advance(Millis(1000));
    CHECK(one.upkeep->silent_sources().empty());
  }
  one.cluster.is_away = false;
  CHECK(one.answer() == Silent{{0, 0}});  // what was asked before
}

}  // namespace
}  // namespace kutils::flow
