// The delivery protocol on a broker that fails at the n-th call. Each test says which rule's absence it would
// catch.

#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "flow/membership/fingerprint.h"
#include "flow/membership/instance_slot.h"
#include "flow/membership/origins.h"
#include "flow/membership/slots_directory.h"
#include "flow/run/run.h"
#include "flow/transaction/commit_memory.h"
#include "flow/transaction/forget_commits.h"
#include "support/catch.h"
#include "support/fake_environment.h"
#include "support/state_folder.h"

namespace kutils::flow {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::FakeAdmin;
using testing::FakeBroker;
using testing::FakeConsumer;
using testing::FakeProducer;
using testing::FakeTopicSink;
using testing::PickyStage;
using Values = std::vector<std::string>;
using TP = kafka::TopicPartition;
using Fault = FakeBroker::Fault;

struct Bench : testing::FakeEnvironment {
  Job job;

  Bench() {
    broker.add_topic("in", 2);
    job.tool = "kfilter";
    job.settings = {{"EXPR", "x"}};
    job.in = {io::EndpointKind::topic, false, "in", {}};
    job.out = {io::EndpointKind::topic, false, "out", {}};
    job.group = "g";
    job.instance = "i";
    job.range.exit_at_end = true;
    job.set_stage([](const StageContext&) { return std::make_unique<PickyStage>(); });
  }
  void fill(int n) {
    for (int i = 0; i < n; ++i) {
      broker.write("in", 0, (i % 3 == 2 ? "-a" : "a") + std::to_string(i));
      broker.write("in", 1, (i % 2 == 1 ? "-b" : "b") + std::to_string(i));
    }
  }
  Values expected(size_t partition) const {
    Values values;
    for (const auto& entry : broker.topics.at("in")[partition]) {
      if (!entry.value.starts_with("-") && !entry.marker) values.push_back(entry.value);
    }
    return values;
  }
  ExitCode run() { return flow::run(job, around()); }
  // Again and again until it is not killed.
  ExitCode run_to_the_end() {
    for (;;) {
      try {
        return run();
      } catch (const testing::Killed&) {
        // the next one takes its place
      }
    }
  }
};

TEST_CASE("worker: copies what passes, commits, creates the output with the input's partitions") {
  Bench bench;
  bench.fill(20);
  CHECK(bench.run() == ExitCode::ok);
  CHECK(bench.broker.read("out", 0) == bench.expected(0));
  CHECK(bench.broker.read("out", 1) == bench.expected(1));
  CHECK(bench.broker.topics.at("out").size() == 2);
  CHECK(bench.broker.committed_offsets.at({"in", 0}).offset == 20);
  CHECK(bench.broker.violations == Values{});
  // One that nobody answered may be made at any later time, and would set the group back.
  CHECK(bench.broker.plain_commits == 0);
  REQUIRE(bench.log.notes.size() == 2);
  CHECK(bench.log.notes[0] == "created topic out, 2 partitions");
  CHECK(bench.log.notes[1] == "40 in, 24 out, 16 filtered");
}

TEST_CASE("worker: -e waits for another's open transaction, and says so once") {
  Bench bench;
  bench.fill(3);
  bench.broker.transactions.push_back({"other", FakeBroker::Transaction::State::open, {}});
  const size_t other = bench.broker.transactions.size() - 1;
  bench.broker.topics["in"][1].push_back({"held", other});
  bool said_early = true;
  bench.broker.on_poll = [&](int poll) {
    if (poll == 5) said_early = bench.log.notes.size() > 1;
    if (poll == 5000) bench.broker.end_transaction(other, true);
  };
  CHECK(bench.run() == ExitCode::ok);
  CHECK_FALSE(said_early);
  CHECK(bench.broker.read("out", 1).back() == "held");
  REQUIRE(bench.log.notes.size() == 3);
  CHECK(bench.log.notes[1].find("in [1] @ 3: waiting for the end at 4: a producer has an open transaction") ==
        0);
}

TEST_CASE("worker: the offset of one partition is gone: it is not processed again unless -o says so (19)") {
  Bench bench;  // without a directory of state: nothing is known but by the other partition's commit
  bench.fill(3);
  bench.run();
  bench.broker.committed_offsets.erase({"in", 1});
  const Values before = bench.broker.read("out", 1);
  SECTION("refused by name") {
    CHECK_THROWS_WITH(bench.run(),
                      ContainsSubstring("group g has read in [1] before, but the cluster has no offset"));
    CHECK_THROWS_WITH(bench.run(), !ContainsSubstring("in [0]"));
    CHECK(bench.broker.read("out", 1) == before);
  }
  SECTION("from where -o says") {
    bench.job.range.from = "end";
    bench.run();
    bench.job.range.from.clear();
    bench.broker.write("in", 1, "new");
    bench.run();
    Values wanted = before;
    wanted.push_back("new");
    CHECK(bench.broker.read("out", 1) == wanted);
    CHECK(std::any_of(bench.log.notes.begin(), bench.log.notes.end(), [](const std::string& note) {
      return note.find("-o end applies to in [1], where it has none") != note.npos;
    }));
  }
}

TEST_CASE("what this machine remembers of commits is by partition; lines of earlier versions name topics") {
  const testing::Folder disk;
  const std::string folder = disk.path();
  const std::string slots = slots_directory(folder, "g");
  std::filesystem::create_directories(slots);
  std::ofstream(slots + "/committed") << "cluster old\n";
  CommitMemory first(slots);
  first.add("cluster", {{{"in", 0}, 5, {}}, {{"in", 2}, 5, {}}, {{"beside", 0}, 1, {}}});
  first.add("cluster", {{{"in", 2}, 6, {}}, {{"in", 1}, 5, {}}});
  first.add("other", {{{"in", 7}, 6, {}}});
  for (const CommitMemory& memory : {first, CommitMemory(slots)}) {
    for (const int32_t p : {0, 1, 2}) CHECK(memory.holds("cluster", TP{"in", p}));
    CHECK_FALSE(memory.holds("cluster", TP{"in", 7}));
    CHECK(memory.holds("other", TP{"in", 7}));
    CHECK(memory.holds("cluster", "in"));
    CHECK(memory.holds("cluster", "old"));
    CHECK_FALSE(memory.holds("cluster", TP{"old", 0}));
    CHECK_FALSE(memory.holds("cluster", "new"));
  }
  forget_commits(folder, "g", "cluster", {"in", "old"});
  const CommitMemory after(slots);
  CHECK_FALSE(after.holds("cluster", "in"));
  CHECK_FALSE(after.holds("cluster", "old"));
  CHECK(after.holds("cluster", TP{"beside", 0}));
  CHECK(after.holds("other", TP{"in", 7}));
}

TEST_CASE("worker: partitions that were added, or that no member has begun, have lost nothing (19)") {
  Bench bench;
  bench.fill(3);
  bench.job.range.from = "end";  // of the first run
  bench.run();
  SECTION("added") {
    for (const char* topic : {"in", "out"}) bench.broker.topics.at(topic).emplace_back();
    bench.broker.write("in", 2, "c0");
    bench.run();
    CHECK(bench.broker.read("out", 2) == Values{"c0"});
  }
  SECTION("another member was to begin it, and was killed before") {
    bench.broker.committed_offsets.erase({"in", 1});
    std::string& metadata = bench.broker.committed_offsets.at({"in", 0}).metadata;
    metadata = without_all_begun(metadata);
    bench.run();
    CHECK(bench.broker.read("out", 1).empty());  // as -o says
    CHECK(bench.broker.committed_offsets.at({"in", 1}).offset == 3);
    CHECK(is_all_begun(bench.broker.committed_offsets.at({"in", 1}).metadata));
  }
}

TEST_CASE("worker: whatever call fails or kills it, each output is there once and in order (1-4, 11)") {
  int calls = 0;
  {
    Bench bench;
    bench.fill(30);
    bench.run();
    calls = bench.broker.calls;
  }
  REQUIRE(calls > 60);
  for (const Fault fault : {Fault::kill_before, Fault::kill_after, Fault::abort_before, Fault::fatal_before,
                            Fault::fatal_after}) {
    for (int at = 1; at <= calls; ++at) {
      Bench bench;
      bench.fill(30);
      bench.broker.fault = fault;
      bench.broker.fault_at = at;
      INFO("fault " << static_cast<int>(fault) << " at call " << at);
      CHECK(bench.run_to_the_end() == ExitCode::ok);
      CHECK(bench.broker.read("out", 0) == bench.expected(0));
      CHECK(bench.broker.read("out", 1) == bench.expected(1));
      CHECK(bench.broker.committed_offsets.at({"in", 1}).offset == 30);
      CHECK(bench.broker.violations == Values{});
    }
  }
}

TEST_CASE(
    "worker: what nobody answers is asked again; of a commit only itself; beyond the limit the worker restarts (rule 28a)") {
  int calls = 0;
  {
    Bench bench;
    bench.fill(30);
    bench.run();
    calls = bench.broker.calls;
  }
  const int times = GENERATE(1, 5, 40);  // 5 s each: the last are longer than a commit is waited for
  for (const Fault fault : {Fault::unanswered_before, Fault::unanswered_after}) {
    for (int at = 1; at <= calls; ++at) {
      Bench bench;
      bench.fill(30);
      bench.broker.fault = fault;
      bench.broker.fault_at = at;
      bench.broker.unanswered_for = times;
      bench.broker.wait_in_vain = [&] { bench.clock.jump(5000); };
      INFO("fault " << static_cast<int>(fault) << " at call " << at << ", " << times << " times");
      CHECK(bench.run() == ExitCode::ok);
      CHECK(bench.broker.read("out", 0) == bench.expected(0));
      CHECK(bench.broker.read("out", 1) == bench.expected(1));
      CHECK(bench.broker.committed_offsets.at({"in", 1}).offset == 30);
      CHECK(bench.broker.violations == Values{});
    }
  }
}

TEST_CASE(
    "worker: asked to stop, it waits some seconds more for a commit's answer; in the group it lives on (rule 28a)") {
  bool is_seen = false;
  for (int at = 1; at < 60 && !is_seen; ++at) {
    Bench bench;
    bench.fill(30);
    bench.broker.fault = Fault::unanswered_before;
    bench.broker.unanswered_for = 1000;
    bench.broker.fault_at = at;
    bench.broker.wait_in_vain = [&] {
      bench.clock.jump(5000);
      if (bench.broker.stayed_alive == 3) bench.stop.number = 15;
    };
    const auto code = static_cast<int>(bench.run());
    if (bench.broker.stayed_alive == 0) continue;  // it was not a commit
    is_seen = true;
    CHECK(code == 128 + 15);
    CHECK(bench.broker.stayed_alive < 6);
    CHECK(bench.broker.violations == Values{});
  }
  CHECK(is_seen);
}

TEST_CASE("worker: at-least-once loses nothing and keeps order, whatever fails (rule 5)") {
  int calls = 0;
  {
    Bench bench;
    bench.job.delivery = Delivery::at_least_once;
    bench.fill(20);
    bench.run();
    calls = bench.broker.calls;
  }
  for (const Fault fault :
       {Fault::none, Fault::kill_before, Fault::kill_after, Fault::abort_before, Fault::fatal_after}) {
    for (int at = 1; at <= (fault == Fault::none ? 1 : calls); ++at) {
      Bench bench;
      bench.job.delivery = Delivery::at_least_once;
      bench.fill(20);
      bench.broker.fault = fault;
      bench.broker.fault_at = at;
      INFO("fault " << static_cast<int>(fault) << " at call " << at);
      CHECK(bench.run_to_the_end() == ExitCode::ok);
      for (size_t p = 0; p < 2; ++p) {
        // First appearances, in order, are all of the input.
        Values first;
        for (const std::string& value : bench.broker.read("out", p)) {
          if (std::find(first.begin(), first.end(), value) == first.end()) first.push_back(value);
        }
        CHECK(first == bench.expected(p));
        if (fault == Fault::none) CHECK(bench.broker.read("out", p) == bench.expected(p));
      }
    }
  }
}

// Another member: takes the partition from its committed offset to `to`, with a transaction of its own.
void other_member_works(FakeBroker& broker, const TP& at, int64_t to) {
  const int64_t from = broker.stable_offset(at).offset;
  broker.transactions.push_back({"other", FakeBroker::Transaction::State::open, {}});
  const size_t number = broker.transactions.size() - 1;
  const auto p = static_cast<size_t>(at.partition);
  for (int64_t offset = from; offset < to; ++offset) {
    const std::string value = broker.topics.at("in")[p][static_cast<size_t>(offset)].value;
    if (!value.starts_with("-")) broker.topics.at("out")[p].push_back({value, number, false});
  }
  broker.transactions[number].offsets.push_back(
      {at, std::max(from, to), broker.committed_offsets[at].metadata});
  broker.end_transaction(number, true);
}

TEST_CASE(
    "worker: a partition that leaves is committed first, and comes back where the other one left it (rule 14)") {
  for (int at = 2; at < 14; ++at) {
    Bench bench;
    bench.fill(30);
    bench.broker.on_poll = [&](int poll) {
      FakeConsumer* member = FakeConsumer::broker_member();
      if (poll == at) {
        member->revoke({{"in", 1}}, [&] { other_member_works(bench.broker, {"in", 1}, 25); });
      }
      if (poll == at + 3) member->give({"in", 1});
    };
    INFO("revoked at poll " << at);
    CHECK(bench.run() == ExitCode::ok);
    CHECK(bench.broker.read("out", 0) == bench.expected(0));
    CHECK(bench.broker.read("out", 1) == bench.expected(1));
    CHECK(bench.broker.violations == Values{});
  }
}

// A record takes a second, as a slow co-process's.
class SlowStage final : public testing::PickyStage {
 public:
  explicit SlowStage(const testing::TickingClock& clock)
      : clock_(const_cast<testing::TickingClock&>(clock)) {}
  void process(const Record& record, Emitter& out) override {
    clock_.jump(1000);
    PickyStage::process(record, out);
  }

