#include "flow/run.h"

#include "flow/plain_loop.h"
#include "flow/processor.h"
#include "flow/progress.h"
#include "flow/report.h"
#include "flow/sink_outputs.h"
#include "flow/worker.h"

namespace kutils::flow {
namespace {

OnError::Policy policy_of(const Job& job) {
  if (job.on_error) return job.on_error->policy;
  return job.out.is_topic() ? OnError::Policy::fail : OnError::Policy::report;
}

ExitCode exit_code(const Job& job, const Surroundings& around, Processor::End ended, const Report& report) {
  if (ended == Processor::End::failed) return ExitCode::bad_record;
  if (policy_of(job) == OnError::Policy::report && report.counts.failures > 0) return ExitCode::bad_record;
  if (const int signal = around.stop.signal()) return static_cast<ExitCode>(128 + signal);
  return ExitCode::ok;
}

ExitCode run_lines(const Job& job, const Surroundings& around) {
  Progress progress(job.tool, job.progress, around.clock);
  WipingLog log(around.log, progress);
  Report report(log);
  auto source = job.open_lines_in();
  std::vector<std::unique_ptr<io::Sink>> sinks;
  sinks.push_back(job.open_lines_out());
  for (const MoreOutput& more : job.more_outputs) {
    if (!more.open_lines)
      throw usage_error("from lines, all outputs of one tool are lines or all are topics");
    sinks.push_back(more.open_lines());
  }
  for (const MoreOutput& more : job.more_outputs) sinks.push_back(more.open_lines());
  SinkOutputs outputs(job.tool, std::move(sinks), nullptr);
  auto stage = job.make_stage(StageContext{.clock = &around.clock});
  Processor processor(policy_of(job), {job.max_input, job.max_output}, outputs, report);
  PlainLoop loop({*source, outputs, *stage, processor, report, around.clock, around.stop, progress, {}, {}});
  try {
    loop.run();
  } catch (const io::ReaderGone&) {
    return static_cast<ExitCode>(128 + 13);  // as a coreutil that SIGPIPE ended
  }
  if (report.noteworthy() || job.verbose > 0) log.note(report.summary());
  return exit_code(job, around, processor.ended(), report);
}

ExitCode run_topics(const Job& job, const Surroundings& around) {
  Progress progress(job.tool, job.progress, around.clock);
  WipingLog log(around.log, progress);
  Report report(log);
  const WorkerOutcome outcome = run_worker(job, around, report, progress, log, policy_of(job));
  progress.wipe();
  log.note(report.summary());
  return exit_code(job, around, outcome.ended, report);
}

}  // namespace

ExitCode run(const Job& job, const Surroundings& around) {
  if (job.in.is_lines() && job.out.is_lines()) return run_lines(job, around);
  if (job.in.is_topic() && job.out.is_topic()) return run_topics(job, around);
  throw usage_error("topics are not wired yet");
}

}  // namespace kutils::flow
