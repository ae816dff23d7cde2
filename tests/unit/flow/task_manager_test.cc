// The worker's tasks without a worker: where they start, what they commit, how they end; and what there is to do
// for internal topics.
#include "flow/tasks/task_manager.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "flow/membership/served_at.h"
#include "support/catch.h"
#include "support/part_of_worker.h"
#include "support/positions_reader.h"
#include "support/simulated_state.h"

namespace kutils::flow {
namespace {

using testing::FakeBroker;
using testing::FakeConsumer;
using testing::record_at;
using TP = kafka::TopicPartition;

// A timer that is due at `due_ms`, once.
class TimedStage final : public testing::PickyStage {
 public:
  explicit TimedStage(std::optional<int64_t> due_ms) : due_ms_(due_ms) {}
  std::optional<int64_t> next_wakeup() const override { return due_ms_; }
  void tick(int64_t, Emitter& out) override {
    due_ms_.reset();
    Output output;
    output.value = MaybeBytes("tick");
    out.emit(nullptr, output);
  }

 private:
  std::optional<int64_t> due_ms_;
};

// Reads what the broker has now.
class MarkReader final : public testing::PositionsReader {
 public:
  explicit MarkReader(FakeBroker& broker) : broker_(broker) {}
  kafka::Polled poll(Batch& batch, Millis) override {
    kafka::Polled polled;
    for (auto& [at, position] : positions_) {
      const auto end = static_cast<int64_t>(broker_.last_stable(at));
      const FakeBroker::Entry* entry = nullptr;
      while (position < end && !entry) entry = broker_.committed_entry(at, static_cast<size_t>(position++));
      if (entry)
        batch.records().push_back(record_at(at, position - 1, entry->value));
      else
        polled.ends.push_back({at, end, {}});
    }
    return polled;
  }

 private:
  FakeBroker& broker_;
};

struct Bench : testing::PartOfWorker, PartitionOwner {
  Assignment owned;
  CommitMemory memory{""};
  Report report{log};
  std::vector<testing::Disk> disks = std::vector<testing::Disk>(2);
  int stages = 0;
  std::optional<int64_t> timer_of_1;  // of partition 1
  std::optional<TransactionManager> transaction;
  std::optional<Processor> processor;
  std::optional<Origins> origins;
  std::optional<TaskManager> tasks;
  std::optional<GroupMembership> membership;

  void before_revoke(bool) override {}
  void revoked(const TP& at) override { tasks->drop(at); }
  bool comes_more(const TP&, int64_t) const override { return false; }

