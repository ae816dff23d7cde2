// ksort --within D [IN [OUT]]: records in order of time.
#include "ksort/ksort.h"

#include "base/correction.h"
#include "base/duration.h"
#include "cli/grouping_options.h"
#include "cli/held_in_memory.h"
#include "flow/tasks/state_support.h"
#include "flow/window/sort_stage.h"

namespace kutils {
namespace {

class SortTool final : public cli::StreamTool {
 public:
  SortTool() : StreamTool({.shapes = false}) {}
  cli::ToolInfo info() const override {
    return {"ksort",
            "Put the records of each partition in order of time, those at most D late.",
            {{"IN", false, "a topic, ./FILE or - (stdin, the default)"},
             {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
            {{"ksort --within 5s --late too_late clicks sorted"},
             {"ksort --within 1m --time at < sales.ndjson"}}};
  }
  void declare(cli::OptionTable& table) override {
    const auto text = [&table](const char* names, const char* metavar, const char* help,
                               const char* by_default, const char* example, std::string& to,
                               bool short_help) {
      table.add({.names = names,
                 .metavar = metavar,
                 .help = help,
                 .by_default = by_default,
                 .example = example,
                 .in_short_help = short_help,
                 .set = [&to](const std::string& value) { to = value; }});
    };
    text("--within", "D", "how far a record may be behind the largest time so far", "none; it must be given",
         "--within 5s", within_, true);
    grouping_.declare(table, {.time = true, .close_at_end = true});
    text("--late", "TOPIC", "topic for records that are further behind", "they are dropped and counted",
         "--late too_late", late_, true);
    text("--idle", "D", "after D without records, time advances by itself",
         "time stands still while no record comes", "--idle 1m", idle_, false);
    text("--max-ahead", "D", "a time further ahead of the clock is an error; 24h, or none", "24h",
         "--max-ahead none", max_ahead_, false);
    shared_.declare(table);
  }
  void setup(const cli::Operands& operands) override {
    if (within_.empty())
      throw CorrectedError("--within D is missing: how late may records be?",
                           {.before = "to hold each until the largest time is 5 seconds beyond its own: ",
                            .add = {{"--within", "5s"}}});
    job_ = shared_.make_job("ksort", operands.find("IN"), operands.find("OUT"));
    if (job_.in.table)
      throw usage_error("a table has no order of time: IN cannot be table:",
                        "for the stream of its changes write " + job_.in.name);
    cli::refuse_lost_rows(job_, "what is held back");
    if (job_.in.is_lines() && !shared_.lines_have_times() && !grouping_.has_time())
      throw usage_error("records are sorted by time, and plain lines have none",
                        "give --time EXPR, or -J for envelopes");
    flow::SortOptions options;
    options.within = milliseconds("--within", within_);
    options.rekeyed = job_.rekeyed;
    flow::WindowOptions& window = options.window;
    if (!idle_.empty()) window.idle = milliseconds("--idle", idle_);
    if (!late_.empty()) {
      shared_.add_output(job_, late_);
      window.late_port = static_cast<uint32_t>(job_.more_outputs.size());
    }
    const auto span = [](int64_t ms) { return format_duration(std::chrono::milliseconds(ms)); };
    job_.settings.push_back({"--within", span(options.within)});
    if (window.idle) job_.settings.push_back({"--idle", span(*window.idle)});
    if (!late_.empty()) job_.settings.push_back({"--late", late_});
    grouping_.take_all();
    window.takes_null = grouping_.take_null(shared_.expressions());
    grouping_.limit_times(max_ahead_, "make all earlier records late");
    grouping_.shape(
        job_, {}, shared_.expressions(), true, true, {},
        [options](const flow::AggregateSet& set, std::unique_ptr<flow::RecordReader> reader,
                  state::Store& store, const flow::StageContext& context) {
          flow::SortOptions here = options;
          here.window.sources = context.input_partitions;
          return flow::make_sort_stage(here, set, std::move(reader), store);
        },
        {}, {}, [](int64_t time) { return time + 1; });
    job_.counts_silence = window.idle.has_value();
    shared_.shape(job_);
    job_.cache_bytes = grouping_.cache_bytes();
    flow::give_state(job_);
  }

 private:
  static int64_t milliseconds(const char* option, const std::string& text) {
    constexpr int64_t kMost = int64_t{1000} * 365 * 86'400'000;
    const int64_t ms = parse_duration_option(option, text).count();
    if (ms > kMost) throw usage_error(std::string(option) + ": '" + text + "' is more than 1,000 years");
    return ms;
  }

  cli::GroupingOptions grouping_;
  std::string within_, late_, idle_, max_ahead_;
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_ksort() { return std::make_unique<SortTool>(); }

}  // namespace kutils
