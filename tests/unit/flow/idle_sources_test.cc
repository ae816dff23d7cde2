// -e behind a repartition: what a source partition that had nothing for the run holds back (rules 25
// to 27).
#include <set>
#include <utility>
#include <vector>

#include "flow/run/run.h"
#include "flow/tasks/state_support.h"
#include "support/catch.h"
#include "support/fake_environment.h"
#include "support/state_folder.h"

namespace kutils::flow {
namespace {

using testing::Folder;
using Told = std::set<std::pair<int32_t, int32_t>>;  // partition behind, source

class Forward final : public Stage {
 public:
  void process(const Record& record, Emitter& out) override {
    Output output;
    output.key = record.key;
    output.value = record.value;
    out.emit(&record, output);
  }
};

class Behind final : public Stage {
 public:
  Behind(const StageContext& context, Told& told)
      : store_(*context.store), partition_(context.partition), told_(told) {
    store_.set_description("behind");
  }
  void process(const Record&, Emitter&) override { ++rows_; }
  void before_commit(Emitter&) override {
    if (rows_ > 0) store_.put("rows", "some");
    rows_ = 0;
  }
  size_t dirty_rows() const override { return rows_; }
  void source_ended(int32_t source, Emitter&) override {
    told_.emplace(partition_, source);
    ++rows_;
  }

 private:
  state::Store& store_;
  int32_t partition_;
  Told& told_;
  size_t rows_ = 0;
};

TEST_CASE("-e: a source that never spoke, or was silent since the last run, holds nothing back at the end") {
  Folder disk;
  testing::FakeEnvironment bench;
  bench.broker.add_topic("in", 3);
  bench.broker.add_topic("g-repartition", 3);
  Told told;
  Job job;
  job.tool = "kwindow";
  job.in = {io::EndpointKind::topic, false, "in", {}};
  job.out = {io::EndpointKind::topic, false, "out", {}};
  job.group = "g";
  job.instance = "i";
  job.range.exit_at_end = true;
  job.state_dir = disk.path();
  job.cache_bytes = size_t{1} << 20;
  give_state(job);
  job.topology.add({"forward", [](const StageContext&) { return std::make_unique<Forward>(); }});
  job.topology.add_internal_topic();
  job.topology.add(
      {"behind", [&](const StageContext& context) { return std::make_unique<Behind>(context, told); }, true});
  const auto run = [&] {
    told.clear();
    CHECK(flow::run(job, bench.around()) == ExitCode::ok);
    CHECK(bench.broker.violations == std::vector<std::string>{});
  };

  bench.broker.write("in", 0, "a");
  bench.broker.write("in", 1, "b");
  run();
  CHECK(told == Told{{0, 2}, {1, 2}, {2, 2}});

  // At once again: that 1 was silent for ten seconds cannot be said.
  bench.broker.write("in", 0, "c");
  run();
  CHECK(told == Told{{0, 2}, {1, 2}, {2, 2}});

  bench.clock.jump(kSilentSourceMs);
  bench.broker.write("in", 0, "d");
  run();
  CHECK(told == Told{{0, 1}, {1, 1}, {2, 1}, {0, 2}, {1, 2}, {2, 2}});

  bench.clock.jump(kSilentSourceMs);
  bench.broker.write("in", 1, "e");
  bench.broker.write("in", 2, "f");
  run();
  CHECK(told == Told{{0, 0}, {1, 0}, {2, 0}});
}

}  // namespace
}  // namespace kutils::flow
