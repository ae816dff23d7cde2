// Two tables joined by a foreign key through the worker: three sub-topologies with state, two internal topics, one
// of them written by two of the three. On a broker that fails at the n-th call, whatever becomes of the local state:
// the output comes to the plain join, and changelog and disk hold the same rows.
#include <map>
#include <random>
#include <set>
#include <string>

#include "base/murmur2.h"
#include "flow/join/foreign_join.h"
#include "flow/run/run.h"
#include "support/catch.h"
#include "support/fake_environment.h"
#include "support/keyed_sink.h"
#include "support/local_disk.h"

namespace kutils::flow {
namespace {

using testing::FakeBroker;
using testing::LocalDisk;
using Fault = FakeBroker::Fault;
using Rows = std::map<std::string, std::string>;

// Different ones, so that numbers which were mixed up do not fit.
constexpr size_t kLeftPartitions = 2, kRightPartitions = 3;
constexpr size_t kStates = 2 * kLeftPartitions + kRightPartitions;
constexpr size_t kSteps = 18;

struct Bench : testing::FakeEnvironment {
  LocalDisk& disk;
  Job job;

  Bench(LocalDisk& place, JoinType type) : disk(place) {
    broker.add_topic("left", kLeftPartitions);
    broker.add_topic("right", kRightPartitions);
    job.tool = "kjoin";
    job.settings = {{"--on", "f"}};
    job.in = {io::EndpointKind::topic, false, "left", {}};
    job.in.table = true;
    job.out = {io::EndpointKind::topic, false, "out", {}};
    job.group = "g";
    job.instance = "i";
    job.range.exit_at_end = true;
    job.max_wait = Millis(0);
    disk.give_state(job, broker);
    JoinOptions options;
    options.left_topic = "left";
    options.right_topic = "right";
    options.on = "f";
    options.type = type;
    const auto add = [&](const char* name, auto make) {
      job.topology.add({name,
                        [options, make](const StageContext& context) {
                          context.store->set_description("rows");
                          return make(options, *context.store);
                        },
                        true});
    };
    add("asking", make_foreign_asking);
    job.topology.add_internal_topic();
    add("answering", make_foreign_answering);
    job.topology.add_copartitioned("right", true);
    job.topology.add_internal_topic();
    add("joining", make_foreign_joining);
  }

  void write(const std::string& topic, const std::string& key, const std::string& value, bool deletes) {
    auto& logs = broker.topics[topic];
    const auto at = static_cast<size_t>(murmur2_partition(key, static_cast<int32_t>(logs.size())));
    broker.write_keyed(topic, at, key, value);
    logs[at].back().is_null = deletes;
  }
  // Six left rows that wander among four right ones and none; both sides' come and go.
  void fill(size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      const size_t where = i * 5 % 7;
      write("left", "a" + std::to_string(i % 6),
            R"({"f":)" + (where < 4 ? "\"r" + std::to_string(where) + "\"" : "null") + R"(,"n":)" +
                std::to_string(i) + "}",
            where == 5);
      write("right", "r" + std::to_string(i * 3 % 4), std::to_string(i), i % 5 == 4);
    }
  }
  ExitCode run() {
    Environment around = FakeEnvironment::around();
    around.make_topic_sink = [this](kafka::Producer& producer, kafka::Admin&, const std::string& topic,
                                    const auto&) {
      return std::make_unique<testing::KeyedSink>(broker, producer, topic);
    };
    return flow::run(job, around);
  }