 private:
  testing::TickingClock& clock_;
};

TEST_CASE(
    "worker: a batch of slow records is bounded in time: the group is served, and what is done committed") {
  const bool comes_back = GENERATE(false, true);
  for (int at = 2; at < 40; ++at) {
    Bench bench;
    bench.fill(60);
    bench.broker.batch_size = 200;
    bench.job.set_stage([&](const StageContext&) { return std::make_unique<SlowStage>(bench.clock); });
    int64_t served_us = bench.clock.steady_us(), longest_us = 0;
    bench.broker.on_poll = [&](int poll) {
      const int64_t now = bench.clock.steady_us();
      longest_us = std::max(longest_us, now - std::exchange(served_us, now));
      if (!comes_back) return;
      // Taken away within the batch, worked on by another, given back.
      FakeConsumer* member = FakeConsumer::broker_member();
      if (poll == at) member->revoke({{"in", 1}}, [&] { other_member_works(bench.broker, {"in", 1}, 40); });
      if (poll == at + 2) member->give({"in", 1});
    };
    INFO("revoked at poll " << at << ", " << comes_back);
    CHECK(bench.run() == ExitCode::ok);
    CHECK(longest_us < 20'000'000);
    CHECK((comes_back || bench.broker.polls > 60));
    CHECK(bench.broker.read("out", 0) == bench.expected(0));
    CHECK(bench.broker.read("out", 1) == bench.expected(1));
    CHECK(bench.broker.violations == Values{});
    if (!comes_back) return;
  }
}

TEST_CASE("worker: the group went on without it: its transaction is aborted, not committed (2, 4, 14)") {
  const bool unusable = GENERATE(false, true);
  for (int at = 2; at < 14; ++at) {
    Bench bench;
    bench.fill(30);
    bench.broker.on_poll = [&](int poll) {
      FakeConsumer* member = FakeConsumer::broker_member();
      if (poll == at) {
        member->lose(unusable);
        // What is sent from here on comes from a zombie, until it is told.
        other_member_works(bench.broker, {"in", 0}, 25);
        other_member_works(bench.broker, {"in", 1}, 28);
      }
      if (poll == at + 2) member->tell();
    };
    INFO("lost at poll " << at << ", metadata unusable " << unusable);
    CHECK(bench.run() == ExitCode::ok);
    CHECK(bench.broker.read("out", 0) == bench.expected(0));
    CHECK(bench.broker.read("out", 1) == bench.expected(1));
    CHECK(bench.broker.violations == Values{});
  }
}

TEST_CASE(
    "worker: put out while it slept and back under another member id: it restarts from what is committed (rule 2)") {
  const auto delivery = GENERATE(Delivery::exactly_once, Delivery::at_least_once);
  for (int at = 2; at < 14; ++at) {
    Bench bench;
    bench.job.delivery = delivery;
    bench.fill(30);
    int64_t committed = 0;  // by the others
    bench.broker.on_poll = [&](int poll) {
      if (poll != at) return;
      other_member_works(bench.broker, {"in", 0}, 25);
      other_member_works(bench.broker, {"in", 1}, 28);
      committed = bench.broker.committed_offsets.at({"in", 0}).offset;
      FakeConsumer::broker_member()->rejoin_in_secret();
    };
    INFO("put out at poll " << at);
    CHECK(bench.run() == ExitCode::ok);
    CHECK(bench.broker.committed_offsets.at({"in", 0}).offset >= committed);
    if (delivery == Delivery::at_least_once) continue;
    CHECK(bench.broker.read("out", 0) == bench.expected(0));
    CHECK(bench.broker.read("out", 1) == bench.expected(1));
    CHECK(bench.broker.violations == Values{});
  }
}

TEST_CASE("worker: a rival under the same name fences it; three new starts, then exit 5 (rule 11)") {
  Bench bench;
  bench.fill(30);
  bench.broker.on_poll = [&](int) {
    bench.broker.fence("g.i.0");
    bench.broker.fence("g.i.1");
  };
  try {
    bench.run();
    FAIL("must end");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::delivery);
    CHECK(error.hint().find("--instance") != std::string::npos);
  }
  CHECK(bench.broker.read("out", 0).empty());
}

