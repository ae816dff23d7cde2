#include "flow/run/run.h"

#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <cstdlib>

#include "flow/membership/known_topic_source.h"
#include "flow/membership/partition_watch.h"
#include "flow/run/new_topic_sink.h"
#include "flow/run/parallel_workers.h"
#include "flow/run/plain_loop.h"
#include "flow/run/processor.h"
#include "flow/run/progress.h"
#include "flow/run/report.h"
#include "flow/run/worker.h"
#include "flow/topology/chain.h"
#include "flow/topology/named_outputs.h"
#include "flow/transaction/sink_outputs.h"
#include "io/partitions_of_lines.h"

namespace kutils::flow {
namespace {

OnError::Policy policy_of(const Job& job) {
  if (job.on_error) return job.on_error->policy;
  return job.out.is_topic() ? OnError::Policy::fail : OnError::Policy::report;
}

ExitCode exit_code(const Job& job, const Environment& around, Processor::End ended, const Report& report) {
  if (ended == Processor::End::failed) return ExitCode::bad_record;
  if (policy_of(job) == OnError::Policy::report && report.counts.failures > 0) return ExitCode::bad_record;
  if (const int signal = around.stop.signal()) return static_cast<ExitCode>(128 + signal);
  if (job.exit_status && report.counts.out == 0) return ExitCode::answer_is_no;
  return ExitCode::ok;
}

// Rows written where the progress line stands: it goes first.
class WipingSink final : public io::Sink {
 public:
  WipingSink(std::unique_ptr<io::Sink> inner, Progress& progress)
      : inner_(std::move(inner)), progress_(progress) {}
  std::optional<RecordError> write(const Record* origin, const Output& output) override {
    progress_.wipe();
    return inner_->write(origin, output);
  }
  std::optional<RecordError> too_far_ahead(int64_t ms) override { return inner_->too_far_ahead(ms); }
  void flush() override { inner_->flush(); }
  void spare() override { inner_->spare(); }
  void close() override { inner_->close(); }
  bool reader_gone() override { return inner_->reader_gone(); }

