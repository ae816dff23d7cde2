// kdelay D|TIME [IN [OUT]]: records go on when it is time.
#include "kdelay/kdelay.h"

#include "base/correction.h"
#include "base/duration.h"
#include "cli/grouping_options.h"
#include "cli/held_in_memory.h"
#include "cli/time_unit.h"
#include "flow/tasks/state_support.h"
#include "io/range.h"
#include "kdelay/delay_stage.h"

namespace kutils {
namespace {

class DelayTool final : public cli::StreamTool {
 public:
  DelayTool() : StreamTool({.shapes = false, .keep_null = true}) {}
  cli::ToolInfo info() const override {
    return {"kdelay",
            "Pass each record on, as it came, when it is D old or its time has come.",
            {{"D", true, "a duration such as 30s, or an expression that gives a time", true, false, false,
              [](const std::string& text) { return parse_duration(text).has_value(); }},
             {"IN", false, "a topic, ./FILE or - (stdin, the default)"},
             {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
            {{"kdelay 15m failed retry"}, {"kdelay send_at reminders due"}}};
  }
  void declare(cli::OptionTable& table) override {
    table.add({.names = "--time-unit",
               .metavar = "UNIT",
               .help = "what a number given by the expression counts: ns us ms s",
               .by_default = "ms",
               .example = "kdelay --time-unit s 'due' orders later",
               .set =
                   [this](const std::string& text) {
                     plan_.time_unit_ns = cli::parse_time_unit(text);
                     unit_is_given_ = true;
                   },
               .choices = {"ns", "us", "ms", "s"}});
    grouping_.declare(table, {});
    shared_.declare(table);
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kdelay", operands.find("IN"), operands.find("OUT"));
    if (job_.in.table)
      throw usage_error("a table's rows do not wait: IN cannot be table:",
                        "for the stream of its changes write " + job_.in.name);
    cli::refuse_lost_rows(job_, "what waits");
    const std::string& when = operands.get("D");
    if (const auto delay = parse_duration(when)) {
      plan_.delay = parse_duration_option("D", when).count();
      if (*plan_.delay > kLongest) throw usage_error("D: '" + when + "' is more than 1,000 years");
      if (unit_is_given_)
        throw usage_error("--time-unit does nothing here: " + when + " has its unit", "leave it out");
    } else if (when.find_first_not_of("0123456789.") == std::string::npos) {
      throw usage_error("D: '" + when + "' has no unit", "write " + when + "s or " + when + "ms");
    } else if (when.find_first_not_of("0123456789.nsumhd") == std::string::npos && when[0] <= '9') {
      parse_duration_option("D", when);  // says what is wrong with it
    } else if (const std::string meant = io::duration_in_words(when);
               when[0] >= '0' && when[0] <= '9' && !meant.empty()) {
      throw CorrectedError("D: '" + when + "' is not a duration", {.spec = meant});
    } else {
      plan_.time = when;
    }
    plan_.options = shared_.expressions();
    plan_.keep_null = shared_.keep_null();
    plan_.rekeyed = job_.rekeyed;
    DelayStage stage(plan_, nullptr, nullptr);
    refuse_constant(when, stage);
    job_.settings.push_back({"D", stage.canonical()});
    if (plan_.time_unit_ns != cli::kDefaultTimeUnitNs)
      job_.settings.push_back({"--time-unit", cli::time_unit_name(plan_.time_unit_ns)});
    grouping_.refuse_idle_cache(job_);
    job_.set_stage(
        [plan = plan_](const flow::StageContext& context) {
          return std::make_unique<DelayStage>(plan, context.store, context.clock);
        },
        true);
    job_.topology.last().waits_for_clock = true;
    shared_.shape(job_);
    // A record waits once and is read once: rows in memory are of little use.
    job_.cache_bytes = grouping_.cache_bytes() / 2;
    flow::give_state(job_);
  }

 private:
  // A time that is the same for all records, and can be none's.
  void refuse_constant(const std::string& when, DelayStage& stage) const {
    if (plan_.delay || !is_constant(when)) return;
    if (const auto error = stage.error_of(Record()))
      throw usage_error("D: '" + when + "': " + error->message,
                        "a duration such as 30s, or an expression of the record that gives a time");
  }
  bool is_constant(const std::string& when) const {
    try {
      expr::constant_bytes(when, "D", plan_.options);
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  static constexpr int64_t kLongest = int64_t{1000} * 365 * 86'400'000;

  cli::GroupingOptions grouping_;
  DelayPlan plan_;
  bool unit_is_given_ = false;
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_kdelay() { return std::make_unique<DelayTool>(); }

}  // namespace kutils