TEST_CASE("worker: fenced by a process that joined in its place: it gives way at once (rule 11)") {
  Bench bench;
  bench.fill(30);
  bench.broker.on_poll = [&](int poll) {
    if (poll != 3) return;
    bench.broker.fence("g.i.0");
    bench.broker.fence("g.i.1");
    bench.broker.members = {{"g.other", "x"}, {"g.i", "another"}};
  };
  try {
    bench.run();
    FAIL("must end");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::delivery);
    CHECK(std::string(error.what()) == "another process runs as g.i and has taken its place");
  }
  CHECK(bench.broker.polls < 6);
}

TEST_CASE("worker: fenced by its own late return: it restarts and goes on (rule 11)") {
  Bench bench;
  bench.fill(30);
  bench.broker.members = {{"g.i", "member"}};
  bench.broker.on_poll = [&](int poll) {
    if (poll % 9 == 8) bench.broker.fence("g.i.0");
  };
  CHECK(bench.run() == ExitCode::ok);
  CHECK(bench.broker.read("out", 0) == bench.expected(0));
}

TEST_CASE(
    "worker: fenced by the join of the worker before it, which the group took late: no rival (rule 11)") {
  const bool rival_comes = GENERATE(false, true);
  Bench bench;
  bench.fill(30);
  bench.broker.member_id.clear();  // the first worker is left before the group answers
  bench.broker.on_poll = [&](int poll) {
    if (poll == 1) FakeConsumer::broker_member()->lose(true);
    if (poll == 1) bench.broker.member_id = "member";
    if (poll == 1 || poll == 5 || (poll == 9 && rival_comes)) {
      bench.broker.fence("g.i.0");
      bench.broker.fence("g.i.1");
    }
    if (poll == 5) bench.broker.members = {{"g.i", "our own, too late"}};
    if (poll == 6) bench.broker.members = {{"g.i", "member"}};
    if (poll == 9 && rival_comes) bench.broker.members = {{"g.i", "a rival's"}};
  };
  try {
    const ExitCode code = bench.run();  // CHECK() would take the exception
    CHECK(code == ExitCode::ok);
    CHECK_FALSE(rival_comes);
    CHECK(bench.broker.read("out", 0) == bench.expected(0));
    CHECK(bench.broker.read("out", 1) == bench.expected(1));
  } catch (const Error& error) {
    CHECK(rival_comes);
    CHECK(std::string(error.what()) == "another process runs as g.i and has taken its place");
  }
  CHECK(bench.broker.polls >= 9);
}

