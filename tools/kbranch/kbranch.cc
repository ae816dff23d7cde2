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
            {{"TOPIC=COND,...", true, "topics, ./FILEs, each with its condition; --to: an expression", true},
             {"IN", true, "a topic, ./FILE or - (stdin)"},
             {"OUT", true, "takes what matched nothing: a topic, ./FILE or - (stdout)"}},
            {{"kbranch 'low=total_amount < 40' rides high"},
             {"kbranch --to '\"clicks-\" + country' clicks elsewhere"}}};
  }
  void declare(cli::OptionTable& options) override {
    options.add({.names = "--all",
                 .help = "to every TOPIC whose COND is true, not only the first",
                 .example = "kbranch --all 'low=number < 50,mid=number < 120' clicks high",
                 .in_short_help = true,
                 .set = [this](const std::string&) { all_ = true; }});
    options.add({.names = "--to",
                 .help = "an expression names the topic, in place of TOPIC=COND",
                 .example = "kbranch --to country clicks others",
                 .in_short_help = true,
                 .set = [this](const std::string&) { to_ = true; }});
    options.add({.names = "--topics",
                 .metavar = "N",
                 .help = "--to: at most N topics in a run; 100 by default",
                 .by_default = "100",
                 .example = "kbranch --topics 20 --to 'country' clicks others",
                 .set = [this](const std::string& text) {
                   topics_ = cli::parse_number("--topics", text, 1, 100'000);
                 }});
    shared_.declare(options);
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kbranch", operands.find("IN"), operands.find("OUT"));
    if (to_) return set_up_to(operands.get("TOPIC=COND,..."));
    if (topics_)
      throw usage_error("--topics limits the topics of --to, which is not given",
                        "leave it out, or add --to");
    BranchPlan plan{
        parse_branches(operands.get("TOPIC=COND,...")), {}, shared_.expressions(), shared_.keep_null()};
    std::vector<std::string> outputs;
    for (const Branch& branch : plan.branches) {
      if (job_.out.kind == io::EndpointKind::topic && branch.output == job_.out.name)
        throw usage_error("'" + branch.output + "' is the topic of a branch and OUT",
                          "OUT takes the records that match no condition: give it a topic of its own");
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
  void set_up_to(const std::string& expression) {
    if (all_)
      throw usage_error("--all and --to exclude each other: an expression names one topic",
                        "leave one of the two out");
    if (job_.out.is_lines())
      throw usage_error(
          "--to writes to topics, and OUT, which takes the records whose EXPR is null, must be a topic, too",
          "write: kbranch --to EXPR IN TOPIC");
    ToPlan plan{expression, shared_.expressions(), shared_.keep_null(), {}, nullptr};
    plan.inputs = job_.in.topics;
    plan.topics = job_.named_outputs =
        std::make_shared<flow::NamedOutputs>(static_cast<size_t>(topics_.value_or(kTopics)));
    job_.settings.push_back({"--to", ToStage(plan).canonical()});
    job_.set_stage([plan](const flow::StageContext&) { return std::make_unique<ToStage>(plan); });
    shared_.shape(job_);
  }

  static constexpr int64_t kTopics = 100;

  bool all_ = false;
  bool to_ = false;
  std::optional<int64_t> topics_;
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_kbranch() { return std::make_unique<BranchTool>(); }

}  // namespace kutils
