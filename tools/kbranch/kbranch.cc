// kbranch TOPIC=COND,... IN OUT: the first match wins, OUT takes the rest.
#include "kbranch/kbranch.h"

#include <algorithm>

#include "cli/stream_tool.h"
#include "kbranch/branch_stage.h"

namespace kutils {
namespace {

class BranchTool final : public cli::StreamTool {
 public:
  BranchTool() : StreamTool({.keep_null = true}) {}
  cli::ToolInfo info() const override {
    return {"kbranch",
            "Send each record to the first TOPIC whose COND is true, the rest to OUT.",
            {{"TOPIC=COND,...", true, "topics or ./FILEs, each with its condition", true},
             {"IN", true, "a topic, ./FILE or - (stdin)"},
             {"OUT", true, "takes what matched nothing: a topic, ./FILE or - (stdout)"}},
            {{"kbranch 'low=total_amount < 40' rides high"},
             {"kbranch './de.ndjson=country == \"DE\"' clicks ./rest.ndjson"}}};
  }
  void declare(cli::OptionTable& options) override {
    options.add({.names = "--all",
                 .help = "to every TOPIC whose COND is true, not only the first",
                 .in_short_help = true,
                 .set = [this](const std::string&) { all_ = true; }});
    shared_.declare(options);
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kbranch", operands.find("IN"), operands.find("OUT"));
    BranchPlan plan{
        parse_branches(operands.get("TOPIC=COND,...")), {}, shared_.expressions(), shared_.keep_null()};
    std::vector<std::string> outputs;
    for (const Branch& branch : plan.branches) {
      const auto at = std::find(outputs.begin(), outputs.end(), branch.output);
      plan.ports.push_back(static_cast<uint32_t>(at - outputs.begin() + 1));
      if (at != outputs.end()) continue;
      outputs.push_back(branch.output);
      shared_.add_output(job_, branch.output);
    }
    // A setting's name ends at its '='. Groups of earlier versions store the same text under "TOPIC=COND".
    job_.settings.push_back({"TOPIC", "COND=" + BranchStage(plan).canonical()});
    plan.all = all_;
    if (all_) job_.settings.push_back({"--all", "to all that match"});
    job_.set_stage([plan](const flow::StageContext&) { return std::make_unique<BranchStage>(plan); });
    shared_.shape(job_);
  }

 private:
  bool all_ = false;
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_kbranch() { return std::make_unique<BranchTool>(); }

}  // namespace kutils