TEST_CASE(
    "worker: a stage that has to give up: nothing of its records is committed, and the group is left in order") {
  struct Failing final : testing::PickyStage {
    void process(const Record& record, Emitter& out) override {
      if (record.offset == 3) throw Error(ExitCode::bad_record, "the command has ended");
      PickyStage::process(record, out);
    }
  };
  Bench bench;
  bench.fill(12);
  bench.job.set_stage([](const StageContext&) { return std::make_unique<Failing>(); });
  CHECK_THROWS_WITH(bench.run(), "the command has ended");
  CHECK(bench.broker.left == 1);
  CHECK(bench.broker.open_transaction.empty());
  CHECK(bench.broker.read("out", 0).empty());
  CHECK(bench.broker.committed_offsets.at({"in", 0}).offset == 0);
}

TEST_CASE("topic to lines with -g: offsets are committed behind the flushed lines") {
  Bench bench;
  bench.fill(6);
  testing::SinkContents lines;
  bench.job.out = {io::EndpointKind::stdio, false, "-", {}};
  bench.job.group_is_explicit = true;
  bench.job.open_lines_out = [&] { return std::make_unique<testing::FakeSink>(lines); };
  CHECK(bench.run() == ExitCode::ok);
  CHECK(lines.written.size() == 7);
  CHECK(lines.flushed == 7);
  CHECK(bench.broker.committed_offsets.at({"in", 0}).offset == 6);
  CHECK(bench.broker.transactions.size() == 1);
  bench.job.topology.last().has_state = true;
  CHECK_THROWS_AS(bench.run(), Error);
}

