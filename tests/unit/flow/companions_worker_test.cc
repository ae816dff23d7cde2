// A task that reads a topic beside an internal one, in a run with an end, on a broker that fails at the n-th call: the
// topic waits for all that the group brings to the internal one (rule 16), and the run ends all the same.
#include <map>

#include "flow/run/run.h"
#include "support/catch.h"
#include "support/fake_environment.h"
#include "support/lines_fakes.h"
#include "support/simulated_state.h"

namespace kutils::flow {
namespace {

using testing::FakeBroker;
using Fault = FakeBroker::Fault;
using Values = std::vector<std::string>;

// Tells what came, and in which order.
class Noting final : public testing::PickyStage {
 public:
  explicit Noting(Values& came) : came_(came) {}
  void process(const Record& record, Emitter& out) override {
    came_.emplace_back(record.value.view());
    PickyStage::process(record, out);
  }

 private:
  Values& came_;
};

struct Bench : testing::FakeEnvironment {
  Job job;
  std::map<int32_t, testing::Disk> disks;
  Values came;

  explicit Bench(size_t batch_size) {
    for (const char* topic : {"in", "rows", "out"}) broker.add_topic(topic, 1);
    broker.add_topic("g-repartition", 1);
    broker.batch_size = batch_size;
    broker.most_calls = 20'000;
    broker.wait_in_vain = [this] { clock.jump(5000); };
    job.tool = "kjoin";
    job.in = {io::EndpointKind::topic, false, "in", {}};
    job.out = {io::EndpointKind::topic, false, "out", {}};
    job.group = "g";
    job.instance = "i";
    job.open_state = [this](const StatePlace& place, const Environment& parts, kafka::Admin&) {
      return std::make_unique<testing::SimulatedOpening>(broker, disks[place.changelog.partition], place,
                                                         parts.executor);
    };
    job.range.exit_at_end = true;
    job.topology.add(
        {"forward", [](const StageContext&) { return std::make_unique<testing::PickyStage>(); }});
    job.topology.add_internal_topic();
    job.topology.add({"note",
                      [this](const StageContext& context) {
                        context.store->set_description("nothing");
                        return std::make_unique<Noting>(came);
                      },
                      true});
    job.topology.add_copartitioned("rows", true);
    for (int i = 0; i < 5; ++i) {
      broker.write_keyed("in", 0, "k", "in" + std::to_string(i));
      broker.write_keyed("rows", 0, "k", "row" + std::to_string(i));
    }
  }
  bool work() {
    for (int run = 0; run < 20; ++run) {
      try {
        if (flow::run(job, around()) == ExitCode::ok) return true;
      } catch (const testing::Killed&) {
        // the next one takes its place
      } catch (const Error&) {
        CHECK(broker.calls >= broker.fault_at);
      }
    }
    return false;
  }
};

TEST_CASE("beside an internal topic: what is read there waits for all that the run brings to it") {
  Bench bench(GENERATE(1, 2, 100));
  CHECK(bench.work());
  CHECK(bench.came == Values{"in0", "in1", "in2", "in3", "in4", "row0", "row1", "row2", "row3", "row4"});
  CHECK(bench.broker.read("out", 0) == bench.came);
  // Nothing is left: neither side waits for the other.
  CHECK(bench.work());
  CHECK(bench.came.size() == 10);
}

TEST_CASE("beside an internal topic: whatever call fails, nothing is lost or doubled, and the run ends") {
  const size_t batch_size = GENERATE(1, 100);
  int calls = 0;
  {
    Bench bench(batch_size);
    CHECK(bench.work());
    calls = bench.broker.calls;
  }
  CHECK(calls > 20);
  for (const Fault fault :
       {Fault::kill_before, Fault::kill_after, Fault::abort_before, Fault::retriable_before,
        Fault::fatal_before, Fault::fatal_after, Fault::unanswered_before, Fault::unanswered_after}) {
    for (int at = 1; at <= calls; ++at) {
      Bench bench(batch_size);
      bench.broker.fault = fault;
      bench.broker.fault_at = at;
      INFO("fault " << static_cast<int>(fault) << " at call " << at << " of " << calls);
      CHECK(bench.work());
      CHECK(bench.broker.read("out", 0) ==
            Values{"in0", "in1", "in2", "in3", "in4", "row0", "row1", "row2", "row3", "row4"});
      CHECK(bench.broker.violations == Values{});
    }
  }
}

}  // namespace
}  // namespace kutils::flow
