// Partitions that a settled group has given to nobody are told after some looks that agree, and only then.
#include "flow/membership/unassigned_partition_monitor.h"

#include "support/catch.h"
#include "support/fixed_admin.h"
#include "support/hand_executor.h"

namespace kutils::flow {
namespace {

struct Watched {
  test::FixedAdmin admin;
  testing::HandExecutor executor;
  UnassignedPartitionMonitor watch{admin, executor, "g", {{"in", 0}, {"in", 1}}};
  int64_t now_us = 5'000'000;

  // One question and its answer.
  bool look(bool settled, std::vector<kafka::TopicPartition> left_out) {
    admin.covered = {settled, std::move(left_out)};
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