TEST_CASE("lines to topic: no group, and with --atomic all or nothing") {
  for (const bool atomic : {false, true}) {
    for (const bool fails : {false, true}) {
      Bench bench;
      bench.broker.add_topic("out", 1);
      bench.job.in = {io::EndpointKind::file, false, "./in", {}};
      bench.job.open_lines_in = [fails] {
        return std::make_unique<testing::FakeSource>(
            std::deque<std::vector<std::string>>{{"a", "-", "b"}, {}, {fails ? "?" : "c"}, {"d"}});
      };
      bench.job.atomic = atomic;
      CHECK(bench.run() == (fails ? ExitCode::bad_record : ExitCode::ok));
      const Values all = fails ? (atomic ? Values{} : Values{"a", "b"}) : Values{"a", "b", "c", "d"};
      CHECK(bench.broker.read("out", 0) == all);
      CHECK(bench.broker.committed_offsets.empty());
    }
  }
}

TEST_CASE("--partitions of a topic that is there already changes nothing, and says so") {
  for (const int32_t wanted : {1, 3}) {
    Bench bench;
    bench.broker.add_topic("out", 1);
    bench.job.in = {io::EndpointKind::file, false, "./in", {}};
    bench.job.open_lines_in = [] {
      return std::make_unique<testing::FakeSource>(std::deque<std::vector<std::string>>{{"a"}});
    };
    bench.job.partitions = wanted;
    CHECK(bench.run() == ExitCode::ok);
    const std::string note =
        "topic 'out' exists already, with 1 partition: --partitions 3 does not change it";
    CHECK(std::count(bench.log.notes.begin(), bench.log.notes.end(), note) == (wanted == 3 ? 1 : 0));
  }
}

TEST_CASE("lines to topic: --atomic leaves no transaction open, whatever ends it") {
  struct Breaking final : io::Source {
    testing::FakeSource first{{{"a", "b"}}};
    io::Fill poll(Batch& batch, Millis wait) override {
      const io::Fill fill = first.poll(batch, wait);
      if (fill == io::Fill::end) throw Error(ExitCode::delivery, "standard input: cannot read");
      return fill;
    }
  };
  Bench bench;
  bench.broker.add_topic("out", 1);
  bench.job.in = {io::EndpointKind::file, false, "./in", {}};
  bench.job.open_lines_in = [] { return std::make_unique<Breaking>(); };
  bench.job.atomic = true;
  CHECK_THROWS_AS(bench.run(), Error);
  CHECK(bench.broker.open_transaction.empty());
  CHECK(bench.broker.read("out", 0).empty());
  CHECK(bench.log.notes.back() == "nothing was written: the transaction is aborted");
}

TEST_CASE(
    "worker: --on-error fail commits what came before, says where, and exits 4; the next run begins there") {
  Bench bench;
  for (const char* value : {"a", "b", "?", "c"}) bench.broker.write("in", 0, value);
  CHECK(bench.run() == ExitCode::bad_record);
  CHECK(bench.broker.read("out", 0) == Values{"a", "b"});
  CHECK(bench.broker.committed_offsets.at({"in", 0}).offset == 2);
  REQUIRE(bench.log.errors.size() == 1);
  CHECK(
      bench.log.errors[0] ==
      "in [0] @ 2: missing field: no field \"x\"\n  to see it: kread -c 1 -p 0 -o 2 in\n  to continue past such records: --on-error skip, or dead-letter:TOPIC to keep them");
  bench.job.on_error = OnError{OnError::Policy::skip, {}};
  CHECK(bench.run() == ExitCode::ok);
  CHECK(bench.broker.read("out", 0) == Values{"a", "b", "c"});
}

TEST_CASE("worker: a record that fails late is not passed over, nor is what came behind it done") {
  Bench bench;
  for (const char* value : {"a", "b", "?", "c"}) bench.broker.write("in", 0, value);
  for (const char* value : {"d", "e"}) bench.broker.write("in", 1, value);
  bench.broker.batch_size = 10;
  bench.job.set_stage([](const StageContext&) { return std::make_unique<testing::DeferringStage>(); });
  CHECK(bench.run() == ExitCode::bad_record);
  CHECK(bench.broker.read("out", 0) == Values{"a", "b"});
  CHECK(bench.broker.read("out", 1).empty());
  CHECK(bench.broker.committed_offsets.at({"in", 0}).offset == 2);
  CHECK(bench.broker.committed_offsets.at({"in", 1}).offset == 0);
}

