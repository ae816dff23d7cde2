// A table over a table through the worker: rows in front of the repartition topic, groups behind it, each
// with state of its own. On a broker that fails at the n-th call, whatever becomes of the local state: every
// group is what an arithmetic beside the product says, each change was written once, and changelog and disk
// hold the same rows.
#include <map>
#include <random>

#include "flow/aggregate/expression_reader.h"
#include "flow/run/run.h"
#include "flow/table/table_stage.h"
#include "state/state_format.h"
#include "support/catch.h"
#include "support/fake_environment.h"
#include "support/keyed_sink.h"
#include "support/local_disk.h"

namespace kutils::flow {
namespace {

using Catch::Matchers::ContainsSubstring;
using testing::FakeBroker;
using testing::LocalDisk;
using Fault = FakeBroker::Fault;
using Rows = std::map<std::string, std::string>;
using TP = kafka::TopicPartition;
using Values = std::vector<std::string>;

constexpr size_t kRowPartitions = 2;
constexpr size_t kGroupPartitions = 3;  // more than IN has, so that numbers which were mixed up do not fit
constexpr size_t kStates = kGroupPartitions + kRowPartitions;
constexpr size_t kSteps = 14;

struct Bench : testing::FakeEnvironment {
  LocalDisk& disk;
  AggregateSet set{parse_aggregates("n=count(), s=sum(v), k=distinct(_key)", "AGGS")};
  Job job;

