// kdedup EXPR --within D [IN [OUT]]: of equal records that come close together, one.
#include "kdedup/kdedup.h"

#include "base/correction.h"
#include "base/duration.h"
#include "cli/grouping_options.h"
#include "flow/tasks/state_support.h"
#include "flow/window/dedup_stage.h"

namespace kutils {
namespace {

constexpr const char* kRecordKey = "_key";

class DedupTool final : public cli::StreamTool {
 public:
  DedupTool() : StreamTool({.shapes = false}) {}
  cli::ToolInfo info() const override {
    return {"kdedup",
            "Pass on one of the records that are equal by EXPR and lie within D.",
            {{"EXPR", true, "what makes two records equal: a field, 'a,b', _key", true},
             {"IN", false, "a topic, ./FILE or - (stdin, the default)"},
             {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
            {{"kdedup _key --within 1h payments once"},
             {"kdedup 'user, uri' --within 5s --time wall < clicks.ndjson"}}};
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
    text("--within", "D", "records of equal EXPR less than D apart are duplicates", "none; it must be given",
         "--within 1h", within_, true);
    table.add({.names = "--keep",
               .metavar = "WHICH",
               .help = "first, at once; or last, when D has passed",
               .by_default = "first",
               .example = "--keep last",
               .in_short_help = true,
               .set = [this](const std::string& value) { keep_ = value; },
               .choices = {"first", "last"}});
    grouping_.declare(table, {.time = true, .close_at_end = true});
    text("--grace", "D", "how far behind stream time a record may be; as --within", "as --within",
         "--grace 5m", grace_, false);
    text("--late", "TOPIC", "topic for records that are further behind", "they are dropped and counted",
         "--late too_late", late_, false);
    text("--idle", "D", "--keep last: after D without records, time advances by itself",
         "time stands still while no record comes", "--keep last --idle 1m", idle_, false);
    text("--max-ahead", "D", "a time further ahead of the clock is an error; 24h, or none", "24h",
         "--max-ahead none", max_ahead_, false);
    shared_.declare(table);
  }
  void setup(const cli::Operands& operands) override {
    if (within_.empty())
      throw CorrectedError(
          "--within D is missing: how close in time are duplicates?",
          {.before = "of records of equal EXPR less than an hour apart: ", .add = {{"--within", "1h"}}});
    job_ = shared_.make_job("kdedup", operands.find("IN"), operands.find("OUT"));
    if (job_.in.table)
      throw usage_error("a table has one row per key already: IN cannot be table:",
                        "for the stream of its changes write " + job_.in.name);
    const bool has_keys = job_.in.is_topic() || shared_.lines_have_keys();
    const std::string& by = operands.get("EXPR");
    if (by == kRecordKey && !has_keys)
      throw usage_error("_key: plain lines have no key",
                        "give an expression of the value, -J for envelopes, or -K for lines with keys");
    if (job_.in.is_lines() && !shared_.lines_have_times() && !grouping_.has_time())
      throw usage_error("--within needs a time, and plain lines have none",
                        "give --time EXPR or --time wall, or -J for envelopes");
    flow::DedupOptions options;
    options.within = milliseconds("--within", within_);
    if (options.within == 0)
      throw usage_error("--within " + within_ + ": no two records are less than that apart",
                        "give a time such as 5s or 1h");
    if (!keep_.empty() && keep_ != "first" && keep_ != "last")
      throw usage_error("--keep: '" + keep_ + "' is neither first nor last");
    options.keep_last = keep_ == "last";
    refuse_idle(options.keep_last);
    flow::WindowOptions& window = options.window;
    window.grace = grace_.empty() ? options.within : milliseconds("--grace", grace_);
    if (!idle_.empty()) window.idle = milliseconds("--idle", idle_);
    if (!late_.empty()) {
      shared_.add_output(job_, late_);
      window.late_port = static_cast<uint32_t>(job_.more_outputs.size());
    }
    const auto span = [](int64_t ms) { return format_duration(std::chrono::milliseconds(ms)); };
    if (by == kRecordKey) job_.settings.push_back({"EXPR", kRecordKey});
    job_.settings.push_back({"--within", span(options.within)});
    if (options.keep_last) job_.settings.push_back({"--keep", "last"});
    if (!options.keep_last && window.grace != options.within)
      job_.settings.push_back({"--grace", span(window.grace)});
    if (window.idle) job_.settings.push_back({"--idle", span(*window.idle)});
    if (!late_.empty()) job_.settings.push_back({"--late", late_});
    grouping_.group_by(by == kRecordKey ? "" : by, "EXPR");
    window.takes_null = grouping_.take_null(shared_.expressions());
    grouping_.limit_times(max_ahead_, "make all earlier records late");
    window.cache_bytes = grouping_.cache_bytes();
    grouping_.shape(
        job_, {}, shared_.expressions(), has_keys, true, {},
        [options](const flow::AggregateSet& set, std::unique_ptr<flow::RecordReader> reader,
                  state::Store& store, const flow::StageContext& context) {
          flow::DedupOptions here = options;
          here.window.sources = context.input_partitions;
          return flow::make_dedup_stage(here, set, std::move(reader), store);
        },
        {}, {}, [options](int64_t time) { return flow::next_expiry(options, time); });
    // Records come out under their own keys, which another value has brought to this task.
    job_.changes_keys = job_.topology.has_internal_topic() && !grouping_.is_by_key();
    job_.topology.last().follows_order = true;
    job_.topology.last().keeps_sources = !options.keep_last;
    job_.counts_silence = window.idle.has_value();
    shared_.shape(job_);
    job_.cache_bytes = grouping_.cache_bytes();
    flow::give_state(job_);
  }

 private:
  static int64_t milliseconds(const char* option, const std::string& text) {
    constexpr int64_t kMost = int64_t{1000} * 365 * 86400 * 1000;
    const int64_t ms = parse_duration_option(option, text).count();
    if (ms > kMost) throw usage_error(std::string(option) + ": '" + text + "' is more than 1,000 years");
    return ms;
  }
  void refuse_idle(bool keep_last) const {
    if (keep_last && !grace_.empty())
      throw usage_error(
          "--grace does nothing with --keep last: late records have the time that --within waits",
          "leave it out");
    if (keep_last) return;
    if (!idle_.empty())
      throw usage_error("--idle does nothing with --keep first: nothing is held back", "leave it out");
    if (grouping_.closes_at_end())
      throw usage_error("--close-at-end does nothing with --keep first: nothing is held back",
                        "leave it out");
  }

  cli::GroupingOptions grouping_;
  std::string within_, keep_, grace_, late_, idle_, max_ahead_;
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_kdedup() { return std::make_unique<DedupTool>(); }

}  // namespace kutils
