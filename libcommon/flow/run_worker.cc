// Building workers, and building them anew.
#include <thread>

#include "flow/worker.h"

namespace kutils::flow {
namespace {

constexpr int kMaxFatalInARow = 3;

// Dead siblings' transactions hold up every reader until they time out: end them on their behalf (10).
void end_dead_transactions(const InstanceSlot& slot, const Surroundings& around, const StopRequest& stop) {
  int number = 0;
  while (stop.signal() == 0) {
    const auto dead = slot.next_dead(number);
    if (!dead) return;
    for (const char* suffix : {".0", ".1"}) {
      around.make_transactional_producer(dead->transactional_id + suffix)->init();
    }
  }
}

}  // namespace

WorkerOutcome run_worker(const Job& job, const Surroundings& around, Report& report, Progress& progress,
                         Log& log, OnError::Policy policy) {
  const auto admin = around.make_admin();
  admin->connect(Millis(10'000));
  const WorkerPlan plan = prepare(job, around, *admin, log);
  const auto slot = InstanceSlot::take(job.state_dir, job.instance, plan.group);

  std::thread cleaner;
  if (plan.exactly_once) {
    cleaner = std::thread([&] {
      try {
        end_dead_transactions(*slot, around, around.stop);
      } catch (const Error&) {
        // Only a help for others; their time-out ends those transactions too.
      }
    });
  }
  struct Join {
    std::thread& thread;
    ~Join() {
      if (thread.joinable()) thread.join();
    }
  } join{cleaner};

  Processor::Checkpoint counted;
  int fatal_in_a_row = 0;
  for (;;) {
    Worker worker({job, around, plan, *slot, *admin, report, progress, log, policy, counted});
    try {
      worker.run();
      return {worker.ended()};
    } catch (const kafka::KafkaError& error) {
      counted = worker.committed_counts();
      if (error.code() == ExitCode::connection || error.code() == ExitCode::usage) throw;
      if (around.stop.signal() != 0)
        return {};  // asked to stop: what is committed stands, the rest comes again
      if (worker.has_committed() || worker.was_away()) fatal_in_a_row = 0;
      if (++fatal_in_a_row > kMaxFatalInARow) {
        throw Error(ExitCode::delivery,
                    std::string("gave up after ") + std::to_string(kMaxFatalInARow) +
                        " new starts in a row: " + error.what(),
                    "does another process run as " + slot->instance_id() + "? Give each its own --instance");
      }
      log.note(std::string("starting anew from what is committed: ") + error.what());
    }
  }
}

}  // namespace kutils::flow