 private:
  std::unique_ptr<io::Sink> inner_;
  Progress& progress_;
};

Job with_wiped_rows(Job job, Progress& progress) {
  if (!job.progress || job.out.kind != io::EndpointKind::stdio || isatty(STDOUT_FILENO) != 1) return job;
  job.open_lines_out = [open = job.open_lines_out, &progress] {
    return std::make_unique<WipingSink>(open(), progress);
  };
  return job;
}

constexpr ExitCode kReaderGone = static_cast<ExitCode>(128 + 13);  // as a coreutil that SIGPIPE ended

// What a run without a group has open, whatever its ends are.
struct PlainRun {
  std::unique_ptr<kafka::Admin> admin;
  std::vector<std::unique_ptr<kafka::Producer>> producers;
  kafka::TransactionalProducer* transaction = nullptr;  // --atomic
  std::unique_ptr<io::Source> source;
  bool goes_on = false;                   // a topic is read without an end
  NewTopicSink* out_to_create = nullptr;  // OUT, if it did not exist when the run began
  std::unique_ptr<SinkOutputs> outputs;
};

kafka::Admin& connected(PlainRun& run, const Environment& around) {
  if (!run.admin) {
    run.admin = around.make_admin();
    run.admin->connect(kConnectLimit);
  }
  return *run.admin;
}

// Returns the inputs' topics and counts; none for lines.
std::vector<std::pair<std::string, int32_t>> open_source(const Job& job, const Environment& around, Log& log,
                                                         PlainRun& run) {
  if (job.in.is_lines()) {
    run.source = job.open_lines_in();
    return {};
  }
  kafka::Admin& admin = connected(run, around);
  Job without_creation = job;
  without_creation.create_topics = false;  // reading waits for no one
  const auto inputs = find_inputs(without_creation, around, admin, log);
  std::vector<kafka::TopicPartition> partitions;
  for (const auto& [topic, count] : inputs) {
    for (int32_t p = 0; p < count; ++p) {
      const auto& wanted = job.range.partitions;
      if (wanted.empty() || std::find(wanted.begin(), wanted.end(), p) != wanted.end())
        partitions.push_back({topic, p});
    }
  }
  int32_t most = 0;
  for (const auto& [topic, count] : inputs) most = std::max(most, count);
  for (const int32_t wanted : job.range.partitions) {
    if (wanted < most) continue;
    std::string counts;
    for (const auto& [topic, count] : inputs) {
      counts += (counts.empty() ? "" : ", ") + topic + " has " +
                (count == 1 ? "only 0" : "0 to " + std::to_string(count - 1));
    }
    throw usage_error("-p " + std::to_string(wanted) + ": there is no such partition: " + counts);
  }
  const auto ranges = around.resolve_range(admin, job.range, partitions);
  for (const PartitionRange& range : ranges) {
    if (range.deleted_from >= 0) log.note(io::deleted_text(range));
  }
  run.goes_on = std::any_of(ranges.begin(), ranges.end(), [](const PartitionRange& one) { return !one.end; });
  run.source = around.make_topic_source(ranges);
  if (run.goes_on && !admin.is_in_memory())
    run.source = make_known_topic_source(std::move(run.source), around,
                                         "start " + job.tool + " again to read the topic that is there now");
  return inputs;
}

// Every record would be refused; with --on-error skip all were lost.
void check_out_partition(const Job& job, const std::string& topic, int32_t count) {
  if (!job.out_partition || *job.out_partition < count) return;
  throw usage_error(
      "-p " + std::to_string(*job.out_partition) + ": there is no such partition: " + topic + " has " +
          (count == 1 ? "only 0" : "0 to " + std::to_string(count - 1)),
      "to add partitions: ktopic grow --execute " + std::to_string(*job.out_partition + 1) + " TOPIC");
}

void open_outputs(const Job& job, const Environment& around, Log& log, const Report& report, PlainRun& run,
                  const std::vector<std::pair<std::string, int32_t>>& inputs) {
  const auto topic_sink = [&](const std::string& topic, bool is_out = false) -> std::unique_ptr<io::Sink> {
    kafka::Admin& admin = connected(run, around);
    if (job.atomic && admin.is_in_memory())
      throw usage_error("--atomic: the in-memory broker has no transactions; readers would see a part",
                        "leave it out, or use a real broker");
    const bool is_created_later = is_out && is_missing(job, admin, topic);
    if (is_created_later && job.partitions) check_out_partition(job, topic, *job.partitions);
    if (!is_created_later) {
      const int32_t count = ensure_topic(job, admin, log, topic, 0);
      if (is_out) check_out_partition(job, topic, count);
    }
    if (run.producers.empty()) {
      if (job.atomic) {
        auto producer = around.make_transactional_producer(job.tool + "-atomic-" + around.token);
        producer->init();
        producer->begin();
        run.transaction = producer.get();
        run.producers.push_back(std::move(producer));
      } else {
        run.producers.push_back(around.make_producer());
      }
    }
    const auto open = [&around, &admin, &producer = *run.producers.front(), topic, inputs] {
      return around.make_topic_sink(producer, admin, topic, inputs);
    };
    if (!is_created_later) return open();
    const auto create = [&job, &log, &admin, topic, open] {
      // What kcp copies from a file keeps its partitions.
      const bool asks = job.keeps_partition && job.in.is_lines() && !job.partitions;
      check_out_partition(job, topic,
                          ensure_topic(job, admin, log, topic, asks ? io::partitions_of_lines(job.in) : 0));
      return open();
    };
    const auto is_wanted_empty = [&job, &log, &report, topic] {
      if (!job.in_is_pipe || report.counts.in > 0) return true;
      log.note("no record came through the pipe, so topic '" + topic + "' is not created");
      return false;
    };
    auto later = std::make_unique<NewTopicSink>(create, is_wanted_empty);
    run.out_to_create = later.get();
    return later;
  };
  std::vector<std::unique_ptr<io::Sink>> ports;
  ports.push_back(job.out.is_lines() ? job.open_lines_out() : topic_sink(job.out.name, true));
  for (const MoreOutput& more : job.more_outputs) {
    ports.push_back(more.open_lines ? more.open_lines() : topic_sink(more.at.name));
  }
  std::unique_ptr<io::Sink> letters;
  if (policy_of(job) == OnError::Policy::dead_letter) letters = topic_sink(job.on_error->topic);
  SinkOutputs::OpenNamed open_named;
  if (job.named_outputs)
    open_named = [&job, &around, &log, &run, inputs](uint32_t port) {
      const std::string topic = job.named_outputs->topic_of(port);
      job.named_outputs->open(port,
                              [&](const std::string&) { ensure_topic(job, *run.admin, log, topic, 0); });
      return around.make_topic_sink(*run.producers.front(), *run.admin, topic, inputs);
    };
  run.outputs =
      std::make_unique<SinkOutputs>(job.tool, std::move(ports), std::move(letters), std::move(open_named));
}

constexpr const char* kNothingWritten = "nothing was written: the transaction is aborted";

// The exception being handled is what there is to say; that the broker does not take the abort either is not.
void abort_after_failure(kafka::TransactionalProducer& transaction, Log& log) noexcept {
  try {
    transaction.abort();
    log.note(kNothingWritten);
  } catch (...) {  // NOLINT(bugprone-empty-catch): the broker ends it when it times out
  }
}

// --atomic. A commit that was not answered may or may not have happened.
void commit_atomic(PlainRun& run, const Job& job, const Environment& around) {
  const auto limit = job.client.producer().find("transaction.timeout.ms");
  const int64_t timeout_ms =
      limit == job.client.producer().end() ? 30'000 : std::atoll(limit->second.c_str());
  const int64_t until_us = around.clock.steady_us() + (timeout_ms + 30'000) * 1000;
  for (;;) {
    try {
      return run.transaction->commit();
    } catch (const kafka::KafkaError& error) {
      if (error.severity() != kafka::Severity::retriable) throw;
      if (around.clock.steady_us() < until_us && around.stop.signal() == 0) continue;
      run.transaction = nullptr;  // no abort would be taken
      throw Error(
          ExitCode::delivery,
          std::string("the brokers have not answered whether the transaction is committed: ") + error.what(),
          "either all records were written or none: read the end of the topic before writing them again");
    }
  }
}

// A transaction that took longer than it may is told to us as a rival's.
std::string hint_of(const kafka::KafkaError& error, const Job& job, int64_t lasted_us) {
  const auto limit = job.client.producer().find("transaction.timeout.ms");
  if (!error.is_fencing() || limit == job.client.producer().end() ||
      lasted_us / 1000 < std::atoll(limit->second.c_str()))
    return error.hint();
  return "the broker ended the transaction, and nothing was written: it may last " + limit->second +
         " ms;\nfor more: -X transaction.timeout.ms=MS, up to the broker's transaction.max.timeout.ms";
}

// Partitions that are added to what is read on and on, and topics that are deleted meanwhile.
std::function<void()> watch_partitions(const Job& job, const Environment& around, Log& log, PlainRun& run,
                                       const std::vector<std::pair<std::string, int32_t>>& inputs) {
  if (!run.goes_on) return {};
  const bool may_go = job.in.kind == io::EndpointKind::topic_pattern || run.admin->is_in_memory();
  return [watch = std::make_shared<PartitionWatch>(*run.admin, inputs, around.executor, may_go), &job,
          &around, &log, &run] {
    const auto added = watch->look(around.clock.steady_us());
    if (!watch->deleted().empty())
      throw deleted_error(watch->deleted(), "all records before that were written; start " + job.tool +
                                                " again when the topic exists again");
    if (added.empty() || !job.range.partitions.empty()) return;
    const std::string what =
        "'" + added.front().topic + "' has more partitions now: " + std::to_string(added.size()) + " new";
    // A stage with state knows its sources from the beginning.
    if (job.stateful())
      throw usage_error(what + " during the run, and windows and rows are kept by partition",
                        "start " + job.tool + " again");
    log.note(what + ", read from the beginning");
    run.source->add(added);
  };
}

// From lines to topics: who has nothing to write for long, or waits for a delivery, would not learn of it.
std::function<void()> watch_outputs(const Job& job, const Environment& around, PlainRun& run) {
  if (!run.admin || run.admin->is_in_memory()) return {};
  std::vector<std::pair<std::string, int32_t>> topics;
  if (job.out.is_topic()) topics.emplace_back(job.out.name, 1);
  for (const MoreOutput& more : job.more_outputs) {
    if (more.at.is_topic()) topics.emplace_back(more.at.name, 1);
  }
  if (policy_of(job) == OnError::Policy::dead_letter) topics.emplace_back(job.on_error->topic, 1);
  const auto make_watch = [&around, &run, topics] {
    auto watch = std::make_unique<PartitionWatch>(*run.admin, topics, around.executor, false);
    std::vector<kafka::Producer*> producers;
    for (const auto& producer : run.producers) producers.push_back(producer.get());
    watch->written_through(std::move(producers));
    return watch;
  };
  // Copies of the function share the watch.
  const auto watch = std::make_shared<std::unique_ptr<PartitionWatch>>();
  return [watch, make_watch, &run, &job, &around] {
    if (run.out_to_create && !run.out_to_create->is_created()) return;
    if (!*watch) *watch = make_watch();
    (*watch)->look(around.clock.steady_us());
    if (!(*watch)->deleted().empty()) throw deleted_output_error((*watch)->deleted(), job.tool);
    if ((*watch)->recreated()) throw Error(*(*watch)->recreated());
  };
}

ExitCode run_plain(const Job& given, const Environment& around) {
  Progress progress(given.tool, given.progress, around.clock);
  const Job job = with_wiped_rows(given, progress);
  WipingLog log(around.log, progress);
  Report report(log);
  PlainRun open;
  const int64_t began_us = around.clock.steady_us();
  const auto inputs = open_source(job, around, log, open);
  open_outputs(job, around, log, report, open, inputs);
  // Grouped in place: one stage over all of the input, its rows in memory, gone with the process.
  std::unique_ptr<PartitionState> rows;
  if (job.stateful()) rows = job.open_state_in_memory();
  StageContext context{-1, nullptr, &around.clock};
  // Partitions are read at different speeds: their times are told apart, as behind a repartition.
  std::vector<kafka::TopicPartition> sources;
  int32_t most = 1;
  for (const auto& [topic, count] : inputs) most = std::max(most, count);
  if (inputs.size() > 1)
    for (const auto& [topic, count] : inputs) context.input_topics.push_back(topic);
  for (int32_t p = 0; p < most; ++p)
    for (const auto& [topic, count] : inputs) sources.push_back({topic, p});
  if (!sources.empty()) context.input_partitions = static_cast<int32_t>(sources.size());
  auto stage = make_chain(job.topology.subs().front(), context,
                          [&](uint8_t number) { return rows ? &rows->store(number) : nullptr; });
  std::optional<IdleSourceMonitor> silence;
  const bool has_windows = static_cast<bool>(job.topology.subs().front().operators.front().next_close);
  if (job.stateful() && open.goes_on && (job.counts_silence || (has_windows && context.input_partitions > 1)))
    silence.emplace(around);
  std::function<void()> each_turn;
  if (job.in.is_topic()) {
    each_turn = watch_partitions(job, around, log, open, inputs);
  } else if ((each_turn = watch_outputs(job, around, open))) {
    for (const auto& producer : open.producers) producer->meanwhile(each_turn);
  }
  Processor processor(policy_of(job), {job.max_input, job.max_output}, *open.outputs, report, around.stop,
                      around.clock);
  PlainLoop loop({*open.source,
                  *open.outputs,
                  *stage,
                  processor,
                  report,
                  around.clock,
                  around.stop,
                  progress,
                  {},
                  {},
                  around.observer,
                  std::move(sources),
                  std::move(each_turn),
                  silence ? &*silence : nullptr,
                  &log});
  ExitCode code = ExitCode::ok;
  try {
    loop.run();
    progress.wipe();
    code = exit_code(job, around, processor.ended(), report);
    if (open.transaction) {
      // All or nothing: what was cut short by an error or a signal is nothing.
      if (code == ExitCode::ok) {
        commit_atomic(open, job, around);
      } else {
        open.transaction->abort();
        report.counts.out = report.counts.dead_letters = 0;
        log.note(kNothingWritten);
      }
    }
  } catch (const io::ReaderGone&) {
    return kReaderGone;
  } catch (const kafka::KafkaError& error) {
    if (!open.transaction) throw;
    const std::string hint = hint_of(error, job, around.clock.steady_us() - began_us);
    abort_after_failure(*open.transaction, log);
    throw Error(error.code(), error.what(), hint);
  } catch (...) {
    // Left open, it would hold up its topic's readers until it times out.
    if (open.transaction) abort_after_failure(*open.transaction, log);
    throw;
  }
  report.say_summary(job.verbose > 0 || job.out.is_topic());
  return code;
}

ExitCode run_group(const Job& given, const Environment& around) {
  Progress progress(given.tool, given.progress, around.clock);
  const Job job = with_wiped_rows(given, progress);
  WipingLog log(around.log, progress);
  Report report(log);
  try {
    const Processor::End ended = job.workers > 1
                                     ? run_workers(job, around, report, progress, log, policy_of(job))
                                     : run_worker(job, around, report, progress, log, policy_of(job));
    progress.wipe();
    report.say_summary(job.verbose > 0 || job.out.is_topic());
    return exit_code(job, around, ended, report);
  } catch (const io::ReaderGone&) {
    return kReaderGone;
  } catch (...) {
    progress.wipe();
    if (report.counts.in > 0) report.say_summary(true);
    throw;
  }
}

}  // namespace

ExitCode run(const Job& job, const Environment& around) {
  // A reader that is gone is an error of the write that meets it: neither a command of kmap that has ended nor a log
  // that is read no further may end the process between two calls.
  std::signal(SIGPIPE, SIG_IGN);
  const bool in_a_group = job.in.is_topic() && (job.out.is_topic() || job.group_is_explicit);
  return in_a_group ? run_group(job, around) : run_plain(job, around);
}

}  // namespace kutils::flow
