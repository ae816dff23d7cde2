// What a worker has done beside its own thread, on a broker that fails at the n-th call: the transactions of
// processes that died are ended (rule 10), and what was read of the internal topic is deleted (rule 20).
// The test decides when each of these is done.
#include <algorithm>

#include "flow/membership/instance_slot.h"
#include "flow/run/run.h"
#include "support/catch.h"
#include "support/fake_environment.h"
#include "support/simulated_state.h"
#include "support/state_folder.h"

namespace kutils::flow {
namespace {

using testing::FakeBroker;
using testing::HandExecutor;
using Fault = FakeBroker::Fault;
using Values = std::vector<std::string>;
using When = HandExecutor::When;

constexpr Fault kFaults[] = {Fault::kill_before,       Fault::kill_after,      Fault::abort_before,
                             Fault::retriable_before,  Fault::fatal_before,    Fault::fatal_after,
                             Fault::unanswered_before, Fault::unanswered_after};

struct Bench : testing::FakeEnvironment {
  Job job;

  Bench() {
    broker.add_topic("in", 2);
    broker.admin_counts = true;
    broker.most_calls = 20'000;
    broker.wait_in_vain = [this] { clock.jump(5000); };
    job.tool = "kfilter";
    job.in = {io::EndpointKind::topic, false, "in", {}};
    job.out = {io::EndpointKind::topic, false, "out", {}};
    job.group = "g";
    job.range.exit_at_end = true;
  }
  void fill(int from, int to) {
    for (int i = from; i < to; ++i)
      for (size_t p = 0; p < 2; ++p)
        broker.write_keyed("in", p, std::string(1, static_cast<char>('a' + i % 3)), std::to_string(i));
  }
  Values input(size_t p) const {
    Values values;
    for (const auto& entry : broker.topics.at("in")[p]) values.push_back(entry.value);
    return values;
  }
  // As often as it takes, by whoever comes after those that are killed or give up.
  void work() {
    for (int run = 0; run < 20; ++run) {
      try {
        if (flow::run(job, around()) == ExitCode::ok) return;
      } catch (const testing::Killed&) {
        // the next one takes its place
      } catch (const Error&) {
        CHECK(broker.calls >= broker.fault_at);
      }
    }
    FAIL("it does not come to an end");
  }
};

// Three processes of this machine worked on the topic. All died, two of them in transactions that hold up who
// asks for the group's offsets.
struct AfterDeaths : Bench {
  testing::Folder& disk;
  std::string ids[3];

