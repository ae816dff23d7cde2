// The worker as a member of its group: what is given and taken, under which id, and what its owner throws.
#include "flow/membership/group_membership.h"

#include "support/catch.h"
#include "support/part_of_worker.h"

namespace kutils::flow {
namespace {

using testing::FakeConsumer;
using TP = kafka::TopicPartition;
using TPs = std::vector<TP>;

struct Member : testing::PartOfWorker, PartitionOwner {
  std::vector<std::string> events;
  std::exception_ptr failure;
  Batch batch;
  GroupMembership group{context(), *slot, *this};

  void before_revoke(bool lost) override {
    events.emplace_back(lost ? "lost" : "revoke");
    if (failure) std::rethrow_exception(failure);
  }
  void revoked(const TP& at) override { events.push_back("gone " + std::to_string(at.partition)); }
  bool comes_more(const TP&, int64_t) const override { return false; }

  void poll() { group.poll(batch, Millis(0)); }
  void start_all() {
    std::vector<kafka::PartitionOffset> from;
    for (const TP& at : TPs(group.waiting())) from.push_back({at, 0, {}}), group.started(at);
    group.consumer().start(from);
  }
  FakeConsumer& consumer() { return *FakeConsumer::broker_member(); }
};

TEST_CASE("membership: what the group gives waits until it is started") {
  Member one;
  one.group.join();
  CHECK(one.group.waiting().empty());
  one.poll();
  CHECK(one.group.waiting() == TPs{{"in", 0}, {"in", 1}});
  one.group.started({"in", 0});
  CHECK(one.group.waiting() == TPs{{"in", 1}});
  CHECK_FALSE(one.group.is_waiting({"in", 0}));
  CHECK(one.group.is_waiting({"in", 1}));
  CHECK(one.events.empty());
}

TEST_CASE("membership: the owner settles before a partition goes; it has left until the next poll") {
  Member one;
  one.group.join();
  one.poll();
  one.group.started({"in", 0});
  one.consumer().revoke({{"in", 0}, {"in", 1}}, nullptr);
  one.poll();
  CHECK(one.events == std::vector<std::string>{"revoke", "gone 0", "gone 1"});
  CHECK(one.group.waiting().empty());
  CHECK(one.group.has_left({"in", 0}));
  one.poll();
  CHECK_FALSE(one.group.has_left({"in", 0}));
}

TEST_CASE("membership: lost partitions are told as lost") {
  Member one;
  one.group.join();
  one.poll();
  one.start_all();
  one.consumer().take_and_give(true);
  one.poll();
  CHECK(one.events == std::vector<std::string>{"lost", "gone 0", "gone 1"});
  CHECK(one.group.waiting().size() == 2);
}

TEST_CASE(
    "membership: what the owner throws comes out of look(), not through the client; the partition is gone") {
  Member one;
  one.group.join();
  one.poll();
  one.start_all();
  one.failure = std::make_exception_ptr(Error(ExitCode::delivery, "cannot commit"));
  one.consumer().revoke({{"in", 0}}, nullptr);
  CHECK_NOTHROW(one.poll());
  CHECK(one.events == std::vector<std::string>{"revoke", "gone 0"});
  // Not asked again before it was said.
  one.consumer().revoke({{"in", 1}}, nullptr);
  one.poll();
  CHECK(one.events.back() == "gone 1");
  CHECK(one.events.size() == 3);
  CHECK_THROWS_AS(one.group.look(), Error);
  CHECK_NOTHROW(one.group.look());
}

TEST_CASE(
    "membership: partitions are held as the member that they were given to, whatever its id is now (2)") {
  Member one;
  one.group.join();
  one.poll();
  one.start_all();
  one.group.look();
  CHECK(one.group.held_as() == "member");
  one.consumer().rejoin_in_secret();
  one.group.note_member();
  CHECK(one.group.member_id() == "member+");
  one.consumer().give({"in", 0});  // more, while others are held
  one.poll();
  CHECK(one.group.held_as() == "member");
  one.consumer().revoke({{"in", 0}, {"in", 1}}, nullptr);
  one.poll();
  one.consumer().give({"in", 1});
  one.poll();
  CHECK(one.group.held_as() == "member+");
}

TEST_CASE("membership: a loop that stood still was away; one that was only slow was not") {
  Member one;
  one.group.join();
  one.clock.jump(2'000);
  one.group.look();
  CHECK_FALSE(one.group.was_away());
  one.clock.jump(3'000);
  one.group.look();
  CHECK(one.group.was_away());
}

TEST_CASE("membership: leaving gives everything up, and an outage does not keep anybody") {
  Member one;
  one.job.verbose = 1;
  one.group.join();
  one.poll();
  one.start_all();
  one.group.leave(false);
  CHECK(one.events == std::vector<std::string>{"revoke", "gone 0", "gone 1"});
  one.broker.fault = testing::FakeBroker::Fault::fatal_before;
  one.broker.fault_at = one.broker.calls + 1;
  CHECK_NOTHROW(one.group.leave(false));
  REQUIRE(one.log.notes.size() == 1);
  CHECK(one.log.notes[0] == "closed without leaving the group in order: injected: leave");
}

}  // namespace
}  // namespace kutils::flow
