// ktable AGGS [IN [OUT]]: one row per key.
#include "ktable/ktable.h"

#include "base/duration.h"
#include "base/murmur2.h"
#include "cli/grouping_options.h"
#include "cli/stream_tool.h"
#include "cli/table_input.h"
#include "flow/table/table_stage.h"
#include "flow/tasks/state_support.h"

namespace kutils {
namespace {

class TableTool final : public cli::StreamTool {
 public:
  TableTool()
      : StreamTool(
            {.aggregates = true, .updates_rows = true, .shapes = false, .tables = true, .emits_json = true}) {
  }
  cli::ToolInfo info() const override {
    return {"ktable",
            "One row per key: counts, sums and other aggregates, kept up to date.",
            {{"AGGS", true, "[NAME=]FUNCTION(...) [if COND], ...; @FILE reads it from a file", true},
             {"IN", false, "a topic, ./FILE or - (stdin, the default)"},
             {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
            {{"ktable --by uri 'n=count(), total=sum(number)' clicks totals"},
             {"ktable --by country --having 'n > 9' 'n=count(), mean=avg(ms)' < log.ndjson"}}};
  }
  void declare(cli::OptionTable& options) override {
    grouping_.declare(options);
    options.add({.names = "--emit",
                 .metavar = "WHEN",
                 .help = "when rows are written: update commit close after:D suppress:D",
                 .by_default = "commit to topics, close to lines",
                 .example = "--emit after:1m",
                 .in_short_help = true,
                 .set = [this](const std::string& text) { emit_ = text; },
                 .choices = {"update", "commit", "close", "after:", "suppress:"}});
    options.add({.names = "--expires",
                 .metavar = "D",
                 .help = "delete a row that did not change for D, in the records' time",
                 .by_default = "rows stay",
                 .example = "--expires 30d",
                 .set = [this](const std::string& text) { expires_ = text; }});
    options.add({.names = "--delete-if",
                 .metavar = "EXPR",
                 .help = "delete a row for which this is true; its group starts from nothing",
                 .by_default = "no row",
                 .example = "--delete-if 'n == 0'",
                 .set = [this](const std::string& text) { delete_if_ = text; }});
    options.add({.names = "--max-ahead",
                 .metavar = "D",
                 .help = "a time further ahead of the clock is an error; see the man page",
                 .by_default = "24h with --emit after: and suppress:, else none",
                 .example = "--max-ahead 1h",
                 .set = [this](const std::string& text) { max_ahead_ = text; }});
    shared_.declare(options);
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("ktable", operands.find("IN"), operands.find("OUT"));
    const bool has_keys = job_.in.is_topic() || shared_.lines_have_keys();
    flow::TableOptions options;
    options.key_names = grouping_.key_names(has_keys);
    options.deletions_are_rows = job_.out.is_lines();
    options.empty_total = options.key_names.empty();
    set_emit(options);
    if (options.after && job_.in.is_lines() && !shared_.lines_have_times() && !grouping_.has_time())
      throw usage_error("--emit " + held_mode() + " needs a time, and plain lines have none",
                        "give --time EXPR or --time wall, or -J for envelopes");
    // Spelling out the default changes nothing, and neither does 60s for 1m.
    if (options.after)
      job_.settings.push_back(
          {"--emit", held_mode() + format_duration(std::chrono::milliseconds(*options.after))});
    else if (options.emit != flow::TableEmit::commit)
      job_.settings.push_back({"--emit", emit_});
    if (!max_ahead_.empty() && job_.in.is_lines() && !shared_.lines_have_times() && !grouping_.has_time())
      throw usage_error("--max-ahead does nothing here: plain lines have no time",
                        "give --time EXPR, or leave it out");
    if (!delete_if_.empty() || !expires_.empty()) set_deletion(options);
    grouping_.limit_times(max_ahead_, options.after     ? "release every value that is held back"
                                      : options.expires ? "delete every row that did not change since"
                                                        : "");
    options.max_ahead = grouping_.max_ahead();
    const bool over_table = job_.in.table;
    if (shared_.place() != nullptr) grouping_.become_stage();
    grouping_.shape(
        job_, operands.get("AGGS"), shared_.expressions(), has_keys,
        options.after.has_value() || options.expires.has_value(), {.tool = "ktable"},
        [options, over_table](const flow::AggregateSet& set, std::unique_ptr<flow::RecordReader> reader,
                              state::Store& store, const flow::StageContext& context) {
          return (over_table ? flow::make_regrouped_table : flow::make_aggregate_table)(
              at(options, context), set, std::move(reader), store);
        },
        {flow::make_source_table,
         [options](const flow::AggregateSet& set, state::Store& store, const flow::StageContext& context) {
           return flow::make_regrouped_changes(at(options, context), set, store);
         }},
        // A row that is deleted between two records must be seen with each of them.
        {.allowed = options.emit != flow::TableEmit::update && !options.after && !options.expires &&
                    delete_if_.empty()},
        options.expires ? [](int64_t time) { return time + 1; } : std::function<int64_t(int64_t)>());
    shared_.check_sort_column(grouping_.columns());
    shared_.shape(job_);
    job_.cache_bytes = grouping_.cache_bytes();
    flow::give_state(job_);
  }

 private:
  static flow::TableOptions at(flow::TableOptions options, const flow::StageContext& context) {
    options.clock = context.clock;
    options.sources = context.input_partitions;
    // Of several tasks one has the total, whose key is empty.
    if (context.partition >= 0 && murmur2_partition("", context.partitions) != context.partition)
      options.empty_total = false;
    return options;
  }

  void set_deletion(flow::TableOptions& options) {
    if (job_.in.table)
      throw usage_error(
          "--expires and --delete-if need a stream, and IN is a table: its rows are deleted in " +
              job_.in.name,
          "--having leaves groups out, as in --having 'count() > 0'");
    if (!expires_.empty()) {
      if (job_.in.is_lines() && !shared_.lines_have_times() && !grouping_.has_time())
        throw usage_error("--expires needs a time, and plain lines have none",
                          "give --time EXPR or --time wall, or -J for envelopes");
      if (options.after)
        throw usage_error("--expires and --emit " + held_mode() + " exclude each other",
                          "leave one of the two out");
      options.expires = parse_duration_option("--expires", expires_).count();
      job_.settings.push_back({"--expires", format_duration(std::chrono::milliseconds(*options.expires))});
    }
    grouping_.delete_if(delete_if_);
  }

  void set_emit(flow::TableOptions& options) const {
    using flow::TableEmit;
    if (const std::string mode = held_mode(); !mode.empty()) {
      if (grouping_.closes_at_end() && job_.out.is_topic())
        throw usage_error("--close-at-end and --emit " + mode + " contradict each other about the end",
                          "leave one of the two out");
      options.after = parse_duration_option("--emit " + mode, emit_.substr(mode.size())).count();
      options.suppress = mode == "suppress:";
    } else if (emit_ == "update") {
      options.emit = TableEmit::update;
    } else if (emit_ == "close") {
      options.emit = TableEmit::close;
    } else if (emit_ == "commit") {
      options.emit = TableEmit::commit;
    } else if (!emit_.empty()) {
      cli::refuse_emit(emit_, "update, commit, close, after:D, suppress:D");
    } else if (job_.out.is_lines()) {
      options.emit = cli::has_end(job_) ? TableEmit::close : TableEmit::commit;
    }
    if (job_.out.is_lines() && options.emit == TableEmit::commit) options.interval_ms = 1000;
  }

  // The mode of --emit that holds values back: "after:", "suppress:", or empty.
  std::string held_mode() const {
    for (const char* mode : {"after:", "suppress:"})
      if (emit_.rfind(mode, 0) == 0) return mode;
    return {};
  }

  cli::GroupingOptions grouping_;
  std::string emit_, max_ahead_, expires_, delete_if_;
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_ktable() { return std::make_unique<TableTool>(); }

}  // namespace kutils
