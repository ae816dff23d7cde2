// ktake N [--within D] [IN [OUT]]: arrays of N values.
#include "ktake/ktake.h"

#include "base/duration.h"
#include "cli/grouping_options.h"
#include "cli/held_in_memory.h"
#include "flow/tasks/state_support.h"
#include "ktake/take_stage.h"

namespace kutils {
namespace {

// N
bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

class TakeTool final : public cli::StreamTool {
 public:
  TakeTool() : StreamTool({.shapes = false, .emits_json = true}) {}
  cli::ToolInfo info() const override {
    return {"ktake",
            "Take N values at a time and pass them on as one JSON array.",
            {{"N", true, "how many values an array has", false, false, false, is_number},
             {"IN", false, "a topic, ./FILE or - (stdin, the default)"},
             {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
            {{"ktake 100 --within 5s --by customer orders batches"}, {"ktake 3 < clicks.ndjson"}}};
  }
  void declare(cli::OptionTable& table) override {
    table.add({.names = "--within",
               .metavar = "D",
               .help = "pass on an array with fewer when its first value has waited D",
               .by_default = "an array waits until it is full",
               .example = "--within 30s",
               .in_short_help = true,
               .set = [this](const std::string& text) { within_ = text; }});
    grouping_.declare(table, {.by = true});
    shared_.declare(table);
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("ktake", operands.find("IN"), operands.find("OUT"));
    if (job_.in.table)
      throw usage_error("a table's rows are not taken by number: IN cannot be table:",
                        "for the stream of its changes write " + job_.in.name);
    cli::refuse_lost_rows(job_, "what is not full");
    TakePlan plan;
    plan.count = cli::parse_number("N", operands.get("N"), 1, 1'000'000);
    job_.settings.push_back({"N", std::to_string(plan.count)});
    if (!within_.empty()) {
      plan.within = parse_duration_option("--within", within_).count();
      if (*plan.within == 0) throw usage_error("--within 0: no array could be filled", "a time such as 5s");
      if (*plan.within > kLongest) throw usage_error("--within: '" + within_ + "' is more than 1,000 years");
      job_.settings.push_back({"--within", format_duration(std::chrono::milliseconds(*plan.within))});
    }
    plan.options = shared_.expressions();
    plan.cache_bytes = grouping_.cache_bytes();
    if (grouping_.is_by_key()) {
      grouping_.refuse_idle_cache(job_);
      job_.set_stage(
          [plan](const flow::StageContext& context) -> std::unique_ptr<flow::Stage> {
            return std::make_unique<TakeStage>(plan, nullptr, *context.store, context.clock);
          },
          true);
    } else {
      const bool has_keys = job_.in.is_topic() || shared_.lines_have_keys();
      grouping_.shape(job_, {}, shared_.expressions(), has_keys, false, {},
                      [plan](const flow::AggregateSet&, std::unique_ptr<flow::RecordReader> reader,
                             state::Store& store, const flow::StageContext& context) {
                        return std::make_unique<TakeStage>(plan, std::move(reader), store, context.clock);
                      },
                      {}, {});
    }
    job_.topology.last().follows_order = true;
    job_.topology.last().waits_for_clock = plan.within.has_value();
    shared_.shape(job_);
    job_.cache_bytes = grouping_.cache_bytes();
    flow::give_state(job_);
  }

 private:
  static constexpr int64_t kLongest = int64_t{1000} * 365 * 86'400'000;

  cli::GroupingOptions grouping_;
  std::string within_;
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_ktake() { return std::make_unique<TakeTool>(); }

}  // namespace kutils
