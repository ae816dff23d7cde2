// A batch as runs: what goes to a stage together, what goes to none, and how far each partition is.
#include "flow/run/partition_runs.h"

#include <map>

#include "support/catch.h"
#include "support/part_of_worker.h"

namespace kutils::flow {
namespace {

using testing::FakeConsumer;
using testing::record_at;
using TP = kafka::TopicPartition;

struct Runs : testing::PartOfWorker, PartitionOwner {
  Assignment owned;
  Replay replay;
  GroupMembership membership{context(), *slot, *this};
  PartitionRuns runs{owned, membership, replay};
  std::vector<Record> records;

  void before_revoke(bool) override {}
  void revoked(const TP&) override {}
  bool comes_more(const TP&, int64_t) const override { return false; }

  OwnedPartition& own(int32_t partition, int64_t next, std::optional<int64_t> end = std::nullopt) {
    OwnedPartition one;
    one.at = {"in", partition};
    one.next = next;
    one.end = end;
    one.at_log_end = true;
    return owned.add(std::move(one));
  }
  void add(int32_t partition, int64_t offset) {
    static const TP kAt[] = {{"in", 0}, {"in", 1}, {"in", 2}};
    records.push_back(record_at(kAt[partition], offset));
  }
  std::map<int32_t, int64_t> settle(size_t done) {
    std::map<int32_t, int64_t> last;
    runs.settle(records, done, [&](OwnedPartition& partition, const Record& record) {
      CHECK(last.emplace(partition.at.partition, record.offset).second);
    });
    return last;
  }
};

TEST_CASE("runs: a stage of its own gets the records of one partition, one for all those of several") {
  Runs one;
  one.own(0, 5), one.own(1, 0);
  one.add(0, 5), one.add(0, 6), one.add(1, 0), one.add(0, 9);
  one.runs.begin();
  CHECK(one.runs.gather(one.records, 0, false) == 2);
  CHECK(one.runs.first().at.partition == 0);
  CHECK_FALSE(one.runs.first().at_log_end);
  CHECK(one.owned.find("in", 1)->at_log_end);
  CHECK(one.runs.gather(one.records, 2, false) == 3);
  CHECK(one.runs.first().at.partition == 1);
  CHECK(one.runs.gather(one.records, 3, false) == 4);
  CHECK(one.settle(4) == std::map<int32_t, int64_t>{{0, 9}, {1, 0}});
  one.runs.begin();
  CHECK(one.runs.gather(one.records, 0, true) == 4);
  CHECK(one.settle(3) == std::map<int32_t, int64_t>{{0, 6}, {1, 0}});
}

TEST_CASE("runs: records of an internal topic and of what is read beside it go to their stage apart") {
  Runs one;
  OwnedPartition& internal = one.own(0, 0);
  internal.is_internal = true;
  one.own(1, 0).first_source = &internal;
  one.own(2, 0).first_source = &internal;
  one.add(0, 0), one.add(1, 0), one.add(2, 0), one.add(0, 1), one.add(0, 2);
  one.runs.begin();
  CHECK(one.runs.gather(one.records, 0, false) == 1);
  CHECK(one.runs.first().is_internal);
  CHECK(one.runs.gather(one.records, 1, false) == 3);
  CHECK_FALSE(one.runs.first().is_internal);
  CHECK(one.runs.gather(one.records, 3, false) == 5);
  CHECK(one.runs.first().is_internal);
  CHECK(one.settle(5) == std::map<int32_t, int64_t>{{0, 2}, {1, 0}, {2, 0}});
}

TEST_CASE("runs: records that were seen, are not ours or are behind the end go to no stage") {
  Runs one;
  one.own(0, 5, 7), one.own(1, 0);
  one.add(0, 4), one.add(2, 0), one.add(0, 5), one.add(0, 7), one.add(0, 8);
  one.runs.begin();
  CHECK(one.runs.gather(one.records, 0, false) == 0);
  CHECK(one.runs.pass_over(one.records[0], 0));  // again (rule 15)
  CHECK(one.runs.gather(one.records, 1, false) == 1);
  CHECK_FALSE(one.runs.pass_over(one.records[1], 1));
  CHECK(one.runs.gather(one.records, 2, false) == 3);
  CHECK(one.runs.gather(one.records, 3, false) == 3);
  CHECK_FALSE(one.runs.pass_over(one.records[3], 3));
  CHECK(one.runs.gather(one.records, 4, false) == 4);
  CHECK_FALSE(one.runs.pass_over(one.records[4], 4));
  // Behind the end: all before it is done, the caller bounds the position by the end.
  CHECK(one.settle(5) == std::map<int32_t, int64_t>{{0, 8}});
}

TEST_CASE("runs: what a stage that ended was not given does not count as done") {
  Runs one;
  one.own(0, 0), one.own(1, 0);
  one.add(0, 0), one.add(1, 0), one.add(1, 1), one.add(0, 1);
  one.runs.begin();
  CHECK(one.runs.gather(one.records, 0, true) == 4);
  one.runs.taken(2);
  CHECK(one.settle(4) == std::map<int32_t, int64_t>{{0, 0}, {1, 0}});
  one.runs.begin();
  one.runs.gather(one.records, 0, true);
  one.runs.taken(0);
  CHECK(one.settle(4).empty());
}

TEST_CASE("runs: a partition that went since the batch was read comes again, whoever has it now") {
  Runs one;
  one.membership.join();
  Batch batch;
  one.membership.poll(batch, Millis(0));
  FakeConsumer::broker_member()->revoke({{"in", 0}}, nullptr);
  one.membership.poll(batch, Millis(0));
  one.own(0, 0), one.own(1, 0);  // it came back
  one.add(0, 0), one.add(1, 0);
  one.runs.begin();
  CHECK(one.runs.gather(one.records, 0, true) == 0);
  CHECK_FALSE(one.runs.pass_over(one.records[0], 0));
  CHECK(one.runs.gather(one.records, 1, true) == 2);
  CHECK(one.settle(2) == std::map<int32_t, int64_t>{{1, 0}});
}

TEST_CASE("runs: a replay stops before the record that failed") {
  Runs one;
  one.own(0, 0);
  one.add(0, 0), one.add(0, 1), one.add(0, 2);
  one.replay.failed(&one.records[1], Report::Counts());
  one.runs.begin();
  CHECK(one.runs.gather(one.records, 0, false) == 3);
  one.replay.begin();
  one.runs.begin();
  CHECK(one.runs.gather(one.records, 0, false) == 1);
}

}  // namespace
}  // namespace kutils::flow
