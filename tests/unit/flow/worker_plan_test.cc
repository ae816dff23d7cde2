// What is found out about a group before it is joined.
#include "flow/run/worker_plan.h"

#include "flow/membership/origins.h"
#include "flow/tasks/input_positions.h"
#include "support/catch.h"
#include "support/fake_environment.h"
#include "support/fixed_admin.h"
#include "support/part_of_worker.h"
#include "support/positions_reader.h"

namespace kutils::flow {
namespace {

using Catch::Matchers::ContainsSubstring;
using TP = kafka::TopicPartition;

// A sibling commits after our first look at the group's offsets in IN.
struct SiblingBegins final : test::FixedAdmin {
  std::string fingerprint;  // of its commit; empty: it commits nothing
  bool behind = false;      // it has committed offsets of the internal topic, too
  int looks = 0;            // at IN

  std::vector<kafka::PartitionOffset> committed(const std::string&,
                                                const std::vector<TP>& partitions) override {
    std::vector<kafka::PartitionOffset> out;
    const bool is_in = partitions.front().topic == "in";
    looks += is_in;
    for (const TP& at : partitions) {
      const bool is_there = is_in ? looks > 1 && !fingerprint.empty() : behind;
      out.push_back({at, is_there ? 5 : kafka::kOffsetNone, is_there ? fingerprint : std::string()});
    }
    return out;
  }
};

struct Bench : testing::FakeEnvironment {
  SiblingBegins admin;
  Job job;

  Bench() {
    admin.known = {{"in", 2, 1}, {"out", 2, 1}, {"g-repartition", 2, 1}, {"g-changelog", 2, 1}};
    admin.configs["g-changelog"] = {{"cleanup.policy", "compact"}};
    job.tool = "ktable";
    job.in = {io::EndpointKind::topic, false, "in", {}};
    job.out = {io::EndpointKind::topic, false, "out", {}};
    job.group = "g";
    const StageFactory none = [](const StageContext&) -> std::unique_ptr<Stage> { return nullptr; };
    job.topology.add({"key", none});
    job.topology.add_internal_topic();
    job.topology.add({"groups", none, true});
  }
  WorkerPlan prepared() {
    const Environment here = around();
    return prepare(job, here, admin, log);
  }
};

// Every record is `value`.
class SameEverywhere final : public testing::PositionsReader {
 public:
  explicit SameEverywhere(const std::string& value) : value_(value) {}
  kafka::Polled poll(Batch& batch, Millis) override {
    for (const auto& [at, position] : positions_)
      batch.records().push_back(testing::record_at(at, position, value_));
    return {true, {}};
  }

 private:
  const std::string& value_;
};

// The cluster has forgotten the group's offsets in IN, of which the changelog knows.
struct Forgotten : Bench {
  std::string value = "x";

