// kscore LIST [IN [OUT]]: adds score fields. kmap's stage with `*, ` in front.
#include "kscore/kscore.h"

#include "cli/stream_tool.h"
#include "kmap/map_stage.h"

namespace kutils {
namespace {

class ScoreTool final : public cli::StreamTool {
 public:
  ScoreTool() : StreamTool({.keep_null = true, .emits_json = true}) {}
  cli::ToolInfo info() const override {
    return {
        "kscore",
        "Add score fields to each record.",
        {{"LIST", true, "NAME=EXPR, NAME=EXPR: the fields to add; random() is a number from 0 to 1", true},
         {"IN", false, "a topic, ./FILE or - (stdin, the default)"},
         {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
        {{"kscore 'score=random()' clicks scored"},
         {"kscore 'risk=amount > 1000 ? 0.9 : 0.1' < orders.ndjson"}}};
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kscore", operands.find("IN"), operands.find("OUT"));
    const MapPlan plan{.list = operands.get("LIST"),
                       .adds_to_all = true,
                       .options = shared_.expressions(),
                       .keep_null = shared_.keep_null()};
    job_.settings.push_back({"LIST", MapStage(plan).canonical()});
    job_.set_stage([plan](const flow::StageContext&) { return std::make_unique<MapStage>(plan); });
    shared_.shape(job_);
  }
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_kscore() { return std::make_unique<ScoreTool>(); }

}  // namespace kutils