TEST_CASE(
    "worker: records of partitions in turn: each partition stands behind the last of its own that is done") {
  const auto make = [] {
    auto bench = std::make_unique<Bench>();
    for (int i = 0; i < 6; ++i)
      for (int32_t p = 0; p < 2; ++p)
        bench->broker.write("in", p, std::string(1, static_cast<char>('a' + i)));
    bench->broker.alternates = true;
    bench->broker.batch_size = 4;
    return bench;
  };
  for (int n = 1; n <= 12; ++n) {
    CAPTURE(n);
    const int64_t first = (n + 1) / 2, second = n / 2;
    const auto stands = [&](Bench& bench) {
      CHECK(bench.broker.committed_offsets.at({"in", 0}).offset == first);
      CHECK(bench.broker.committed_offsets.at({"in", 1}).offset == second);
      CHECK(bench.broker.read("out", 0).size() == static_cast<size_t>(first));
      CHECK(bench.broker.read("out", 1).size() == static_cast<size_t>(second));
    };
    const auto limited = make();
    limited->job.max_input = n;
    CHECK(limited->run() == ExitCode::ok);
    stands(*limited);
    limited->job.max_input.reset();
    CHECK(limited->run() == ExitCode::ok);
    CHECK(limited->broker.read("out", 0) == limited->expected(0));
    CHECK(limited->broker.read("out", 1) == limited->expected(1));
    CHECK(limited->broker.violations == Values{});
    if (n == 12) break;
    for (const bool defers : {false, true}) {
      const auto failed = make();
      failed->broker.topics.at("in")[static_cast<size_t>(n % 2)][static_cast<size_t>(n / 2)].value = "?";
      if (defers)
        failed->job.set_stage(
            [](const StageContext&) { return std::make_unique<testing::DeferringStage>(); });
      CHECK(failed->run() == ExitCode::bad_record);
      stands(*failed);
    }
  }
}

TEST_CASE("worker: dead letters in the same transaction") {
  Bench bench;
  for (const char* value : {"a", "?1", "huge", "c"}) bench.broker.write("in", 1, value);
  bench.job.on_error = OnError{OnError::Policy::dead_letter, "dead"};
  // The dead-letter topic takes what the output refused.
  bench.broker.topics.at("in")[1][2].value = "?2";
  CHECK(bench.run() == ExitCode::ok);
  CHECK(bench.broker.read("out", 1) == Values{"a", "c"});
  CHECK(bench.broker.read("dead", 1) == Values{"?1", "?2"});
  CHECK(bench.broker.topics.at("dead")[1][0].transaction != 0);
}

TEST_CASE("worker: -c and -m stop at the record, and commit it") {
  Bench bench;
  bench.broker.batch_size = 3;
  for (const char* value : {"a", "-", "b", "c", "d"}) bench.broker.write("in", 0, value);
  bench.job.max_output = 2;
  CHECK(bench.run() == ExitCode::ok);
  CHECK(bench.broker.read("out", 0) == Values{"a", "b"});
  CHECK(bench.broker.committed_offsets.at({"in", 0}).offset == 3);
  bench.job.max_output.reset();
  bench.job.max_input = 1;
  CHECK(bench.run() == ExitCode::ok);
  CHECK(bench.broker.read("out", 0) == Values{"a", "b", "c"});
}

// Each record twice; `?` fails after the first.
class DoublingStage final : public Stage {
 public:
  void process(const Record& record, Emitter& out) override {
    for (const char* which : {"1", "2"}) {
      const std::string value = std::string(record.value.view()) + which;
      if (value == "?2") return out.fail(record, {Reason::missing_field, "no field \"x\""});
      Output output;
      output.value = std::string_view(value);
      out.emit(&record, output);
    }
  }
};

TEST_CASE("worker: -m ends at a record whose outputs are all written, and what is behind it comes again") {
  const bool answers_later = GENERATE(true, false);
  const Values all = answers_later
                         ? Values{"a", "b", "c", "d", "e", "f"}
                         : Values{"a1", "a2", "b1", "b2", "c1", "c2", "d1", "d2", "e1", "e2", "f1", "f2"};
  for (size_t most = 1; most <= 7; ++most) {
    Bench bench;
    bench.broker.batch_size = 10;
    for (const char* value : {"a", "b", "-", "c", "d", "e", "-", "f"}) {
      if (answers_later || *value != '-') bench.broker.write("in", 0, value);
    }
    bench.job.set_stage([&](const StageContext&) -> std::unique_ptr<Stage> {
      if (answers_later) return std::make_unique<testing::DeferringStage>();
      return std::make_unique<DoublingStage>();
    });
    bench.job.max_output = static_cast<int64_t>(most);
    INFO("answers later " << answers_later << ", -m " << most);
    Values got;
    for (int run = 0; run < 10 && got.size() < all.size(); ++run) {
      const size_t before = got.size();
      const int64_t from = run == 0 ? 0 : bench.broker.committed_offsets.at({"in", 0}).offset;
      CHECK(bench.run() == ExitCode::ok);
      got = bench.broker.read("out", 0);
      const size_t rounded = answers_later ? most : (most + 1) / 2 * 2;
      CHECK(got.size() == std::min(all.size(), before + rounded));
      const int64_t now = bench.broker.committed_offsets.at({"in", 0}).offset;
      CHECK(bench.log.notes.back().find(std::to_string(now - from) + " in, ") == 0);
    }
    CHECK(got == all);
  }
}