  Rows table(const std::string& topic) const {
    Rows all;
    for (size_t p = 0; p < broker.topics.at(topic).size(); ++p) {
      const Rows rows = broker.read_table(topic, p);
      all.insert(rows.begin(), rows.end());
    }
    return all;
  }
  void check(JoinType type) const {
    const Rows left = table("left"), right = table("right");
    Rows wanted;
    std::set<std::string> asked_for;
    for (const auto& [key, row] : left) {
      const std::string foreign = row[5] == '"' ? row.substr(6, 2) : "";
      const auto found = right.find(foreign);
      if (!foreign.empty()) asked_for.insert(foreign);
      if (found != right.end() || type.left)
        wanted[key] =
            "{\"left\":" + row + ",\"right\":" + (found == right.end() ? "null" : found->second) + "}";
    }
    CHECK(table("out") == wanted);
    size_t rows_left = 0;
    for (size_t state = 0; state < kStates; ++state) {
      const Rows rows = testing::without_meta(broker.read_table("g-changelog", state));
      CHECK(rows == disk.stored("g", state));
      rows_left += rows.size();
    }
    // So few who ask for a key stand in one row.
    CHECK(rows_left == 2 * left.size() + asked_for.size() + right.size());
    CHECK(broker.violations == std::vector<std::string>{});
  }
};

struct HalfWay {
  LocalDisk disk;
  FakeBroker broker;
  int calls = 0;  // of the other half
  HalfWay(LocalDisk::Kind kind, JoinType type) : disk(kind) {
    Bench bench(disk, type);
    bench.fill(0, kSteps / 2);
    REQUIRE(bench.run() == ExitCode::ok);
    bench.check(type);
    bench.fill(kSteps / 2, kSteps);
    broker = bench.broker;
    LocalDisk other(kind);
    other.become(disk);
    Bench undisturbed(other, type);
    undisturbed.broker = broker;
    REQUIRE(undisturbed.run() == ExitCode::ok);
    undisturbed.check(type);
    calls = undisturbed.broker.calls - broker.calls;
    CHECK(calls > 40);
  }
};

enum class LocalState { kept, wiped, stale };

// At each `step`th call, from another first one in each run.
void check_faults(LocalDisk::Kind kind, JoinType type, unsigned step) {
  const HalfWay half(kind, type);
  LocalDisk disk(kind);
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const Fault fault : {Fault::kill_before, Fault::kill_after, Fault::abort_before, Fault::fatal_before,
                            Fault::fatal_after}) {
    const bool kills = fault == Fault::kill_before || fault == Fault::kill_after;
    for (const LocalState local : {LocalState::kept, LocalState::wiped, LocalState::stale}) {
      if (!kills && local != LocalState::kept) continue;  // the process lives on
      for (int at = 1 + static_cast<int>(random() % step); at <= half.calls; at += static_cast<int>(step)) {
        disk.become(half.disk);
        Bench bench(disk, type);
        bench.broker = half.broker;
        bench.broker.fault = fault;
        bench.broker.fault_at = half.broker.calls + at;
        INFO("fault " << static_cast<int>(fault) << " at call " << at << ", local state "
                      << static_cast<int>(local));
        for (bool killed = true; killed;) {
          try {
            const ExitCode code = bench.run();
            CHECK(code == ExitCode::ok);
            killed = false;
          } catch (const testing::Killed&) {
            if (local == LocalState::wiped) disk.clear();
            if (local == LocalState::stale) disk.become(half.disk);
          }
        }
        // A killed one may have done everything: then only the next records have the states opened again.
        bench.fill(kSteps, kSteps + 5);
        CHECK(bench.run() == ExitCode::ok);
        bench.check(type);
      }
    }
  }
}

TEST_CASE("join by foreign key: whatever call fails or kills it, with its local state kept, lost or old",
          "[foreign]") {
  check_faults(LocalDisk::Kind::simulated, kInnerJoin, 1);
}

TEST_CASE("join by foreign key, --left, in files: whatever call fails or kills it", "[foreign]") {
  // Each opening of seven databases takes milliseconds.
  check_faults(LocalDisk::Kind::files, kLeftJoin, 211);
}

TEST_CASE("join by foreign key: internal topics of the right's partitions and of the left's, one changelog",
          "[foreign]") {
  LocalDisk disk(LocalDisk::Kind::simulated);
  Bench bench(disk, kInnerJoin);
  bench.fill(0, kSteps);
  REQUIRE(bench.run() == ExitCode::ok);
  CHECK(bench.broker.topics.at("g-repartition").size() == kRightPartitions);
  CHECK(bench.broker.topics.at("g-repartition-2").size() == kLeftPartitions);
  CHECK(bench.broker.topics.at("g-changelog").size() == kStates);
  bench.check(kInnerJoin);
}

}  // namespace
}  // namespace kutils::flow
