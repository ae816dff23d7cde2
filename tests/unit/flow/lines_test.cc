#include <csignal>

#include "flow/run/processor.h"
#include "flow/run/progress.h"
#include "flow/run/run.h"
#include "flow/tasks/state_support.h"
#include "flow/topology/pass.h"
#include "flow/transaction/sink_outputs.h"
#include "support/catch.h"
#include "support/hand_executor.h"
#include "support/lines_fakes.h"

namespace kutils::flow {
namespace {

using testing::DeferringStage;
using testing::FakeSink;
using testing::FakeSource;
using testing::PickyStage;
using Lines = std::deque<std::vector<std::string>>;
using Values = std::vector<std::string>;

// Lines to lines with everything but the loop faked.
struct Bench {
  testing::RecordingLog log;
  testing::StopByHand stop;
  testing::HandExecutor executor;
  ManualClock clock;
  testing::SinkContents out;
  Job job;

  explicit Bench(Lines input, bool ends = true) {
    job.tool = "kfilter";
    job.in.kind = io::EndpointKind::file;
    job.open_lines_in = [input, ends] { return std::make_unique<FakeSource>(input, ends); };
    job.open_lines_out = [this] { return std::make_unique<FakeSink>(out); };
    job.set_stage([](const StageContext&) { return std::make_unique<PickyStage>(); });
  }
  ExitCode run() {
    return flow::run(job, Environment{clock, log, stop, executor, {}, {}, {}, {}, {}, {}, {}, {}, {}});
  }
};

TEST_CASE("lines to lines: what passes is written and flushed") {
  Bench bench({{"a", "-b", "c"}, {}, {"d"}});
  CHECK(bench.run() == ExitCode::ok);
  CHECK(bench.out.written == Values{"a", "c", "d"});
  CHECK(bench.out.flushed == 3);
  CHECK(bench.out.flushes == 2);  // when no input waited, and at the end
  CHECK(bench.log.errors.empty());
  CHECK(bench.log.notes.empty());
}

TEST_CASE("a stage is told of the records of a batch before the first of them") {
  struct Told final : PickyStage {
    explicit Told(std::vector<std::string>& in) : heard(in) {}
    void look_ahead(std::span<const Record> records) override {
      std::string all = "ahead:";
      for (const Record& record : records) all.append(1, ' ').append(record.value.view());
      heard.push_back(all);
    }
    void process(const Record& record, Emitter& out) override {
      heard.emplace_back(record.value.view());
      PickyStage::process(record, out);
    }
    std::vector<std::string>& heard;
  };
  Bench bench({{"a", "b", "c"}, {"d"}, {"e", "f"}});
  std::vector<std::string> heard;
  bench.job.set_stage([&](const StageContext&) { return std::make_unique<Told>(heard); });
  CHECK(bench.run() == ExitCode::ok);
  CHECK(heard == std::vector<std::string>{"ahead: a b c", "a", "b", "c", "d", "ahead: e f", "e", "f"});
}

// Fails what begins with '?', with the rest as the message.
class WordyStage final : public PickyStage {
 public:
  void process(const Record& record, Emitter& out) override {
    const std::string_view value = record.value.view();
    if (!value.starts_with("?")) return PickyStage::process(record, out);
    out.fail(record, {Reason::missing_field, std::string(value.substr(1))});
  }
};

TEST_CASE("lines: --on-error report goes on, exits 4, ten kinds in full") {
  Lines input{{"a"}};
  for (char c = 'a'; c < 'm'; ++c) input[0].push_back(std::string("?no ") + c);
  input[0].push_back("b");
  Bench bench(input);
  bench.job.set_stage([](const StageContext&) { return std::make_unique<WordyStage>(); });
  CHECK(bench.run() == ExitCode::bad_record);
  CHECK(bench.out.written == Values{"a", "b"});
  REQUIRE(bench.log.errors.size() == 12);
  CHECK(bench.log.errors[0] == "./in line 2: missing field: no a");
  CHECK(bench.log.errors[10] == "more of these are counted, not shown");
  CHECK(bench.log.errors[11] == "14 in, 2 out, 12 failed (12 missing field)");
  CHECK(bench.log.notes.empty());
}

TEST_CASE("lines: of a flood of one error the first is said in full, the second by its place") {
  Lines input{{"a"}};
  for (int i = 0; i < 5; ++i) input[0].push_back("?");
  Bench bench(input);
  CHECK(bench.run() == ExitCode::bad_record);
  REQUIRE(bench.log.errors.size() == 3);
  CHECK(bench.log.errors[0] == "./in line 2: missing field: no field \"x\"");
  CHECK(bench.log.errors[1] == "./in line 3: the same; more of these are counted, not shown");
  CHECK(bench.log.errors[2] == "6 in, 1 out, 5 failed (5 missing field)");
  // The one that ends the run is always said in full.
  Bench ends(Lines{std::vector<std::string>{"?", "?"}});
  ends.job.on_error = OnError{OnError::Policy::fail, {}};
  CHECK(ends.run() == ExitCode::bad_record);
  CHECK(ends.log.errors[0].find("no field") != std::string::npos);
}

TEST_CASE("lines: errors that differ in their values only are of one kind") {
  const auto said = [](std::vector<std::string> messages) {
    Lines input{{}};
    for (const std::string& message : messages) input[0].push_back("?" + message);
    Bench bench(input);
    bench.job.set_stage([](const StageContext&) { return std::make_unique<WordyStage>(); });
    CHECK(bench.run() == ExitCode::bad_record);
    return bench.log.errors;
  };
  const auto values =
      said({"'a' is no int\n int(n)\n ^", "'it's' is no int\n int(n)\n ^", "'c' is no int\n int(n)\n ^"});
  REQUIRE(values.size() == 3);
  CHECK(values[1] == "./in line 2: the same with another value; more of these are counted, not shown");
  CHECK(said({"not JSON at byte 12, near '{\"a'", "not JSON at byte 7, near 'x", "not JSON at byte 7"})
            .size() == 3);
  CHECK(said({"no column 'z'; it has a, b", "no column 'z'; it has c", "no column 'z'; it has d"}).size() ==
        3);
  // Another place in the expression, or other words.
  CHECK(said({"no field 'a'\n a + b\n ^", "no field 'b'\n a + b\n     ^", "no operation: int > string"})
            .size() == 3);
}

TEST_CASE("lines: a result that the sink refuses is named, for the record only set it off") {
  struct Summing final : PickyStage {
    void process(const Record& record, flow::Emitter& out) override {
      Output output;
      output.value = record.value;
      output.is_result = true;
      out.emit(&record, output);
    }
    void close(flow::Emitter& out) override {
      Output output;
      output.value = std::string_view("huge");
      output.is_result = true;
      out.emit(nullptr, output);
    }
  };
  Bench bench({Values{"a", "huge"}});
  bench.job.set_stage([](const StageContext&) { return std::make_unique<Summing>(); });
  CHECK(bench.run() == ExitCode::bad_record);
  REQUIRE(bench.log.errors.size() == 2);
  CHECK(bench.log.errors[0] == "./in line 2: too large: an output made when it came, huge: too large");
  CHECK(bench.log.errors[1] == "an output made from the state: too large: huge: too large");
}

TEST_CASE("lines: --on-error fail ends at the record, skip counts") {
  Bench fail({{"a", "?", "b"}});
  fail.job.on_error = OnError{OnError::Policy::fail, {}};
  CHECK(fail.run() == ExitCode::bad_record);
  CHECK(fail.out.written == Values{"a"});
  CHECK(fail.out.flushed == 1);
  Bench skip({{"a", "?", "!", "b"}});
  skip.job.on_error = OnError{OnError::Policy::skip, {}};
  CHECK(skip.run() == ExitCode::ok);
  CHECK(skip.out.written == Values{"a", "b"});
  CHECK(skip.log.notes[0] == "4 in, 2 out, 2 failed (1 missing field, 1 unreadable line)");
}

TEST_CASE("lines: more failures than are said in full are told by an error, which -q does not silence") {
  for (const size_t count : {size_t{10}, size_t{11}}) {
    Lines input{{}};
    for (size_t i = 0; i < count; ++i) input[0].push_back(std::string("?no ") + static_cast<char>('a' + i));
    Bench bench(input);
    bench.job.set_stage([](const StageContext&) { return std::make_unique<WordyStage>(); });
    bench.job.on_error = OnError{OnError::Policy::skip, {}};
    CHECK(bench.run() == ExitCode::ok);
    const bool said = bench.log.errors.back().find(" in, 0 out, 11 failed (11 missing field)") == 2;
    CHECK(said == (count == 11));
    CHECK(bench.log.notes.empty() == (count == 11));
  }
}

TEST_CASE("a command that shows a record is there for topics only") {
  Record record;
  record.topic = "clicks";
  record.partition = 2;
  record.offset = 7;
  CHECK(show_command(record) == "kread -c 1 -p 2 -o 7 clicks");
  for (const char* file : {"./clicks.ndjson", "-"}) {  // an envelope that names its partition only
    record.topic = file;
    CHECK(show_command(record).empty());
  }
}

TEST_CASE("lines: an unreadable line is reported in its place") {
  Bench bench({{"a", "!", "b"}});
  bench.job.on_error = OnError{OnError::Policy::fail, {}};
  CHECK(bench.run() == ExitCode::bad_record);
  CHECK(bench.out.written == Values{"a"});
  CHECK(
      bench.log.errors[0] ==
      "./in line 2: unreadable line: no\n  to continue past such records: --on-error skip, or dead-letter:TOPIC to keep them");
}

TEST_CASE("lines: an output that the sink refuses is a record error") {
  Bench bench({{"a", "huge", "b"}});
  CHECK(bench.run() == ExitCode::bad_record);
  CHECK(bench.out.written == Values{"a", "b"});
  CHECK(bench.log.errors[0] == "./in line 2: too large: too large");
}

TEST_CASE("lines: -c and -m") {
  Bench c({{"a", "-", "b"}, {"c"}});
  c.job.max_input = 2;
  CHECK(c.run() == ExitCode::ok);
  CHECK(c.out.written == Values{"a"});
  Bench m({{"a", "-", "b"}, {"c"}});
  m.job.max_output = 2;
  CHECK(m.run() == ExitCode::ok);
  CHECK(m.out.written == Values{"a", "b"});
  Bench zero({{"a"}});
  zero.job.max_output = 0;
  CHECK(zero.run() == ExitCode::ok);
  CHECK(zero.out.written.empty());
}

TEST_CASE("lines: a stage that answers later fails at the right record") {
  Bench bench({{"a", "b", "?", "c"}});
  bench.job.on_error = OnError{OnError::Policy::fail, {}};
  bench.job.set_stage([](const StageContext&) { return std::make_unique<DeferringStage>(); });
  CHECK(bench.run() == ExitCode::bad_record);
  CHECK(bench.out.written == Values{"a", "b"});
}

TEST_CASE("lines: a reader that hung up ends it, also while waiting") {
  Bench bench({{"a"}}, false);
  bench.out.gone = true;
  CHECK(static_cast<int>(bench.run()) == 128 + 13);
  CHECK(bench.log.errors.empty());
}

TEST_CASE("lines: --exit-status tells whether anything came out") {
  for (const bool asked : {false, true}) {
    Bench none(Lines{{"-", "-a"}});
    none.job.exit_status = asked;
    CHECK(none.run() == (asked ? ExitCode::answer_is_no : ExitCode::ok));
    Bench some(Lines{{"-", "a"}});
    some.job.exit_status = asked;
    CHECK(some.run() == ExitCode::ok);
    Bench bad(Lines{{"?"}});
    bad.job.exit_status = asked;
    CHECK(bad.run() == ExitCode::bad_record);
  }
}

TEST_CASE("lines: a signal ends it with 128 + n") {
  Bench bench({{"a"}}, false);
  bench.stop.number = 15;
  CHECK(static_cast<int>(bench.run()) == 128 + 15);
}

// Counts values in its store, prints them when the input ends.
class CountingStage final : public Stage {
 public:
  explicit CountingStage(state::Store& store) : store_(store) {}
  void process(const Record& record, Emitter&) override {
    const auto before = store_.get(record.value.view());
    store_.put(record.value.view(), std::string(before.value_or("")) + "|");
  }
  void close(Emitter& out) override {
    store_.scan("", "", [&](std::string_view key, std::string_view value) {
      const std::string line = std::string(key) + std::string(value);
      Output output;
      output.value = std::string_view(line);
      out.emit(nullptr, output);
      return true;
    });
  }