TEST_CASE("worker: a record that failed after its first output leaves nothing, whenever a commit is due") {
  for (int before = 0; before < 40; ++before) {
    Bench bench;
    Values all;
    for (int i = 0; i < before; ++i) {
      const std::string value = "a" + std::to_string(i) + "-";
      bench.broker.write("in", 0, value);
      all.insert(all.end(), {value + "1", value + "2"});
    }
    bench.broker.write("in", 0, "?");
    bench.broker.write("in", 0, "z");
    bench.broker.batch_size = 1;
    bench.job.set_stage([](const StageContext&) { return std::make_unique<DoublingStage>(); });
    INFO(before << " records before it");
    CHECK(bench.run() == ExitCode::bad_record);
    CHECK(bench.broker.committed_offsets.at({"in", 0}).offset <= before);
    CHECK(bench.run() == ExitCode::bad_record);
    bench.broker.topics.at("in")[0][static_cast<size_t>(before)].value = "y";
    CHECK(bench.run() == ExitCode::ok);
    all.insert(all.end(), {"y1", "y2", "z1", "z2"});
    CHECK(bench.broker.read("out", 0) == all);
  }
}

TEST_CASE("worker: a signal commits what is done and leaves") {
  Bench bench;
  bench.fill(30);
  bench.job.range.exit_at_end = false;
  bench.broker.on_poll = [&](int poll) {
    if (poll == 4) bench.stop.number = 15;
  };
  CHECK(static_cast<int>(bench.run()) == 128 + 15);
  CHECK(bench.broker.open_transaction.empty());
  const auto done = bench.broker.read("out", 0).size() + bench.broker.read("out", 1).size();
  CHECK(done > 0);
  bench.stop.number = 0;
  bench.broker.on_poll = nullptr;
  bench.job.range.exit_at_end = true;
  bench.run();
  CHECK(bench.broker.read("out", 0) == bench.expected(0));
}

TEST_CASE("worker: -e reads nothing beyond the end at start, and commits the end behind markers (rule 23)") {
  Bench bench;
  bench.fill(3);
  // Ends in a marker: the last record is not the end.
  bench.broker.transactions.push_back({"up", FakeBroker::Transaction::State::open, {}});
  const size_t number = bench.broker.transactions.size() - 1;
  bench.broker.topics.at("in")[0].push_back({"z", number, false});
  bench.broker.end_transaction(number, true);
  bench.broker.on_poll = [&](int poll) {
    if (poll == 2) bench.broker.write("in", 1, "later");
  };
  CHECK(bench.run() == ExitCode::ok);
  CHECK(bench.broker.read("out", 0) == Values{"a0", "a1", "z"});
  CHECK(bench.broker.read("out", 1) == Values{"b0", "b2"});
  CHECK(bench.broker.committed_offsets.at({"in", 0}).offset == 5);
  CHECK(bench.broker.committed_offsets.at({"in", 1}).offset == 3);
}

TEST_CASE("worker: -e waits for another producer's open transaction below the end (rule 23)") {
  Bench bench;
  bench.fill(3);
  bench.broker.transactions.push_back({"up", FakeBroker::Transaction::State::open, {}});
  const size_t number = bench.broker.transactions.size() - 1;
  bench.broker.topics.at("in")[0].push_back({"z", number, false});
  bench.broker.on_poll = [&](int poll) {
    if (poll == 30) bench.broker.end_transaction(number, true);
  };
  CHECK(bench.run() == ExitCode::ok);
  CHECK(bench.broker.read("out", 0) == Values{"a0", "a1", "z"});
}

TEST_CASE("worker: -e stays until the group has reached all ends, also those of others (rule 24)") {
  Bench bench;
  bench.fill(10);
  bool other_done = false;
  bench.broker.on_poll = [&](int poll) {
    FakeConsumer* member = FakeConsumer::broker_member();
    if (poll == 2) member->revoke({{"in", 1}}, [] {});
    if (poll == 200) {
      other_member_works(bench.broker, {"in", 1}, 10);
      other_done = true;
    }
  };
  CHECK(bench.run() == ExitCode::ok);
  CHECK(other_done);
  CHECK(bench.broker.read("out", 1) == bench.expected(1));
}

TEST_CASE("worker: -o is resolved once and committed before the first record (rule 19)") {
  Bench bench;
  bench.fill(3);
  bench.job.range.from = "end";
  bench.broker.fault = Fault::kill_after;
  // Killed right after it was committed; then more comes, and the second run must not begin at the new end.
  bench.broker.on_poll = [&](int poll) {
    if (poll == 2) throw testing::Killed();
  };
  CHECK_THROWS_AS(bench.run(), testing::Killed);
  CHECK(bench.broker.committed_offsets.at({"in", 0}).offset == 3);
  bench.broker.on_poll = nullptr;
  bench.broker.write("in", 0, "new");
  CHECK(bench.run() == ExitCode::ok);
  CHECK(bench.broker.read("out", 0) == Values{"new"});
  CHECK(bench.broker.read("out", 1).empty());
}

TEST_CASE("worker: a partition that came later is read from its beginning, whatever -o says (rule 19)") {
  Bench bench;
  bench.fill(3);
  bench.job.range.from = "end";
  CHECK(bench.run() == ExitCode::ok);
  bench.broker.topics.at("in").emplace_back();
  bench.broker.topics.at("out").emplace_back();
  bench.broker.write("in", 2, "first");
  CHECK(bench.run() == ExitCode::ok);
  CHECK(bench.broker.read("out", 2) == Values{"first"});
}

