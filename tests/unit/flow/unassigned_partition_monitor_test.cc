// Partitions that a settled group has given to nobody are told after some looks that agree, and only then.
#include "flow/membership/unassigned_partition_monitor.h"

#include "support/catch.h"
#include "support/fixed_admin.h"
#include "support/hand_executor.h"
#include "support/lines_fakes.h"

namespace kutils::flow {
namespace {

// Answers what the test says at that moment.
class Covering final : public test::FixedAdmin {
 public:
  explicit Covering(const kafka::GroupCoverage& now) : now_(now) {}
  void try_once() override { is_tried_once = true; }
  kafka::GroupCoverage coverage(const std::string&, const std::vector<kafka::TopicPartition>&) override {
    CHECK(is_tried_once);
    return now_;
  }
  bool is_tried_once = false;

 private:
  const kafka::GroupCoverage& now_;
};

struct Watched {
  kafka::GroupCoverage covered;
  ManualClock clock;
  testing::RecordingLog log;
  testing::StopByHand stop;
  testing::HandExecutor executor;
  int admins = 0;
  // An admin of its own: the worker's takes one call at a time, and the worker makes its own meanwhile.
  Environment around{clock,
                     log,
                     stop,
                     executor,
                     [this] {
                       ++admins;
                       return std::make_unique<Covering>(covered);
                     },
                     {},
                     {},
                     {},
                     {},
                     {},
                     {},
                     {},
                     {}};
  UnassignedPartitionMonitor watch{around, "g", {{"in", 0}, {"in", 1}}};
  int64_t now_us = 5'000'000;

  // One question and its answer.
  bool look(bool settled, std::vector<kafka::TopicPartition> left_out) {
    covered = {settled, std::move(left_out)};
    now_us += 1'000'000;
    executor.when = testing::HandExecutor::When::by_hand;
    // The worker goes on meanwhile, and asks nothing more.
    for (int i = 0; i < 3; ++i) CHECK_FALSE(watch.look(now_us));
    CHECK(executor.pending() <= 1);
    executor.run_all();
    return watch.look(now_us);
  }
};

TEST_CASE("A partition that stays nobody's is told once") {
  Watched one;
  CHECK_FALSE(one.look(true, {{"in", 1}}));
  CHECK_FALSE(one.look(true, {{"in", 1}}));
  CHECK(one.look(true, {{"in", 1}}));
  CHECK(one.watch.is_confirmed());
  CHECK(one.watch.left_out() == std::vector<kafka::TopicPartition>{{"in", 1}});
  CHECK_FALSE(one.look(true, {{"in", 1}}));
  CHECK(one.admins == 1);
}

TEST_CASE("A hand-over that goes on is no hole") {
  Watched one;
  CHECK_FALSE(one.look(true, {{"in", 1}}));
  CHECK_FALSE(one.look(true, {{"in", 1}}));
  CHECK_FALSE(one.look(false, {}));
  CHECK_FALSE(one.look(true, {{"in", 0}}));
  CHECK_FALSE(one.look(true, {{"in", 0}}));
  CHECK_FALSE(one.look(true, {}));
  // Covered once: what happens later is seen by those who join then.
  for (int i = 0; i < 5; ++i) CHECK_FALSE(one.look(true, {{"in", 1}}));
  CHECK_FALSE(one.watch.is_confirmed());
}

}  // namespace
}  // namespace kutils::flow