 private:
  state::Store& store_;
};

TEST_CASE("lines: a stateful stage has rows in memory, and is closed when the input ends") {
  Bench bench({{"a", "b", "a"}, {"a"}});
  bench.job.set_stage(
      [](const StageContext& context) { return std::make_unique<CountingStage>(*context.store); }, true);
  give_state(bench.job);
  CHECK(bench.run() == ExitCode::ok);
  CHECK(bench.out.written == Values{"a|||", "b|"});
}

// What a Processor works with. Members are destroyed in the reverse order.
struct ProcessorBench {
  testing::SinkContents contents;
  testing::RecordingLog log;
  Report report{log};
  SinkOutputs outputs{"t", one_sink(contents), nullptr};
  testing::StopByHand stop;
  ManualClock clock;

  Processor processor() { return {OnError::Policy::fail, {}, outputs, report, stop, clock}; }

 private:
  static std::vector<std::unique_ptr<io::Sink>> one_sink(testing::SinkContents& contents) {
    std::vector<std::unique_ptr<io::Sink>> sinks;
    sinks.push_back(std::make_unique<FakeSink>(contents));
    return sinks;
  }
};

std::vector<Record> records_of(const std::vector<std::string_view>& values) {
  std::vector<Record> records(values.size());
  for (size_t i = 0; i < values.size(); ++i) records[i].value = values[i];
  return records;
}

TEST_CASE("processor: done counts only what came before a late failure") {
  ProcessorBench bench;
  Processor processor = bench.processor();
  const auto records = records_of({"x", "x", "?", "x"});
  DeferringStage stage;
  processor.begin(records);
  const size_t taken = processor.process(stage, records);
  CHECK(taken == 4);
  processor.flush(stage);
  CHECK(processor.done(taken) == 2);
}

// Answers the first two of what it was given; then the end is asked for.
class HalfAnswered final : public Stage {
 public:
  void process(const Record& record, Emitter&) override { asked_.push_back(&record); }
  void flush(Emitter& out) override {
    for (size_t i = 0; i < 2; ++i) out.emit(asked_[i], pass(*asked_[i]));
    throw InterruptedBefore(*asked_[2]);
  }

