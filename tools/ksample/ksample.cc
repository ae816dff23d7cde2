// ksample HOW [IN [OUT]]: some of the records.
#include "ksample/ksample.h"

#include "cli/held_in_memory.h"
#include "cli/table_input.h"
#include "flow/tasks/state_support.h"
#include "ksample/sample_stage.h"

namespace kutils {
namespace {

// 10%, 0.1, 1/100, 1000
bool is_share(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.%/") == std::string::npos && text[0] != '.' &&
         text[0] != '/';
}

class SampleTool final : public cli::StreamTool {
 public:
  SampleTool() : StreamTool({.shapes = false, .keep_null = true}) {}
  cli::ToolInfo info() const override {
    return {"ksample",
            "Pass on some of the records, as they came: a share, every Nth, or N.",
            {{"HOW", true, "a share, 10% or 0.1; every hundredth, 1/100; a number of them, 1000", false,
              false, false, is_share},
             {"IN", false, "a topic, ./FILE or - (stdin, the default)"},
             {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
            {{"ksample 10% --by user clicks some_users"}, {"ksample 3 < clicks.ndjson"}}};
  }
  void declare(cli::OptionTable& table) override {
    table.add({.names = "--by",
               .metavar = "EXPR",
               .help = "a share of its values, each with all of its records",
               .by_default = "each record by itself",
               .example = "--by user",
               .in_short_help = true,
               .joined = cli::joined_by_comma,
               .set = [this](const std::string& text) { by_ = text; }});
    shared_.declare(table);
  }
  void setup(const cli::Operands& operands) override {
    using Kind = SamplePlan::Kind;
    job_ = shared_.make_job("ksample", operands.find("IN"), operands.find("OUT"));
    if (job_.in.table)
      throw usage_error("a sample of a table's changes is not a table: IN cannot be table:",
                        "for the stream of its changes write " + job_.in.name);
    const std::string& how = operands.get("HOW");
    SamplePlan plan = parse_sample(how);
    plan.by = by_;
    plan.options = shared_.expressions();
    plan.seed = plan.options.random_seed;
    plan.keep_null = shared_.keep_null();
    if (!by_.empty() && plan.kind != Kind::rate)
      throw usage_error("--by does nothing here: " + how + " counts records",
                        "a share of the values is 10% --by EXPR");
    if (plan.kind == Kind::every && plan.seed != 0)
      throw usage_error("--seed does nothing here: " + how + " counts records, and takes none by chance",
                        "a share by chance is 10%");
    if (plan.kind == Kind::reservoir) {
      const std::string what =
          "HOW: which " + how + " records are taken is known at the end of the input only";
      if (job_.in.is_topic() && job_.out.is_topic())
        throw usage_error(what + ", and between topics there is none",
                          "10% and 1/100 need no end; or write to a file, with -e");
      if (!cli::has_end(job_))
        throw usage_error(what + ", and '" + job_.in.name + "' has none", "add -e, --until or -c");
      cli::refuse_lost_rows(job_, "what was taken so far");
    }
    job_.settings.push_back({"HOW", to_string(plan)});
    if (!by_.empty()) job_.settings.push_back({"--by", canonical_by(plan)});
    if (plan.seed != 0) job_.settings.push_back({"--seed", std::to_string(plan.seed)});
    const bool counts = plan.kind == Kind::every;
    job_.set_stage(
        [plan](const flow::StageContext& context) { return make_sample_stage(plan, context.store); }, counts);
    shared_.shape(job_);
    if (counts) flow::give_state(job_);
  }

 private:
  std::string by_;
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_ksample() { return std::make_unique<SampleTool>(); }

}  // namespace kutils
