// What is found out about a group before it is joined.
#include "flow/run/worker_plan.h"

#include "support/catch.h"
#include "support/fake_environment.h"
#include "support/fixed_admin.h"

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

}  // namespace

TEST_CASE("a sibling that begins while the group is looked at has lost nothing") {
  Bench bench;
  bench.admin.fingerprint = Fingerprint(bench.job, {{"in", 2}}).encoded();
  SECTION("its state was seen") { bench.admin.marks[{"g-changelog", 1}] = {0, 7}; }
  SECTION("its offsets behind the internal topic were seen") { bench.admin.behind = true; }
  const WorkerPlan plan = bench.prepared();
  CHECK(plan.earlier_counts.at("in") == 2);
  CHECK(plan.without_offsets.empty());
}

TEST_CASE("state without offsets is refused, and offsets behind an internal topic without those before it") {
  Bench bench;
  bench.admin.marks[{"g-changelog", 1}] = {0, 7};
  CHECK_THROWS_WITH(bench.prepared(), ContainsSubstring("group g has state, but no offsets"));
  bench.admin.behind = true;
  CHECK_THROWS_WITH(bench.prepared(), ContainsSubstring("group g has run before, but has no offsets in in"));
}

}  // namespace kutils::flow