  explicit AfterDeaths(testing::Folder& folder) : disk(folder) {
    disk.clear();
    job.state_dir = disk.path();
    job.set_stage([](const StageContext&) { return std::make_unique<testing::PickyStage>(); });
    broker.transactions_time_out = true;
    broker.add_topic("out", 2);
    fill(0, 6);
    {
      std::unique_ptr<InstanceSlot> slots[3];
      for (size_t i = 0; i < 3; ++i) {
        slots[i] = InstanceSlot::take(disk.path(), "", "g");
        ids[i] = slots[i]->transactional_id();
      }
    }
    leave_open(ids[0] + ".1", 0);
    leave_open(ids[2] + ".0", 1);
  }
  // A transaction that took two records of partition `p`.
  void leave_open(const std::string& id, int32_t p) {
    broker.fence(id);
    broker.transactions.push_back({id, FakeBroker::Transaction::State::open, {{{"in", p}, 2, {}}}});
    const size_t number = broker.transactions.size() - 1;
    broker.open_transaction[id] = number;
    for (const auto& value : {"0", "1"})
      broker.topics.at("out")[static_cast<size_t>(p)].push_back({value, number});
  }
  void check() {
    for (size_t p = 0; p < 2; ++p) CHECK(broker.read("out", p) == input(p));
    for (int32_t p = 0; p < 2; ++p) CHECK(broker.committed_offsets.at({"in", p}).offset == 6);
    CHECK(broker.open_transaction.empty());
    CHECK(broker.violations == Values{});
  }
};

TEST_CASE(
    "beside the worker: the transactions of those that died are ended, one id after the other (rule 10)") {
  testing::Folder disk;
  AfterDeaths bench(disk);
  SECTION("before the group's offsets are asked for") {
    // Nothing else frees them.
    bench.broker.transactions_time_out = false;
    SECTION("at once") { bench.executor.when = When::at_once; }
    SECTION("while they are waited for") { bench.executor.when = When::by_hand; }
    bench.work();
    const auto& ids = bench.ids;
    const Values others{ids[1] + ".0", ids[1] + ".1", ids[2] + ".0", ids[2] + ".1"};
    // Its own predecessor's first, then those of free slots, then its own: .1 beside .0.
    Values expected{ids[0] + ".0", ids[0] + ".1"};
    expected.insert(expected.end(), others.begin(), others.end());
    Values own(bench.broker.initialised.begin() + 6, bench.broker.initialised.end());
    CHECK(Values(bench.broker.initialised.begin(), bench.broker.initialised.begin() + 6) == expected);
    std::sort(own.begin(), own.end());
    CHECK(own == Values{ids[0] + ".0", ids[0] + ".1"});
  }
  SECTION("however late: nobody else waits for it, and an end that comes in between is as good") {
    // What holds up nobody but readers of OUT is ended while the worker is at work.
    bench.executor.when = When::by_hand;
    for (auto& one : bench.broker.transactions) one.offsets.clear();
    size_t begun_at_poll = 0;
    bench.broker.on_poll = [&](int poll) {
      if (poll != 3) return;
      // The free slots', for its own predecessor's were waited for; and a question of the group.
      CHECK(bench.executor.pending() == 2);
      begun_at_poll = bench.broker.initialised.size();
      bench.executor.run_all();
    };
    bench.work();
    CHECK(begun_at_poll == 4);
    CHECK(bench.broker.initialised.size() == 8);
  }
  bench.check();
}

TEST_CASE("beside the worker: a dead one's id that cannot be initialised leaves no other one out (10)") {
  testing::Folder disk;
  AfterDeaths bench(disk);
  bench.executor.when = When::at_once;
  bench.broker.refused_ids = {bench.ids[1] + ".0"};
  bench.work();
  for (const std::string& id : {bench.ids[1] + ".1", bench.ids[2] + ".0", bench.ids[2] + ".1"})
    CHECK(std::count(bench.broker.initialised.begin(), bench.broker.initialised.end(), id) == 1);
  bench.check();
}

TEST_CASE("beside the worker: a process of this machine that lives is left alone (rule 10)") {
  testing::Folder disk;
  AfterDeaths bench(disk);
  const auto living = InstanceSlot::take(disk.path(), "", "g");  // slot 0
  const std::string id = living->transactional_id();
  CHECK(id == bench.ids[0]);
  bench.work();
  CHECK(std::count_if(bench.broker.initialised.begin(), bench.broker.initialised.end(),
                      [&](const std::string& one) { return one.starts_with(id); }) == 0);
  // Nor two of the dead ones at a time: that of a slot that somebody cleans up is left to him.
  CHECK(bench.broker.initialised.size() == 6);
}

TEST_CASE("beside the worker: whatever call fails or kills it while it ends others' transactions (rule 10)") {
  testing::Folder disk;
  const When when = GENERATE(When::at_once, When::when_asked, When::by_hand);
  int calls = 0;
  {
    AfterDeaths bench(disk);
    bench.executor.when = when;
    bench.work();
    bench.check();
    calls = bench.broker.calls;
  }
  CHECK(calls > 30);
  for (const Fault fault : kFaults) {
    for (int at = 1; at <= calls; ++at) {
      AfterDeaths bench(disk);
      bench.executor.when = when;
      bench.broker.fault = fault;
      bench.broker.fault_at = at;
      INFO("fault " << static_cast<int>(fault) << " at call " << at << " of " << calls << ", work done "
                    << static_cast<int>(when));
      bench.work();
      // Whoever failed to end a dead one's transaction leaves that to its time-out.
      for (const std::string& id : bench.ids)
        for (const char* suffix : {".0", ".1"}) bench.broker.fence(id + suffix);
      bench.check();
    }
  }
}

// Counts the records of each key.
class Counting final : public Stage {
 public:
  explicit Counting(state::Store& store) : store_(store) { store_.set_description("counts"); }
  void process(const Record& record, Emitter&) override { ++held_[std::string(record.key.view())]; }
  void before_commit(Emitter&) override {
    for (const auto& [key, n] : held_) {
      const auto stored = store_.get(key);
      store_.put(key, std::to_string(n + (stored ? std::stoi(std::string(*stored)) : 0)));
    }
    held_.clear();
  }
  size_t dirty_rows() const override { return held_.size(); }

 private:
  state::Store& store_;
  std::map<std::string, int> held_;
};

struct Regrouping : Bench {
  std::map<int32_t, testing::Disk> disks;

