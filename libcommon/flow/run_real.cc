// run() with the machine's own parts; apart from run.cc, so that its tests need no librdkafka.
#include "flow/run.h"

namespace kutils::flow {
namespace {

Error not_yet() { return usage_error("topics are not wired yet"); }

}  // namespace

ExitCode run(const Job& job) {
  const SystemClock clock;
  StderrLog log(job.tool, job.quiet);
  const StopSignals stop;
  return run(
      job, Surroundings{
               clock,
               log,
               stop,
               [&]() -> std::unique_ptr<kafka::Admin> { throw not_yet(); },
               [&](const std::string&, const std::string&) -> std::unique_ptr<kafka::GroupConsumer> {
                 throw not_yet();
               },
               [&]() -> std::unique_ptr<kafka::Producer> { throw not_yet(); },
               [&](const std::string&) -> std::unique_ptr<kafka::TransactionalProducer> { throw not_yet(); },
               {},
               {},
               {},
               {},
               {}});
}

}  // namespace kutils::flow
