// kwindow AGGS -w W [IN [OUT]]: aggregates per window.
#include "kwindow/kwindow.h"

#include "base/correction.h"
#include "base/duration.h"
#include "cli/grouping_options.h"
#include "cli/stream_tool.h"
#include "flow/tasks/state_support.h"
#include "flow/window/time_windows.h"
#include "flow/window/window_stage.h"

namespace kutils {
namespace {

class WindowTool final : public cli::StreamTool {
 public:
  WindowTool()
      : StreamTool({.aggregates = true, .updates_rows = true, .shapes = false, .emits_json = true}) {}
  cli::ToolInfo info() const override {
    return {"kwindow",
            "Aggregates per window of time: tumbling, hopping, sliding, sessions, days.",
            {{"AGGS", true, "[NAME=]FUNCTION(...) [if COND], ...; @FILE reads it from a file", true},
             {"IN", false, "a topic, ./FILE or - (stdin, the default)"},
             {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
            {{"kwindow -w 30s/5s --by uri 'n=count()' clicks per_uri"},
             {"kwindow -w day --tz Europe/Berlin --time at 'sum(amount)' < sales.ndjson"}}};
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
    text("-w,--window", "W", "30s, 30s/5s, sliding:5m, session:30m, day, week, month",
         "none; it must be given", "-w 30s/5s", window_, true);
    grouping_.declare_crowded(table);
    text("--grace", "D", "how long after its end a window accepts late records", "0s", "--grace 10s", grace_,
         true);
    text("--emit", "WHEN", "when rows are written: update, commit or close",
         "commit to topics, close to lines", "--emit close", emit_, true);
    text("--late", "TOPIC", "topic for records whose windows are all closed", "they are dropped and counted",
         "--late too_late", late_, false);
    text("--tz", "ZONE", "time zone of day, week and month, as Europe/Berlin; else UTC", "UTC",
         "-w day --tz Europe/Berlin", zone_, false);
    text("--align", "D", "tumbling and hopping windows begin this long after the epoch", "0s",
         "-w 1d --align 6h", align_, false);
    text("--idle", "D", "after D without records, time advances by itself",
         "time stands still while no record comes", "--idle 1m", idle_, false);
    text("--max-ahead", "D", "a time further ahead of the clock is an error; 24h, or none", "24h",
         "--max-ahead none", max_ahead_, false);
    text("--expires", "D", "closed windows stay readable this long (kquery, --http)", "0s", "--expires 1d",
         expires_, false);
    text("--time-format", "FORMAT", "times of windows in the output: iso or ms", "iso", "--time-format ms",
         time_format_, false);
    table.add({.names = "--windowed-key",
               .help = "the window is part of the record key, for compacted topics",
               .example = "kwindow --windowed-key -w 1m --by uri 'n=count()' clicks per_minute",
               .set = [this](const std::string&) { windowed_key_ = true; }});
    shared_.declare(table);
  }
  void setup(const cli::Operands& operands) override {
    if (window_.empty())
      throw CorrectedError(
          "-w W is missing: which windows?",
          {.before = "-w 30s, 30s/5s, sliding:5m, session:30m, day, week or month; of one minute: ",
           .add = {{"-w", "1m"}}});
    job_ = shared_.make_job("kwindow", operands.find("IN"), operands.find("OUT"));
    if (job_.in.table)
      throw usage_error("windows are of a stream: IN cannot be table:", "ktable aggregates a table");
    const bool has_keys = job_.in.is_topic() || shared_.lines_have_keys();
    if (job_.in.is_lines() && !shared_.lines_have_times() && !grouping_.has_time())
      throw usage_error("windows need a time, and plain lines have none",
                        "give --time EXPR or --time wall, or -J for envelopes");
    flow::WindowOptions options;
    options.window = flow::parse_window_spec(window_, align_, zone_);
    options.grace = milliseconds("--grace", grace_);
    options.expires = milliseconds("--expires", expires_);
    if (!expires_.empty() && !(job_.in.is_topic() && job_.out.is_topic()))
      throw usage_error(
          "--expires does nothing here: closed windows stay in state, which is kept between topics only",
          "leave it out");
    if (!idle_.empty()) options.idle = milliseconds("--idle", idle_);
    options.format.key_names = grouping_.key_names(has_keys);
    options.format.windowed_key = windowed_key_;
    if (windowed_key_ && !shared_.output_shows_keys(job_))
      throw CorrectedError(
          "--windowed-key does nothing here: the lines that are written show no key",
          {.before = "write to a topic, or envelopes, which have it: ", .add = {{"-O", "envelope"}}});
    if (time_format_ == "ms") {
      options.format.times_as_ms = true;
    } else if (!time_format_.empty() && time_format_ != "iso") {
      throw usage_error("--time-format: '" + time_format_ + "' is neither iso nor ms");
    }
    if (emit_.empty()) {
      options.emit = job_.out.is_lines() ? flow::Emit::close : flow::Emit::commit;
    } else if (emit_ == "update" || emit_ == "commit" || emit_ == "close") {
      options.emit = emit_ == "update"  ? flow::Emit::update
                     : emit_ == "close" ? flow::Emit::close
                                        : flow::Emit::commit;
    } else {
      cli::refuse_emit(emit_, "update, commit, close");
    }
    if (job_.out.is_lines() && options.emit == flow::Emit::commit) options.interval_ms = 1000;
    if (!late_.empty()) {
      shared_.add_output(job_, late_);
      options.late_port = static_cast<uint32_t>(job_.more_outputs.size());
    }
    // Settings by their meaning, not by their spelling: 60s equals 1m, and a default that is spelled out
    // changes nothing.
    const auto span = [](int64_t ms) {
      return ms == 0 ? "" : format_duration(std::chrono::milliseconds(ms));
    };
    for (const auto& [name, value] :
         {std::pair<const char*, std::string>{"-w", flow::to_string(options.window)},
          {"--grace", span(options.grace)},
          {"--emit", options.emit == flow::Emit::commit ? "" : emit_},
          {"--expires", span(options.expires)},
          {"--idle", options.idle ? format_duration(std::chrono::milliseconds(*options.idle)) : ""},
          {"--late", late_},
          {"--time-format", options.format.times_as_ms ? "ms" : ""},
          {"--windowed-key", windowed_key_ ? "yes" : ""}})
      if (!value.empty()) job_.settings.push_back({name, value});
    flow::StateDescription description;
    description.tool = "kwindow";
    description.window = options.window;
    description.grace = options.grace;
    description.times_as_ms = options.format.times_as_ms;
    grouping_.limit_times(max_ahead_, "close every window before it");
    cli::GroupingOptions::Combining combining;
    combining.allowed = options.emit != flow::Emit::update && !options.late_port &&
                        options.window.kind != flow::WindowSpec::Kind::sliding;
    if (options.window.kind == flow::WindowSpec::Kind::session) {
      combining.sessions = {options.window.size, options.grace};
    } else if (combining.allowed) {
      combining.keeps_order = options.window.kind != flow::WindowSpec::Kind::hopping;
      combining.place_of = flow::PlaceInWindows(options.window);
    }
    if (shared_.place() != nullptr) grouping_.become_stage();
    grouping_.shape(
        job_, operands.get("AGGS"), shared_.expressions(), has_keys, true, description,
        [options](const flow::AggregateSet& set, std::unique_ptr<flow::RecordReader> reader,
                  state::Store& store, const flow::StageContext& context) {
          flow::WindowOptions here = options;
          here.sources = context.input_partitions;
          return flow::make_window_stage(here, set, std::move(reader), store);
        },
        {}, combining,
        [window = options.window, grace = options.grace](int64_t time) {
          return flow::next_close(window, grace, time);
        });
    job_.counts_silence = options.idle.has_value();
    shared_.check_sort_column(grouping_.columns());
    shared_.shape(job_);
    job_.cache_bytes = grouping_.cache_bytes();
    flow::give_state(job_);
  }

 private:
  static int64_t milliseconds(const char* option, const std::string& text) {
    constexpr int64_t kMost = int64_t{10000} * 365 * 86400 * 1000;
    if (text.empty()) return 0;
    const int64_t ms = parse_duration_option(option, text).count();
    if (ms > kMost) throw usage_error(std::string(option) + ": '" + text + "' is more than 10,000 years");
    return ms;
  }

  cli::GroupingOptions grouping_;
  std::string window_, grace_, emit_, late_, zone_, align_, idle_, max_ahead_, expires_, time_format_;
  bool windowed_key_ = false;
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_kwindow() { return std::make_unique<WindowTool>(); }

}  // namespace kutils