  explicit Bench(LocalDisk& place, Delivery delivery = Delivery::exactly_once) : disk(place) {
    broker.add_topic("in", kRowPartitions);
    broker.add_topic("g-repartition", kGroupPartitions);
    job.tool = "ktable";
    job.settings = {{"AGGS", "n"}};
    job.in = {io::EndpointKind::topic, false, "in", {}};
    job.in.table = true;
    job.out = {io::EndpointKind::topic, false, "out", {}};
    job.group = "g";
    job.instance = "i";
    job.range.exit_at_end = true;
    job.delivery = delivery;
    disk.give_state(job, broker);
    GroupingPlan plan;
    plan.by = "g";
    plan.needs_time = false;
    plan.null_group_is_none = true;
    const auto rows = [this, plan](const StageContext& context) {
      CHECK(context.partition < static_cast<int32_t>(kRowPartitions));
      return make_source_table(set, std::make_unique<ExpressionReader>(plan, expr::Options(), set, nullptr),
                               *context.store);
    };
    job.topology.add({"rows", rows, true});
    job.topology.add_internal_topic();
    const auto groups = [this](const StageContext& context) {
      TableOptions options;
      options.emit = TableEmit::update;
      options.key_names = {"g"};
      options.cache_bytes = 0;
      context.store->set_description("groups");
      return make_regrouped_changes(options, set, *context.store);
    };
    job.topology.add({"groups", groups, true});
  }
  // Six rows that wander among three groups and none, change within one, go and come back.
  void fill(size_t from, size_t to) {
    for (size_t i = from; i < to; ++i) {
      for (size_t p = 0; p < kRowPartitions; ++p) {
        const std::string key = std::string(1, static_cast<char>('a' + i % 3)) + std::to_string(p);
        const size_t where = (i * 5 + p * 3) % 7;
        const std::string group = where < 5 ? "\"g" + std::to_string(where / 2) + "\"" : "null";
        broker.write_keyed("in", p, key, R"({"g":)" + group + R"(,"v":)" + std::to_string(i) + "}");
        broker.topics["in"][p].back().is_null = where == 6;
      }
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

  // Of all partitions: each group's values in their order.
  std::map<std::string, Values> output() const {
    std::map<std::string, Values> groups;
    for (size_t p = 0; p < broker.topics.at("out").size(); ++p)
      for (const std::string& value : broker.read("out", p)) groups[value.substr(6, 2)].push_back(value);
    return groups;
  }
  Rows changelog(size_t state) const {
    return testing::without_meta(broker.read_table("g-changelog", state));
  }
  Rows stored(size_t state) const { return disk.stored("g", state); }

  void check() const {
    struct Group {
      int n = 0;
      int sum = 0;
      size_t changes = 0;
    };
    std::map<std::string, Group> groups;
    size_t rows_left = 0;
    for (const auto& log_of : broker.topics.at("in")) {
      std::map<std::string, std::pair<std::string, int>> rows;  // the group, "" for none; v
      for (const FakeBroker::Entry& entry : log_of) {
        const bool has_group = !entry.is_null && entry.value.find("null") == std::string::npos;
        const std::string now = has_group ? entry.value.substr(6, 2) : "";
        const int v = std::stoi(entry.value.substr(entry.value.rfind(':') + 1));
        const auto old = rows.find(*entry.key);
        const std::string before = old == rows.end() ? "" : old->second.first;
        if (!before.empty()) --groups[before].n, groups[before].sum -= old->second.second;
        if (!before.empty() && before != now) ++groups[before].changes;
        if (!now.empty()) ++groups[now].n, groups[now].sum += v, ++groups[now].changes;
        if (entry.is_null) {
          rows.erase(*entry.key);
        } else {
          rows[*entry.key] = {now, v};
        }
      }
      rows_left += rows.size();
    }
    const auto written = output();
    CHECK(written.size() == groups.size());
    for (const auto& [name, group] : groups) {
      INFO("group " << name);
      const std::string n = std::to_string(group.n);
      const std::string newest = R"({"g":")" + name + R"(","n":)" + n + R"(,"s":)" +
                                 std::to_string(group.sum) + R"(,"k":)" + n + "}";
      REQUIRE(written.contains(name));
      CHECK(written.at(name).back() == newest);
      if (job.delivery == Delivery::exactly_once) {
        CHECK(written.at(name).size() == group.changes);
      } else {
        CHECK(written.at(name).size() >= group.changes);
      }
    }
    // Rows and groups lie where they belong, and nowhere else.
    size_t source_rows = 0, group_rows = 0;
    for (size_t state = 0; state < kStates; ++state) {
      const Rows rows = changelog(state);
      CHECK(rows == stored(state));
      for (const auto& [key, value] : rows)
        CHECK(key[1] == (state < kGroupPartitions ? state::kGroupRow : state::kSourceRow));
      (state < kGroupPartitions ? group_rows : source_rows) += rows.size();
    }
    CHECK(source_rows == rows_left);
    CHECK(group_rows == groups.size());
    CHECK(broker.violations == Values{});
  }
};

struct HalfWay {
  LocalDisk disk;
  FakeBroker broker;
  int calls = 0;  // of the other half
  HalfWay(LocalDisk::Kind kind, Delivery delivery) : disk(kind) {
    Bench bench(disk, delivery);
    bench.fill(0, kSteps / 2);
    REQUIRE(bench.run() == ExitCode::ok);
    bench.check();
    bench.fill(kSteps / 2, kSteps);
    broker = bench.broker;
    LocalDisk other(kind);
    other.become(disk);
    Bench undisturbed(other, delivery);
    undisturbed.broker = broker;
    REQUIRE(undisturbed.run() == ExitCode::ok);
    undisturbed.check();
    calls = undisturbed.broker.calls - broker.calls;
    CHECK(calls > 40);
  }
};

enum class LocalState { kept, wiped, stale };

// At each `step`th call, from another first one in each run.
void check_faults(LocalDisk::Kind kind, Delivery delivery, unsigned step) {
  const HalfWay half(kind, delivery);
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
        Bench bench(disk, delivery);
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
        bench.fill(kSteps, kSteps + 1);
        CHECK(bench.run() == ExitCode::ok);
        bench.check();
      }
    }
  }
}

TEST_CASE(
    "a table over a table, exactly once: whatever call fails or kills it, with its local state kept, lost or "
    "old") {
  check_faults(LocalDisk::Kind::simulated, Delivery::exactly_once, 1);
}

TEST_CASE(
    "a table over a table, at least once: the groups are exact all the same, and no change is missing (rule 5)") {
  check_faults(LocalDisk::Kind::simulated, Delivery::at_least_once, 1);
}

TEST_CASE("a table over a table in files: whatever call fails or kills it") {
  // Each opening of five databases takes milliseconds.
  check_faults(LocalDisk::Kind::files, Delivery::exactly_once, 151);
}

TEST_CASE(
    "a table over a table: one changelog, the rows' partitions behind the groups'; a read part of the topic "
    "is not of IN") {
  LocalDisk disk(LocalDisk::Kind::files);
  Bench bench(disk);
  bench.fill(0, kSteps);
  REQUIRE(bench.run() == ExitCode::ok);
  CHECK(bench.broker.topics.at("g-changelog").size() == kStates);
  CHECK(bench.broker.committed_offsets.at({"in", 1}).offset == kSteps);
  CHECK(bench.broker.committed_offsets.at({"g-repartition", 2}).offset > 0);
  bench.check();
}

TEST_CASE(
    "a table over a table: an input that gained partitions, or that lost its offsets with its topic, is "
    "refused") {
  LocalDisk disk(LocalDisk::Kind::files);
  Bench bench(disk);
  bench.fill(0, kSteps);
  REQUIRE(bench.run() == ExitCode::ok);
  SECTION("gained") {
    bench.broker.topics["in"].resize(kRowPartitions + 1);
    CHECK_THROWS_WITH(bench.run(), ContainsSubstring("partitions"));
  }
  SECTION("recreated, shorter") {
    bench.broker.topics["in"].assign(kRowPartitions, {});
    bench.broker.committed_offsets.erase({"in", 0});
    bench.broker.committed_offsets.erase({"in", 1});
    CHECK_THROWS_WITH(bench.run(), ContainsSubstring("recreated"));
  }
  SECTION("recreated, as long") {
    for (auto& log : bench.broker.topics["in"])
      for (auto& entry : log) entry.value[entry.value.size() - 2] = '7', entry.is_null = false;
    bench.broker.committed_offsets.erase({"in", 0});
    bench.broker.committed_offsets.erase({"in", 1});
    CHECK_THROWS_WITH(bench.run(), ContainsSubstring("recreated"));
  }
  SECTION("only the offsets expired, all of them") {
    bench.broker.committed_offsets.clear();
    bench.fill(kSteps, kSteps + 3);
    CHECK(bench.run() == ExitCode::ok);
    bench.check();
  }
}

TEST_CASE("a table over a table: a broker in memory whose process is gone cannot go on") {
  LocalDisk disk(LocalDisk::Kind::files);
  Bench bench(disk);
  bench.broker.in_memory = true;
  bench.fill(0, kSteps);
  REQUIRE(bench.run() == ExitCode::ok);
  // There topics have as many partitions as the broker gives them, and the changelog is not read back (rule
  // 29).
  CHECK(bench.broker.topics.at("g-changelog").size() == kGroupPartitions);
  bench.fill(kSteps, kSteps + 1);
  CHECK_THROWS_WITH(bench.run(), ContainsSubstring("in the memory of a process that has ended"));
}

TEST_CASE(
    "a table over a table: rows whose changes the topic does not take are errors, and the others are right") {
  LocalDisk disk(LocalDisk::Kind::files);
  Bench bench(disk);
  bench.job.on_error = OnError{OnError::Policy::skip, {}};
  const auto put = [&](const char* key, const char* value) { bench.broker.write_keyed("in", 0, key, value); };
  put("a", R"({"g":"g0","v":1})");
  put("b", R"({"g":"g0","v":2})");
  put("a", R"({"g":"huge","v":4})");  // it cannot join: it is in no group
  put("b", R"({"g":"g0","v":"no number"})");
  REQUIRE(bench.run() == ExitCode::ok);
  auto written = bench.output();
  CHECK(written["g0"].back() == R"({"g":"g0","n":1,"s":2,"k":1})");
  put("a", R"({"g":"g1","v":5})");
  put("b", R"({"g":"g1","v":6})");
  REQUIRE(bench.run() == ExitCode::ok);
  written = bench.output();
  CHECK(written["g0"].back() == R"({"g":"g0","n":0,"s":0,"k":0})");
  CHECK(written["g1"].back() == R"({"g":"g1","n":2,"s":11,"k":2})");
}

}  // namespace
}  // namespace kutils::flow