  Regrouping() {
    broker.add_topic("out", 2);
    broker.add_topic("g-repartition", 2);
    job.tool = "ktable";
    job.instance = "i";
    job.open_state = [this](const StatePlace& place, const Environment& parts, kafka::Admin&) {
      return std::make_unique<testing::SimulatedOpening>(broker, disks[place.changelog.partition], place,
                                                         parts.executor);
    };
    job.topology.add(
        {"forward", [](const StageContext&) { return std::make_unique<testing::PickyStage>(); }});
    job.topology.add_internal_topic();
    job.topology.add({"count",
                      [](const StageContext& context) { return std::make_unique<Counting>(*context.store); },
                      true});
  }
  int64_t deleted() const {
    int64_t sum = 0;
    for (const auto& [at, before] : broker.deleted_before) {
      CHECK(at.topic == "g-repartition");
      CHECK(before <= broker.committed_offsets.at(at).offset);
      sum += before;
    }
    return sum;
  }
  int64_t committed() const {
    int64_t sum = 0;
    for (const auto& [at, position] : broker.committed_offsets)
      if (at.topic == "g-repartition") sum += std::max<int64_t>(0, position.offset);
    return sum;
  }
  void check(int records) const {
    std::map<std::string, std::string> got, want;
    for (size_t p = 0; p < 2; ++p)
      for (const auto& [key, n] : testing::without_meta(broker.read_table("g-changelog", p)))
        got[key.substr(1)] = n;
    for (int key = 0; key < 3 && key < records; ++key)
      want[std::string(1, static_cast<char>('a' + key))] = std::to_string((records - key + 2) / 3);
    CHECK(got == want);
    CHECK(broker.violations == Values{});
  }
};

TEST_CASE(
    "beside the worker: what was read of the internal topic is deleted when a run ends, and no more (rule 20)") {
  Regrouping bench;
  for (int i = 0; i < 30; i += 10) {
    bench.fill(i, i + 10);
    bench.work();
    CHECK(bench.deleted() == bench.committed());
    CHECK(bench.deleted() > i);
    bench.check(i + 10);
  }
}

TEST_CASE(
    "beside the worker: it deletes each half minute, goes on meanwhile, and begins no second one (rule 20)") {
  Regrouping bench;
  bench.job.instance.clear();  // so that nothing else is asked beside the worker
  bench.executor.when = When::when_asked;
  bench.fill(0, 10);
  bench.job.range.exit_at_end = false;
  int64_t deleted_before = -1, at_end = -1;
  int waits = 0;
  bench.executor.in_vain = [&] {
    ++waits;
    bench.clock.jump(1000);
  };
  bench.broker.on_poll = [&](int poll) {
    if (poll == 100) {
      bench.executor.run_all();
      bench.executor.when = When::by_hand;
    }
    if (poll > 100 && poll <= 300) {
      CHECK(bench.executor.pending() <= 1);
      if (poll % 100 == 1) bench.clock.jump(31'000);
    }
    if (poll == 300) CHECK(bench.executor.pending() == 1);
    if (poll == 300) deleted_before = bench.deleted();
    if (poll == 301) bench.executor.run_all();
    if (poll == 302) CHECK(bench.deleted() > deleted_before);
    // Nobody answers any more: the end waits no longer than a second for it.
    if (poll == 303) bench.fill(10, 20);
    if (poll == 400) bench.clock.jump(31'000);
    if (poll == 410) {
      CHECK(bench.executor.pending() == 1);
      at_end = bench.deleted();
      bench.stop.number = 15;
    }
  };
  CHECK(static_cast<int>(flow::run(bench.job, bench.around())) == 128 + 15);
  CHECK(deleted_before == 0);
  CHECK(bench.deleted() == at_end);
  CHECK(at_end > 0);
  CHECK(waits == 1);
  CHECK(bench.executor.pending() == 0);
  bench.check(20);
}

TEST_CASE("beside the worker: a deletion that fails costs room only, whatever call it is (rule 20)") {
  const When when = GENERATE(When::at_once, When::when_asked, When::by_hand);
  int calls = 0;
  for (const bool counts : {true, false}) {
    for (const Fault fault : kFaults) {
      for (int at = 1; at <= (counts ? 1 : calls); ++at) {
        Regrouping bench;
        bench.executor.when = when;
        // By hand: somebody does the work between two calls now and then.
        bench.broker.on_poll = [&](int poll) {
          if (when == When::by_hand && poll % 4 == 3) bench.executor.run_next();
          if (poll == 6) bench.clock.jump(31'000);
        };
        bench.fill(0, 7);
        if (!counts) {
          bench.broker.fault = fault;
          bench.broker.fault_at = at;
        }
        INFO("fault " << static_cast<int>(fault) << " at call " << at << " of " << calls << ", work done "
                      << static_cast<int>(when));
        bench.work();
        bench.check(7);
        if (counts) calls = bench.broker.calls;
        (void)bench.deleted();
        // The next run deletes what this one could not.
        bench.fill(7, 8);
        bench.executor.when = When::at_once;
        bench.work();
        CHECK(bench.deleted() == bench.committed());
        bench.check(8);
      }
      if (counts) break;
    }
  }
  CHECK(calls > 60);
}

}  // namespace
}  // namespace kutils::flow