  Forgotten() {
    admin.known.back().partitions = 3;
    admin.marks[{"in", 0}] = admin.marks[{"in", 1}] = {0, 100};
    broker.add_topic("g-changelog", 3);
  }
  // `mark`: of the last record that was read.
  void stood_at(const TP& at, int64_t offset, std::optional<int64_t> mark) {
    std::string metadata = Fingerprint(job, {{"in", 2}}).encoded();
    if (mark) metadata = with_mark(metadata, {*mark, digest_of(testing::record_at(at, *mark, "x"))});
    broker.write_keyed("g-changelog", 2, position_key(at), position_value({at, offset, metadata}));
    admin.marks[{"g-changelog", 2}] = {0, static_cast<int64_t>(broker.topics.at("g-changelog")[2].size())};
  }
  WorkerPlan prepared() {
    Environment here = around();
    here.make_mark_reader = [this] { return std::make_unique<SameEverywhere>(value); };
    return prepare(job, here, admin, log);
  }
  std::vector<std::string> notes() const {
    std::vector<std::string> found;
    for (const std::string& note : log.notes)
      if (note.find("no offsets in in any more") != note.npos) found.push_back(note);
    return found;
  }
};

}  // namespace

// Whoever joins looks for partitions that no member was given (unassigned_partition_monitor.h).
TEST_CASE("The group gives out the partitions of the internal topic, too") {
  Bench bench;
  CHECK(bench.prepared().given_partitions() ==
        std::vector<TP>{{"in", 0}, {"in", 1}, {"g-repartition", 0}, {"g-repartition", 1}});
}

TEST_CASE(
    "IN's partitions are read at one pace where windows behind an internal topic wait for all of them") {
  Bench table;
  CHECK_FALSE(table.prepared().at_one_pace);
  Bench windows;
  windows.job.topology.last().next_close = [](int64_t time) { return time + 1; };
  CHECK(has_windows_behind_sources(windows.job));
  CHECK(windows.prepared().at_one_pace);
  CHECK_FALSE(windows.prepared().in_order_of_time);
  Bench one;
  one.job = windows.job;
  for (kafka::TopicInfo& topic : one.admin.known) topic.partitions = 1;
  CHECK_FALSE(one.prepared().at_one_pace);
  Bench many;
  many.job = windows.job;
  for (kafka::TopicInfo& topic : many.admin.known) topic.partitions = 7;
  CHECK_FALSE(many.prepared().at_one_pace);
  // Windows that do not tell them apart need the order itself.
  Bench behind_state;
  behind_state.job.topology.add(windows.job.topology.last());
  CHECK_FALSE(behind_state.prepared().at_one_pace);
  CHECK(behind_state.prepared().in_order_of_time);
}

TEST_CASE("forgotten offsets: a group goes on where its changelog says, if the topic is the same") {
  Forgotten bench;
  SECTION("a record that was read is known again, which tells of all partitions") {
    bench.stood_at({"in", 0}, 40, 39);
    bench.stood_at({"in", 1}, 50, std::nullopt);
    const WorkerPlan plan = bench.prepared();
    CHECK(plan.begun.size() == 2);
    CHECK(plan.earlier_counts.at("in") == 2);
    CHECK(bench.notes().size() == 1);
  }
  SECTION("nothing would be skipped") {
    bench.admin.marks[{"in", 1}].low = 50;
    bench.stood_at({"in", 0}, 0, std::nullopt);
    bench.stood_at({"in", 1}, 50, std::nullopt);
    CHECK(bench.prepared().begun.size() == 2);
    CHECK(bench.notes().size() == 1);
  }
  SECTION("another record is there") {
    bench.value = "y";
    bench.stood_at({"in", 0}, 40, 39);
    CHECK_THROWS_WITH(bench.prepared(), ContainsSubstring("in [0] @ 39 is not the one"));
    CHECK(bench.notes().empty());
  }
  SECTION("it began behind records and has read none: nothing tells whether they are the same") {
    bench.stood_at({"in", 0}, 0, std::nullopt);
    bench.stood_at({"in", 1}, 50, std::nullopt);
    CHECK_THROWS_WITH(bench.prepared(),
                      ContainsSubstring("offset 50 of partition 1") &&
                          ContainsSubstring("not known whether the topic was deleted and recreated"));
    CHECK(bench.notes().empty());
  }
  SECTION("what refuses the run comes before the note") {
    bench.stood_at({"in", 0}, 40, 39);
    bench.job.settings = {{"AGGS", "other()"}};
    CHECK_THROWS_WITH(bench.prepared(), ContainsSubstring("stores another configuration"));
    CHECK(bench.notes().empty());
  }
}

TEST_CASE("a group that has processed no record takes another configuration, one that has does not") {
  struct Committed final : test::FixedAdmin {
    std::vector<std::string> metadata;  // by partition; empty: no offset
    std::vector<kafka::GroupMember> who;
    std::vector<kafka::PartitionOffset> committed(const std::string&, const std::vector<TP>& all) override {
      std::vector<kafka::PartitionOffset> out;
      for (const TP& at : all) {
        const std::string& text = metadata[static_cast<size_t>(at.partition)];
        out.push_back({at, text.empty() ? kafka::kOffsetNone : 5, text});
      }
      return out;
    }
    std::vector<kafka::GroupMember> group_members(const std::string&) override { return who; }
  } admin;
  testing::FakeEnvironment bench;
  Job job;
  admin.known = {{"in", 2, 1}, {"out", 2, 1}};
  job.tool = "kfilter";
  job.in = {io::EndpointKind::topic, false, "in", {}};
  job.out = {io::EndpointKind::topic, false, "out", {}};
  job.group = "g";
  job.settings = {{"EXPR", "a"}};
  job.set_stage([](const StageContext&) -> std::unique_ptr<Stage> { return nullptr; });
  const std::string fingerprint = Fingerprint(job, {{"in", 2}}).encoded();
  job.settings = {{"EXPR", "b"}};
  const auto is_refused = [&] {
    const Environment here = bench.around();
    try {
      return !prepare(job, here, admin, bench.log).accepts_change;
    } catch (const Error& error) {
      CHECK_THAT(error.what(), ContainsSubstring("stores another configuration"));
      return true;
    }
  };
  admin.metadata = {with_start(fingerprint), with_start(fingerprint)};
  CHECK_FALSE(is_refused());
  admin.metadata[1].clear();
  CHECK_FALSE(is_refused());
  admin.metadata[1] = with_mark(fingerprint, {4, 1});
  CHECK(is_refused());
  admin.metadata[1] = fingerprint;  // of an earlier version
  CHECK(is_refused());
  admin.metadata[1] = with_start(fingerprint);
  admin.who = {{"g.x.0", "m"}};
  CHECK(is_refused());
}

TEST_CASE(
    "a group with state that has processed no record takes another configuration, unless its changelog has rows") {
  Forgotten bench;
  bench.admin.fingerprint = with_start(Fingerprint(bench.job, {{"in", 2}}).encoded());
  bench.admin.looks = 1;
  bench.job.settings = {{"AGGS", "other()"}};
  bench.admin.marks[{"g-changelog", 0}] = bench.admin.marks[{"g-changelog", 1}] = {0, 0};
  bench.stood_at({"in", 0}, 5, std::nullopt);
  const auto note = [&] {
    return std::count_if(bench.log.notes.begin(), bench.log.notes.end(), [](const std::string& one) {
      return one.find("has processed no record yet") != one.npos;
    });
  };
  SECTION("only positions") {
    CHECK(bench.prepared().accepts_change);
    CHECK(note() == 1);
  }
  SECTION("a row") {
    bench.broker.write_keyed("g-changelog", 1, "\x01key", "row");
    bench.admin.marks[{"g-changelog", 1}] = {0, 1};
    CHECK_THROWS_WITH(bench.prepared(), ContainsSubstring("stores another configuration"));
  }
  SECTION("a record was processed") {
    bench.admin.fingerprint = with_mark(Fingerprint(Job(bench.job), {{"in", 2}}).encoded(), {4, 1});
    bench.job.settings = {{"AGGS", "a third one()"}};
    CHECK_THROWS_WITH(bench.prepared(), ContainsSubstring("stores another configuration"));
  }
  SECTION("a changelog of another shape") {
    bench.admin.known.back().partitions = 4;
    bench.broker.add_topic("g-changelog", 4);
    bench.admin.marks[{"g-changelog", 3}] = {0, 0};
    CHECK_THROWS_WITH(bench.prepared(), ContainsSubstring("has 4 partitions in place of 2"));
    CHECK(note() == 0);
  }
}

TEST_CASE("a sibling that begins while the group is looked at has lost nothing") {
  Bench bench;
  bench.admin.fingerprint = Fingerprint(bench.job, {{"in", 2}}).encoded();
  SECTION("its state was seen") { bench.admin.marks[{"g-changelog", 1}] = {0, 7}; }
  SECTION("its offsets behind the internal topic were seen") { bench.admin.behind = true; }
  const WorkerPlan plan = bench.prepared();
  CHECK(plan.earlier_counts.at("in") == 2);
  CHECK(plan.begun.size() == 2);
}

TEST_CASE("state without offsets is refused, and offsets behind an internal topic without those before it") {
  Bench bench;
  bench.admin.marks[{"g-changelog", 1}] = {0, 7};
  CHECK_THROWS_WITH(bench.prepared(), ContainsSubstring("group g has state, but no offsets"));
  bench.admin.behind = true;
  CHECK_THROWS_WITH(bench.prepared(), ContainsSubstring("group g has run before, but has no offsets in in"));
}

}  // namespace kutils::flow
