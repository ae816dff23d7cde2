// Whether the group still has work for a member that has reached its own ends.
#include "flow/membership/group_ends.h"

#include "support/catch.h"
#include "support/part_of_worker.h"
#include "support/state_folder.h"

namespace kutils::flow {
namespace {

using testing::FakeConsumer;

constexpr int64_t kSecond = 1'000'000;

struct Member : testing::PartOfWorker {
  testing::Folder disk;

  Member() {
    slot = InstanceSlot::take(disk.path(), "", "g");
    plan.ends = {{{"in", 0}, 5}, {{"in", 1}, 0}};
    joins(*slot);
  }
  void joins(const InstanceSlot& one) { broker.members.push_back({one.instance_id(), "member"}); }
  GroupEnds ends() { return GroupEnds(context(), *slot); }
};

TEST_CASE("group ends: reached when all is committed; a partition without an offset is not") {
  Member one;
  FakeConsumer consumer(one.broker);
  CHECK_FALSE(one.ends().reached(0, consumer));
  one.broker.committed_offsets[{"in", 0}] = {{"in", 0}, 5, "f"};
  CHECK_FALSE(one.ends().reached(0, consumer));
  one.broker.committed_offsets[{"in", 1}] = {{"in", 1}, 0, "f"};
  CHECK(one.ends().reached(0, consumer));
  one.broker.committed_offsets[{"in", 0}].offset = 4;
  CHECK_FALSE(one.ends().reached(0, consumer));
}

TEST_CASE("group ends: those of what is read beside an internal topic are asked for apart") {
  Member one;
  FakeConsumer consumer(one.broker);
  one.broker.topics["rows"].resize(1);
  one.plan.subs.resize(2);
  one.plan.subs[1].topic = "g-internal";
  one.plan.subs[1].copartitioned = {{"rows", 0, true}};
  one.plan.ends = {{{"in", 0}, 5}, {{"rows", 0}, 3}};
  one.broker.committed_offsets[{"in", 0}] = {{"in", 0}, 5, "f"};
  CHECK(one.ends().reached(0, consumer));
  CHECK_FALSE(one.ends().reached(1, consumer));
  one.broker.committed_offsets[{"rows", 0}] = {{"rows", 0}, 3, "f"};
  CHECK(one.ends().reached(1, consumer));
}

TEST_CASE("group ends: an accepted change is waited for until the group knows it") {
  Member one;
  FakeConsumer consumer(one.broker);
  for (const int32_t p : {0, 1}) one.broker.committed_offsets[{"in", p}] = {{"in", p}, 5, "earlier"};
  CHECK(one.ends().reached(0, consumer));
  one.job.accept_change = true;
  CHECK_FALSE(one.ends().reached(0, consumer));
  for (const int32_t p : {0, 1}) one.broker.committed_offsets[{"in", p}].metadata = "f";
  CHECK(one.ends().reached(0, consumer));
}

TEST_CASE("group ends: who holds all partitions waits for none; who holds none waits to be given some") {
  Member one;
  GroupEnds ends = one.ends();
  CHECK_FALSE(ends.waits_for_partitions(2, 2, 0));
  CHECK(ends.waits_for_partitions(0, 2, 14 * kSecond));
  one.plan.in_memory = true;  // nobody holds what a killed one held
  CHECK(one.ends().waits_for_partitions(0, 2, 14 * kSecond));
  CHECK_FALSE(one.ends().waits_for_partitions(0, 2, 16 * kSecond));
  CHECK_FALSE(one.ends().waits_for_partitions(1, 2, 0));
  CHECK(one.log.notes.empty());
}

TEST_CASE("group ends: partitions of others are waited for until their session must have ended, said once") {
  Member one;
  one.broker.members.push_back({"g.elsewhere.0", "other"});
  GroupEnds ends = one.ends();
  CHECK(ends.waits_for_partitions(1, 2, 0));
  CHECK(one.log.notes.empty());
  CHECK(ends.waits_for_partitions(1, 2, 2 * kSecond));
  CHECK(ends.waits_for_partitions(1, 2, 34 * kSecond));
  CHECK_FALSE(ends.waits_for_partitions(1, 2, 36 * kSecond));
  REQUIRE(one.log.notes.size() == 2);
  CHECK(one.log.notes[0].starts_with("waiting for 1 of 2 partitions that another member of the group holds"));
  CHECK(one.log.notes[1].starts_with("1 of 2 partitions are held by other members of group g"));
}

TEST_CASE("group ends: a sibling of this machine that lives closes its own; a dead one's come to us") {
  Member one;
  auto sibling = InstanceSlot::take(one.disk.path(), "", "g");
  one.joins(*sibling);
  CHECK_FALSE(one.ends().waits_for_partitions(1, 2, 2 * kSecond));
  sibling.reset();  // killed: the group still takes it for a member
  CHECK(one.ends().waits_for_partitions(1, 2, 2 * kSecond));
}

}  // namespace
}  // namespace kutils::flow