 private:
  std::vector<const Record*> asked_;
};

TEST_CASE("processor: what a stage had not answered when the end was asked for is not done") {
  ProcessorBench bench;
  Processor processor = bench.processor();
  const auto records = records_of({"1", "2", "3", "4"});
  HalfAnswered stage;
  processor.begin(records);
  const size_t taken = processor.process(stage, records);
  processor.flush(stage);
  CHECK(processor.ended() == Processor::End::stopped);
  CHECK(processor.failed_half_way());
  CHECK(processor.done(taken) == 2);
  CHECK(bench.report.counts.out == 2);
}

// Each record takes 300 ms; the end is asked for during "stop", and "leave" is left half done for it.
class SlowStage final : public Stage {
 public:
  SlowStage(testing::StopByHand& stop, ManualClock& clock) : stop_(stop), clock_(clock) {}
  void process(const Record& record, Emitter&) override {
    clock_.advance(Millis(300));
    if (record.value.view() == "stop") stop_.number = SIGTERM;
    if (record.value.view() == "leave") throw Interrupted();
    ++done;
  }
  int done = 0;

 private:
  testing::StopByHand& stop_;
  ManualClock& clock_;
};

TEST_CASE("processor: the end is heard within a batch, and within a record") {
  ProcessorBench bench;
  const auto run = [&](const std::vector<std::string_view>& values, bool half_way) {
    Processor processor = bench.processor();
    const auto records = records_of(values);
    SlowStage stage(bench.stop, bench.clock);
    processor.begin(records);
    const size_t taken = processor.process(stage, records);
    CHECK(processor.ended() == Processor::End::stopped);
    CHECK(processor.failed_half_way() == half_way);
    CHECK(taken == static_cast<size_t>(stage.done));
    CHECK(bench.report.counts.in == taken);
    CHECK(processor.process(stage, records) == 0);
    bench.report.counts = {};
    bench.stop.number = 0;
    return taken;
  };
  // What takes no longer than half a second more is finished.
  CHECK(run({"a", "stop", "b", "c", "d", "e"}, false) == 4);
  CHECK(run({"a", "leave", "b"}, true) == 1);
}

TEST_CASE("progress text") {
  CHECK(Progress::describe(1500, std::nullopt) == "1.5k/s");
  CHECK(Progress::describe(120'000, 1'200'000) == "120k/s, lag 1.2M, 10s left");
}

}  // namespace
}  // namespace kutils::flow