TEST_CASE("worker: a group made for another program is refused, naming what differs (rule 18)") {
  Bench bench;
  bench.fill(3);
  bench.run();
  bench.job.settings = {{"EXPR", "y"}};
  try {
    bench.run();
    FAIL("must refuse");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    CHECK(std::string(error.what()).find("EXPR was 'x', is 'y'") != std::string::npos);
    CHECK(error.hint().find("--accept-change") != std::string::npos);
    CHECK(error.hint().find("-g NAME") != std::string::npos);
  }
  bench.job.accept_change = true;
  const bool has_more = GENERATE(false, true);
  if (has_more) bench.broker.write("in", 0, "more");
  CHECK(bench.run() == ExitCode::ok);
  bench.job.accept_change = false;
  CHECK(bench.run() == ExitCode::ok);  // what was accepted is what the group is for now
}

TEST_CASE("worker: on the in-memory broker plain commits, with one note (rule 29)") {
  Bench bench;
  bench.broker.in_memory = true;
  bench.fill(10);
  CHECK(bench.run() == ExitCode::ok);
  CHECK(bench.broker.read("out", 0) == bench.expected(0));
  CHECK(bench.broker.transactions.size() == 1);
  CHECK(bench.log.notes[0] == "in-memory broker: topics are lost when it ends; delivery is at least once");
}

TEST_CASE("slots: the lowest free one; dead ones are found, living and initialising ones are not (9, 10)") {
  const auto directory =
      std::filesystem::temp_directory_path() / ("kutils-slots-" + std::to_string(getpid()));
  std::filesystem::remove_all(directory);
  auto first = InstanceSlot::take(directory, "", "g");
  auto second = InstanceSlot::take(directory, "", "g");
  auto third = InstanceSlot::take(directory, "", "g");
  CHECK(first->instance_id().ends_with(".0"));
  CHECK(third->instance_id().ends_with(".2"));
  CHECK(InstanceSlot::take(directory, "", "other")->instance_id().ends_with(".0"));
  int number = 0;
  CHECK_FALSE(first->next_dead(number));
  const std::string id = second->instance_id();
  second.reset();
  number = 0;
  {
    auto dead = first->next_dead(number);
    REQUIRE(dead);
    CHECK(dead->transactional_id == id);
    int again = 0;
    CHECK_FALSE(third->next_dead(again));  // being initialised
  }
  CHECK(InstanceSlot::take(directory, "", "g")->instance_id() == id);
  CHECK(InstanceSlot::take("", "name", "g")->instance_id() == "g.name");
  CHECK(InstanceSlot::take("", "", "g")->instance_id().empty());
  std::filesystem::remove_all(directory);
}

TEST_CASE("fingerprint: survives the trip, whatever is in a setting; long values still compare") {
  Job job;
  job.tool = "kmap";
  job.in.name = "in";
  job.out.name = "out";
  job.settings = {{"LIST", "a\\=\x1f\n\"b\""}, {"long", std::string(5000, 'x')}};
  const Fingerprint one(job, {{"in", 4}});
  CHECK(one.encoded().size() < 700);
  const auto back = Fingerprint::decode(one.encoded());
  REQUIRE(back);
  CHECK(one.differences_from(*back, true).empty());
  CHECK(back->partitions_of("in", one) == 4);
  job.settings[1].value.back() = 'y';
  const Fingerprint other(job, {{"in", 5}});
  CHECK(other.differences_from(*back, false).size() == 1);
  CHECK(other.differences_from(*back, true).size() == 2);
  CHECK_FALSE(Fingerprint::decode(""));
  CHECK_FALSE(Fingerprint::decode("another program"));
}

TEST_CASE(
    "fingerprint: many settings and inputs keep to the broker's limit for metadata, and still compare") {
  Job job;
  job.tool = "kfilter";
  job.in.name = "^topic";
  for (int i = 0; i < 50; ++i)
    job.settings.push_back({"--header", std::string(100, static_cast<char>('a' + i % 26))});
  std::vector<std::pair<std::string, int32_t>> inputs;
  for (int i = 0; i < 500; ++i) inputs.emplace_back("topic." + std::to_string(1000 + i), 3);
  const Fingerprint first(job, inputs);
  CHECK(first.encoded().size() < 4096);
  const auto earlier = Fingerprint::decode(first.encoded());
  REQUIRE(earlier);
  CHECK(first.differences_from(*earlier, true).empty());
  CHECK(earlier->partitions_of("topic.1000", first) == 3);
  CHECK(earlier->partitions_of("topic.1499", first) == std::nullopt);  // as many as now

  auto settings = job;
  settings.settings.back().value = "b";
  CHECK(Fingerprint(settings, inputs).differences_from(*earlier, false).size() == 1);

  inputs.back().second = 4;
  const Fingerprint grown(job, inputs);
  CHECK(grown.differences_from(*earlier, false).empty());
  CHECK(grown.differences_from(*earlier, true).size() == 1);
  CHECK(earlier->partitions_of("topic.1499", grown) == 0);
  CHECK(earlier->partitions_of("topic.1000", grown) == 3);

  inputs.back().second = 3;
  inputs.insert(inputs.begin(), {"topic.0", 3});  // a new one that the pattern matches
  CHECK(earlier->partitions_of("topic.0", Fingerprint(job, inputs)) == 0);
}

}  // namespace
}  // namespace kutils::flow
