// What a worker's transactions promise: all of one or nothing of it, two ids in turn, an end after too many that
// fail. And what is done again when a record fails half-way.
#include "flow/transaction/transaction_manager.h"

#include "flow/transaction/replay.h"
#include "support/catch.h"
#include "support/part_of_worker.h"

namespace kutils::flow {
namespace {

using testing::FakeBroker;
using testing::FakeConsumer;
using Values = std::vector<std::string>;

struct NoRebalance final : kafka::RebalanceListener {
  void on_assigned(const std::vector<kafka::TopicPartition>&) override {}
  void on_revoked(const std::vector<kafka::TopicPartition>&, bool) override {}
};

struct Bench : testing::PartOfWorker {
  Assignment owned;
  CommitMemory memory{""};
  FakeConsumer consumer{broker};
  std::optional<TransactionManager> transaction;

  Bench() {
    Batch batch;
    NoRebalance nobody;
    consumer.subscribe({"in"});
    consumer.poll(batch, Millis(0), nobody);
  }
  void open() { transaction.emplace(context(), *slot, nullptr, owned, memory); }
  void write(const std::string& value) {
    Output output;
    output.value = MaybeBytes(value);
    CHECK_FALSE(transaction->outputs().write(nullptr, output));
  }
  void commit(int64_t offset) { transaction->commit({{{"in", 0}, offset, {}}}, consumer, "member", 0); }
  Values out() { return broker.read("out", 0); }
};

TEST_CASE("transactions: outputs and positions become final together; what is aborted was never there") {
  Bench one;
  one.open();
  CHECK(one.broker.initialised.size() == 2);
  one.write("a");  // opens one
  CHECK(one.transaction->is_open());
  CHECK(one.out().empty());
  CHECK_FALSE(one.transaction->has_committed());
  one.commit(1);
  CHECK(one.out() == Values{"a"});
  CHECK(one.broker.committed_offsets.at({"in", 0}).offset == 1);
  CHECK(one.transaction->has_committed());
  one.write("b");
  one.transaction->abort();
  one.transaction->abort();  // there is none: nothing to do
  one.write("c");
  one.commit(3);
  CHECK(one.out() == Values{"a", "c"});
  CHECK(one.broker.committed_offsets.at({"in", 0}).offset == 3);
  CHECK(one.broker.violations.empty());  // two ids in turn (3)
  CHECK(one.broker.transactions[1].id != one.broker.transactions[2].id);
}

TEST_CASE("transactions: none without positions (1), none under another member id (2)") {
  Bench one;
  one.open();
  one.write("a");
  CHECK_THROWS_AS(one.transaction->commit({}, one.consumer, "member", 0), kafka::KafkaError);
  CHECK(one.transaction->is_open());
  CHECK_THROWS_AS(one.transaction->commit({{{"in", 0}, 1, {}}}, one.consumer, "another", 0),
                  kafka::KafkaError);
  CHECK(one.transaction->is_open());
  one.transaction->abort();
  CHECK(one.out().empty());
  CHECK(one.broker.committed_offsets.empty());
}

TEST_CASE("transactions: at least once there are none; outputs stand before their positions do (5)") {
  Bench one;
  one.plan.exactly_once = false;
  one.open();
  CHECK(one.broker.initialised.empty());
  one.write("a");
  one.transaction->abort();
  one.write("b");
  CHECK(one.out() == Values{"a", "b"});
  one.commit(2);
  CHECK(one.broker.committed_offsets.at({"in", 0}).offset == 2);
}

TEST_CASE("transactions: what is visible is committed sooner than what only moves positions") {
  Bench one;
  one.job.commit_min = Millis(100);
  one.job.commit_max = Millis(1000);
  one.open();
  one.transaction->begin_if_needed();
  one.clock.jump(200);
  CHECK_FALSE(one.transaction->due(0, 0));
  CHECK(one.transaction->poll_timeout(0, 0) > Millis(700));
  CHECK(one.transaction->due(0, 1));  // a row of the state
  one.write("a");
  CHECK(one.transaction->due(0, 0));
  CHECK(one.transaction->poll_timeout(0, 0) == Millis(0));
  one.commit(1);
  one.transaction->begin_if_needed();
  one.clock.jump(200);
  CHECK_FALSE(one.transaction->due(0, 0));  // what was written before is committed
}

TEST_CASE("transactions: too many aborts in a row end it; a commit between them begins the count again") {
  Bench one;
  one.open();
  const kafka::KafkaError error = FakeBroker::error(kafka::Severity::abort, "no");
  CHECK(one.transaction->count_abort(error) == Millis(20));
  for (int i = 1; i < 60; ++i) CHECK(one.transaction->count_abort(error) <= Millis(1000));
  one.write("a");
  one.commit(1);
  CHECK(one.transaction->count_abort(error) == Millis(20));
  for (int i = 1; i < 60; ++i) one.transaction->count_abort(error);
  CHECK_THROWS_AS(one.transaction->count_abort(error), Error);
}

TEST_CASE("transactions: a kill while one is open leaves nothing of it, and its successor goes on") {
  Bench one;
  one.open();
  one.write("a");
  one.open();  // drops the old one without a call
  CHECK(one.out().empty());
  one.write("b");
  one.commit(1);
  CHECK(one.out() == Values{"b"});
}

TEST_CASE("replay: goes up to the record that failed, in its partition, and is tried once") {
  Replay replay;
  CHECK_FALSE(replay.begin());  // nothing failed
  OwnedPartition at, other;
  at.at = {"in", 1}, other.at = {"in", 0};
  at.end = other.end = 100;
  Record record;
  record.topic = "in";
  record.partition = 1;
  record.offset = 7;
  Report::Counts counts;
  counts.failures = 3;
  replay.failed(&record, counts);
  CHECK(replay.end_of(at) == 100);  // not begun
  REQUIRE(replay.begin());
  CHECK(replay.is_on());
  CHECK(replay.end_of(at) == 7);
  CHECK(replay.end_of(other) == 100);
  at.end = 5;
  CHECK(replay.end_of(at) == 5);
  at.next = 6;
  CHECK_FALSE(replay.reached(at));
  at.next = 7;
  CHECK(replay.reached(at));
  // Another failure on the way: that is the end of it.
  record.offset = 2;
  replay.failed(&record, Report::Counts());
  CHECK_FALSE(replay.begin());
  CHECK(replay.at() == kafka::TopicPartition{"in", 1});
  CHECK(replay.counts().failures == 3);
}

TEST_CASE("replay: a failure that no record can be told for is not done again, whatever failed before") {
  Replay replay;
  Record record;
  record.topic = "in";
  record.partition = 0;
  record.offset = 7;
  replay.failed(&record, Report::Counts());
  replay.failed(nullptr, Report::Counts());
  CHECK_FALSE(replay.begin());
}

}  // namespace
}  // namespace kutils::flow