  void have_state() {
    broker.add_topic("changelog", 2);
    plan.changelog = "changelog";
    plan.fingerprint = Fingerprint(job, plan.inputs).encoded();
    plan.subs.front().first_state = 0;
    job.open_state = [this](const StatePlace& place, const Environment&, kafka::Admin&) {
      auto& disk = disks[static_cast<size_t>(place.changelog.partition)];
      return std::make_unique<testing::SimulatedOpening>(broker, disk, place, executor);
    };
  }
  void have_origins() {
    environment.make_mark_reader = [this] { return std::make_unique<MarkReader>(broker); };
    origins.emplace(context());
  }
  void open() {
    job.set_stage(
        [this](const StageContext& context) {
          ++stages;
          return std::make_unique<TimedStage>(context.partition == 1 ? timer_of_1 : std::nullopt);
        },
        plan.subs.front().first_state.has_value());
    transaction.emplace(context(), *slot, nullptr, owned, memory);
    processor.emplace(OnError::Policy::fail, Processor::Limits{}, transaction->outputs(), report, stop,
                      clock);
    tasks.emplace(context(), owned, *transaction, *processor, origins ? &*origins : nullptr, false);
    membership.emplace(context(), *slot, static_cast<PartitionOwner&>(*this));
    membership->join();
    Batch batch;
    membership->poll(batch, Millis(0));
  }
  bool start() {
    open();
    const bool commits = tasks->admit(*membership);
    REQUIRE(membership->waiting().empty());
    return commits;
  }
  void commit(int64_t lag = 0) {
    transaction->begin_if_needed();
    transaction->commit(tasks->positions_to_commit(), membership->consumer(), membership->held_as(), lag);
    tasks->committed();
  }
  OwnedPartition& at(int32_t partition) { return *owned.find("in", partition); }
  int64_t group_offset(int32_t partition) { return broker.committed_offsets.at({"in", partition}).offset; }
};

TEST_CASE("tasks: start where the group stands; where it knows nothing, -o's place is committed first") {
  Bench one;
  for (int i = 0; i < 9; ++i) one.broker.write("in", 1, "x");
  one.job.range.from = "end";
  one.broker.committed_offsets[{"in", 0}] = {{"in", 0}, 3, "f"};
  CHECK_FALSE(one.start());
  CHECK(one.at(0).next == 3);
  CHECK(one.at(1).next == 9);
  CHECK(one.group_offset(1) == 9);
  CHECK(one.broker.committed_offsets.at({"in", 1}).metadata == with_all_begun(with_start("f")));
  CHECK_FALSE(one.tasks->positions_moved());
  CHECK(one.stages == 1);  // one for all
  CHECK(one.tasks->has_one_stage());
}

TEST_CASE("tasks: a commit says when the group has an offset of each partition, and not before") {
  Bench one;
  one.plan.inputs.emplace_back("beside", 1);  // another member's
  one.start();
  one.tasks->processed(one.at(0), record_at({"in", 0}, 6), 100, 0);
  one.commit();
  CHECK_FALSE(is_all_begun(one.broker.committed_offsets.at({"in", 0}).metadata));
  Bench next;
  next.plan.inputs.emplace_back("beside", 1);
  next.plan.begun = {{"beside", 0}};
  next.start();
  CHECK(is_all_begun(next.broker.committed_offsets.at({"in", 0}).metadata));
  next.tasks->processed(next.at(0), record_at({"in", 0}, 6), 100, 0);
  next.commit();
  CHECK(is_all_begun(next.broker.committed_offsets.at({"in", 0}).metadata));
}

TEST_CASE(
    "tasks: an offset that is gone when its partition comes is refused, if the group had it at the start") {
  Bench one;
  for (int i = 0; i < 9; ++i) one.broker.write("in", 1, "x");
  one.broker.committed_offsets[{"in", 0}] = {{"in", 0}, 3, "f"};
  one.plan.begun = {{"in", 0}, {"in", 1}};
  one.open();
  CHECK_THROWS_WITH(one.tasks->admit(*one.membership),
                    Catch::Matchers::ContainsSubstring(
                        "group g has read in [1] before, but the cluster has no offset there"));
}

TEST_CASE("tasks: a group that was for something else learns what it is for now") {
  Bench one;
  one.broker.committed_offsets[{"in", 0}] = {{"in", 0}, 3, "earlier"};
  one.broker.committed_offsets[{"in", 1}] = {{"in", 1}, 3, "f"};
  one.start();
  CHECK(one.tasks->positions_moved());
  const auto offsets = one.tasks->positions_to_commit();
  REQUIRE(offsets.size() == 1);
  CHECK(offsets[0].at == TP{"in", 0});
  CHECK(offsets[0].offset == 3);
  CHECK(offsets[0].metadata == with_all_begun("f"));
}

TEST_CASE("tasks: what moved is committed; where nothing did, all positions stand for the transaction (1)") {
  Bench one;
  one.start();
  CHECK(one.tasks->positions_to_commit().size() == 2);
  one.tasks->processed(one.at(1), record_at({"in", 1}, 6), 100, 0);
  CHECK(one.at(1).next == 7);
  one.tasks->processed(one.at(0), record_at({"in", 0}, 6), 5, 0);  // a run's end
  CHECK(one.at(0).next == 5);
  CHECK(one.tasks->positions_moved());
  one.commit();
  CHECK(one.group_offset(0) == 5);
  CHECK(one.group_offset(1) == 7);
  CHECK_FALSE(one.tasks->positions_moved());
  CHECK(one.broker.violations.empty());
}

TEST_CASE("tasks: after an abort stages are new and positions the group's; a lost offset is refused") {
  Bench one;
  one.start();
  one.tasks->processed(one.at(0), record_at({"in", 0}, 6), 100, 0);
  one.commit();
  one.tasks->processed(one.at(0), record_at({"in", 0}, 8), 100, 0);
  one.tasks->aborted();
  one.tasks->rewind(one.membership->consumer());
  CHECK(one.stages == 2);
  CHECK(one.at(0).next == 7);
  CHECK_FALSE(one.tasks->positions_moved());
  one.broker.committed_offsets.clear();
  CHECK_THROWS_WITH(one.tasks->rewind(one.membership->consumer()),
                    Catch::Matchers::ContainsSubstring("group g has lost its offset in in [0], which was 7"));
}

TEST_CASE("tasks: where nothing was done since, an abort leaves nothing to commit (1)") {
  // An offset that is committed a second time may overtake what another member has committed since.
  Bench one;
  one.broker.committed_offsets[{"in", 0}] = {{"in", 0}, 3, with_mark("f", {2, 77})};
  one.broker.committed_offsets[{"in", 1}] = {{"in", 1}, 4, "f"};
  one.start();
  CHECK_FALSE(one.tasks->positions_moved());
  one.at(0).next = 7;
  one.tasks->aborted();
  one.tasks->rewind(one.membership->consumer());
  CHECK(one.at(0).next == 3);
  CHECK_FALSE(one.tasks->positions_moved());
}

TEST_CASE("tasks: with ends, a partition that is newer than they is at its end") {
  Bench one;
  for (int i = 0; i < 4; ++i) one.broker.write("in", 0, "x"), one.broker.write("in", 1, "x");
  one.plan.has_ends = true;
  one.plan.ends = {{{"in", 0}, 4}};
  one.start();
  CHECK_FALSE(one.tasks->sources_at_end());
  CHECK(one.at(1).at_end());
  CHECK(one.tasks->lag(one.membership->consumer()) == 4);
  one.tasks->met_end(one.at(0), 9, 4);  // behind a transaction's marker, and behind the end
  CHECK(one.at(0).next == 4);
  CHECK(one.tasks->sources_at_end());
  CHECK(one.tasks->lag(one.membership->consumer()) == 0);
}

TEST_CASE("tasks: what keeps an end from coming is said once, after a while") {
  Bench one;
  for (int i = 0; i < 4; ++i) one.broker.write("in", 0, "x");
  one.plan.has_ends = true;
  one.plan.ends = {{{"in", 0}, 4}, {{"in", 1}, 0}};
  one.start();
  one.tasks->met_end(one.at(0), 2, 4);
  one.tasks->tell_held_back(one.membership->consumer());
  CHECK(one.log.notes.empty());
  one.clock.jump(60'000);
  one.tasks->tell_held_back(one.membership->consumer());
  one.tasks->tell_held_back(one.membership->consumer());
  REQUIRE(one.log.notes.size() == 1);
  CHECK(one.log.notes[0].starts_with("in [0] @ 2: waiting for the end at 4"));
}

TEST_CASE(
    "tasks: a state's first position is to be committed with its meta row; then it starts there again") {
  Bench one;
  one.have_state();
  for (int i = 0; i < 9; ++i) one.broker.write("in", 0, "x");
  CHECK(one.start());
  CHECK(one.stages == 2);
  CHECK_FALSE(one.tasks->has_one_stage());
  CHECK(one.broker.committed_offsets.empty());
  one.tasks->processed(one.at(0), record_at({"in", 0}, 6), 100, 0);
  one.commit();
  CHECK(one.group_offset(0) == 7);
  CHECK(one.broker.topics.at("changelog")[0].size() == 2);  // the meta row, and the marker
  Bench next;
  next.have_state();
  next.broker.topics = one.broker.topics;
  next.broker.transactions = one.broker.transactions;
  next.broker.committed_offsets = one.broker.committed_offsets;
  next.open();
  REQUIRE_NOTHROW(next.tasks->admit(*next.membership));
  CHECK(next.at(0).next == 7);
}

// Only says where it is asked.
class ServedAt final : public RunObserver {
 public:
  explicit ServedAt(std::string address) : address_(std::move(address)) {}
  std::string served_at() const override { return address_; }
  void turned(std::optional<int64_t>, size_t) override {}
  void committed(const Report::Counts&) override {}
  void aborted() override {}
  void restarted() override {}
  void restoring(int32_t, uint64_t, uint64_t) override {}
  void opened(int32_t, state::Backend*) override {}
  void closing(int32_t) override {}

 private:
  const std::string address_;
};

TEST_CASE("tasks: commits say where rows are asked for; a new owner says it before any record comes") {
  Bench one;
  one.have_state();
  ServedAt first("one:1"), second("two:2"), nowhere("");
  one.environment.observer = &first;
  for (int i = 0; i < 9; ++i) one.broker.write("in", 0, "x");
  one.start();
  one.tasks->processed(one.at(0), record_at({"in", 0}, 6), 100, 0);
  one.commit();
  const auto address = [](Bench& bench, int32_t partition) {
    return std::string(served_at(bench.broker.committed_offsets.at({"in", partition}).metadata));
  };
  CHECK(address(one, 0) == "one:1");
  CHECK(fingerprint_of(one.broker.committed_offsets.at({"in", 0}).metadata) == one.plan.fingerprint);
  for (RunObserver* owner : {&first, &second, &nowhere}) {
    CAPTURE(owner->served_at());
    Bench next;
    next.have_state();
    next.environment.observer = owner;
    next.broker.topics = one.broker.topics;
    next.broker.transactions = one.broker.transactions;
    next.broker.committed_offsets = one.broker.committed_offsets;
    next.start();
    CHECK(next.at(0).next == 7);
    // The first owner again has nothing to tell.
    CHECK((next.at(0).next != next.at(0).committed) == (owner != &first));
    next.tasks->rewind(next.membership->consumer());
    CHECK((next.at(0).next != next.at(0).committed) == (owner != &first));
    next.commit();
    CHECK(address(next, 0) == owner->served_at());
    CHECK_FALSE(next.tasks->positions_moved());
    CHECK(next.broker.violations.empty());
  }
  // Nobody asks a tool without state for rows.
  Bench stateless;
  stateless.environment.observer = &first;
  stateless.broker.committed_offsets[{"in", 0}] = {{"in", 0}, 3, "f"};
  stateless.broker.committed_offsets[{"in", 1}] = {{"in", 1}, 3, "f"};
  stateless.start();
  CHECK_FALSE(stateless.tasks->positions_moved());
  stateless.tasks->processed(stateless.at(0), record_at({"in", 0}, 6), 100, 0);
  stateless.commit();
  CHECK(address(stateless, 0).empty());
}

// A group with state that began with -o end, and has read nothing; its offsets are gone.
struct BegunAtEnd : Bench {
  BegunAtEnd() {
    have_origins();
    have_state();
    for (int i = 0; i < 9; ++i) broker.write("in", 0, "old" + std::to_string(i));
    job.range.from = "end";
  }
  // Another process, to which the cluster gives no offsets.
  void take_over_from(BegunAtEnd& one) {
    one.start();
    one.commit();
    broker.topics = one.broker.topics;
    broker.transactions = one.broker.transactions;
  }
  void recreate(int records) {
    broker.topics.at("in")[0].clear();
    for (int i = 0; i < records; ++i) broker.write("in", 0, "new" + std::to_string(i));
  }
  void is_refused(const std::string& why) {
    open();
    CHECK_THROWS_WITH(tasks->admit(*membership), Catch::Matchers::ContainsSubstring(why));
  }
  void goes_on() {
    open();
    REQUIRE_NOTHROW(tasks->admit(*membership));
    CHECK(at(0).next == 9);
  }
};

TEST_CASE("tasks: a state that has read nothing knows the topic by the record that it began behind") {
  BegunAtEnd one, next;
  SECTION("the same topic") {
    next.take_over_from(one);
    CHECK(mark_of(one.broker.committed_offsets.at({"in", 0}).metadata).offset == 8);
    for (int i = 0; i < 9; ++i) next.broker.write("in", 0, "more");
    next.goes_on();
    // It is looked at while it runs, too.
    CHECK(mark_of(next.origins->metadata({"in", 0})).offset == 8);
  }
  SECTION("another one, filled beyond the place") {
    next.take_over_from(one);
    next.recreate(30);
    next.is_refused("the record at in [0] @ 8 is not the one");
  }
  SECTION("retention has removed all before the place: nothing is skipped") {
    next.take_over_from(one);
    for (int i = 0; i < 9; ++i) next.broker.write("in", 0, "more");
    next.broker.deleted_before[{"in", 0}] = 9;
    next.goes_on();
  }
  SECTION("the record is gone, and nothing stood between it and the place") {
    // Two aborted records before the place.
    one.broker.transactions.push_back({"t", FakeBroker::Transaction::State::aborted, {}});
    auto& log = one.broker.topics.at("in")[0];
    log[7].transaction = log[8].transaction = one.broker.transactions.size() - 1;
    next.take_over_from(one);
    next.broker.deleted_before[{"in", 0}] = 7;
    SECTION("the same topic") { next.goes_on(); }
    SECTION("another one, trimmed likewise") {
      next.recreate(30);
      next.is_refused("the record at in [0] @ 7 is not the one");
    }
  }
  SECTION("what an earlier version wrote has no such mark") {
    one.origins.reset();
    next.take_over_from(one);
    for (int i = 0; i < 9; ++i) next.broker.write("in", 0, "more");
    SECTION("records would be skipped") {
      next.is_refused("not known whether the topic was deleted and recreated");
    }
    SECTION("none would") {
      next.broker.deleted_before[{"in", 0}] = 9;
      next.goes_on();
    }
  }
}

TEST_CASE("tasks: where the group stands without a mark, the record before is one") {
  Bench one;
  one.have_origins();
  for (int i = 0; i < 9; ++i) one.broker.write("in", 0, "x"), one.broker.write("in", 1, "x");
  one.job.range.from = "end";
  one.broker.committed_offsets[{"in", 0}] = {{"in", 0}, 5, "f"};  // by koffset, or an earlier version
  one.start();
  CHECK(mark_of(one.origins->metadata({"in", 0})).offset == 4);
  const std::string fresh = one.broker.committed_offsets.at({"in", 1}).metadata;
  CHECK(is_start(fresh));
  CHECK(mark_of(fresh).offset == 8);
}

TEST_CASE("tasks: a timer's outputs belong to its task, whose position goes along") {
  Bench one;
  one.have_state();
  one.timer_of_1 = one.clock.wall_ms() + 5'000;
  one.start();
  for (int i = 0; i < 10; ++i) one.commit(1'000'000);  // much input waits: commits become rare
  CHECK(one.tasks->until_timer(Millis(10'000)) < Millis(5'000));
  CHECK(one.tasks->until_timer(Millis(100)) == Millis(100));
  one.tasks->tick();
  CHECK_FALSE(one.transaction->is_open());
  one.clock.jump(6'000);
  CHECK(one.tasks->until_timer(Millis(100)) == Millis(0));
  one.tasks->tick();
  CHECK(one.transaction->is_open());
  // What was due by the clock waits for no rare one.
  one.clock.jump(20);
  CHECK(one.transaction->due(1'000'000, 0));
  CHECK_FALSE(one.tasks->positions_moved());
  const auto offsets = one.tasks->positions_to_commit();
  REQUIRE(offsets.size() == 1);
  CHECK(offsets[0].at == TP{"in", 1});
  one.commit(1'000'000);
  CHECK(one.at(1).touched == false);
  Output output;
  output.value = MaybeBytes("of a record");
  one.transaction->outputs().write(nullptr, output);
  one.clock.jump(20);
  CHECK_FALSE(one.transaction->due(1'000'000, 0));
}

TEST_CASE("tasks: a state that cannot be closed goes with its partition all the same, and is told") {
  Bench one;
  one.have_state();
  one.start();
  one.commit();
  CHECK_NOTHROW(one.tasks->throw_unwritten());
  one.broker.fault = FakeBroker::Fault::abort_before;
  one.broker.fault_at = one.broker.calls + 1;
  one.tasks->drop({"in", 0});
  CHECK(one.owned.find("in", 0) == nullptr);
  one.tasks->drop({"in", 1});
  CHECK(one.owned.empty());
  CHECK_THROWS_WITH(one.tasks->throw_unwritten(), Catch::Matchers::ContainsSubstring("close the state"));
}

TEST_CASE("internal topics: marks go once, again after an abort; ends are taken when they are asked for") {
  testing::PartOfWorker one;
  one.broker.add_topic("between", 2);
  const auto picky = [](const StageContext&) { return std::make_unique<testing::PickyStage>(); };
  one.job.topology = Topology({"key", picky});
  one.job.topology.add_internal_topic();
  one.job.topology.add({"window", picky, true, [](int64_t time) { return time + 1; }});
  one.plan.subs.push_back({"between", 2, std::nullopt});
  one.plan.has_ends = true;
  Assignment owned;
  CommitMemory memory("");
  // Without the state, which has no part in this.
  TransactionManager transaction(one.context(), *one.slot, nullptr, owned, memory);
  InternalTopics topics(one.context(), owned, transaction.outputs());
  OwnedPartition source, behind;
  source.at = {"in", 0}, source.end = 10;
  behind.at = {"between", 1}, behind.sub = 1;
  const OwnedPartition& from = owned.add(std::move(source));
  OwnedPartition& to = owned.add(std::move(behind));
  CHECK_FALSE(topics.marks_due(INT64_MAX));
  CHECK_FALSE(topics.end_of(to.sub, to.at));

  transaction.outputs().set_home(&from.at, from.sub);
  Output output;
  output.key = MaybeBytes("k");
  output.value = MaybeBytes("v");
  output.timestamp = 5'000;
  const Record origin = record_at(from.at, 0);
  transaction.outputs().write(&origin, output);
  topics.read(from, 1);
  const auto written = [&] { return one.broker.topics.at("between")[0].size(); };
  const size_t before = written();
  topics.write_marks(true);
  CHECK(written() == before + 1);
  topics.aborted();
  topics.read(from, 2);
  transaction.abort();
  transaction.begin_if_needed();
  transaction.outputs().write(&origin, output);
  topics.read(from, 3);
  const size_t again = written();
  topics.write_marks(true);
  CHECK(written() == again + 1);
  topics.committed();
  CHECK_FALSE(topics.any_untold());
  topics.write_marks(true);
  CHECK(written() == again + 1);

  FakeConsumer consumer(one.broker);
  transaction.abort();
  CHECK_FALSE(topics.has_ends(1));
  CHECK_FALSE(topics.reached_ends(1, consumer));
  CHECK(topics.has_ends(1));
  CHECK(to.end == static_cast<int64_t>(one.broker.topics.at("between")[1].size()));
  CHECK(topics.end_of(to.sub, to.at) == to.end);
  for (const int32_t p : {0, 1}) one.broker.committed_offsets[{"between", p}] = {{"between", p}, 99, "f"};
  CHECK(topics.reached_ends(1, consumer));
}

}  // namespace
}  // namespace kutils::flow
