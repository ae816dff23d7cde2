// kgroupby EXPR [IN [OUT]]: re-key, repartition.
#include "kgroupby/kgroupby.h"

#include "base/correction.h"
#include "cli/stream_tool.h"
#include "io/endpoint.h"
#include "kgroupby/rekey_stage.h"

namespace kutils {
namespace {

class GroupByTool final : public cli::StreamTool {
 public:
  // No --key: EXPR is the key.
  GroupByTool() : StreamTool({.sets_key = false, .keep_null = true}) {}
  cli::ToolInfo info() const override {
    return {"kgroupby",
            "Give each record a new key, so that equal keys come to one partition.",
            {{"EXPR", true,
              "the key: a string is its bytes, other values are JSON; 'a,b': the JSON array of both", true},
             {"IN", false, "a topic, ./FILE or - (stdin, the default)"},
             {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
            {{"kgroupby uri clicks by_uri"}, {"kgroupby 'country, user.lowerAscii()' -J clicks -"}}};
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kgroupby", operands.find("IN"), operands.find("OUT"));
    const RekeyPlan plan{operands.get("EXPR"), shared_.expressions(), shared_.keep_null()};
    job_.settings.push_back({"EXPR", RekeyStage(plan).canonical()});
    job_.set_stage([plan](const flow::StageContext&) { return std::make_unique<RekeyStage>(plan); });
    job_.changes_keys = true;
    shared_.shape(job_);
    refuse_lost_key(operands);
  }

 private:
  // kgroupby changes nothing but the key, and plain lines would lose the key silently.
  void refuse_lost_key(const cli::Operands& operands) const {
    if (!job_.out.is_lines() || shared_.output_shows_keys(job_)) return;
    // `kgroupby clicks by_uri`: two names, of which the first may be IN.
    const std::string spec = operands.get("EXPR");
    if (job_.in.is_topic() && !operands.find("OUT") && io::is_topic_name(spec) && !shared_.place())
      throw CorrectedError("the lines that are written show no key, and the key is all that kgroupby makes",
                           {.before = "if '" + spec + "' is a field, envelopes have its value: " +
                                      shared_.hint({.before = "", .add = {{"-O", "envelope"}}}) + "\nif '" +
                                      spec + "' is IN, EXPR is missing: ",
                            .operands = {{"EXPR", spec, job_.in.name}}});
    throw CorrectedError(
        "the lines that are written show no key, and the key is all that kgroupby makes",
        {.before = "envelopes have it: ",
         .after = "\nbehind it in a pipe, each tool reads and writes them with -J: | ktable -J 'count()'",
         .add = {{"-O", "envelope"}}});
  }
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_kgroupby() { return std::make_unique<GroupByTool>(); }

}  // namespace kutils
