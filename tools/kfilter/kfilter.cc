// kfilter EXPR [IN [OUT]]: keep matching records.
#include "kfilter/kfilter.h"

#include "cli/stream_tool.h"
#include "cli/table_input.h"
#include "kfilter/filter_stage.h"

namespace kutils {
namespace {

class FilterTool final : public cli::StreamTool {
 public:
  FilterTool() : StreamTool({.keep_null = true, .tables = true}) {}
  cli::ToolInfo info() const override {
    return {"kfilter",
            "Keep the records for which EXPR is true, bytes untouched.",
            {{"EXPR", true, "a condition on the record's fields; @FILE reads it from a file", true},
             {"IN", false, "a topic, ./FILE or - (stdin, the default)"},
             {"OUT", false, "a topic, ./FILE or - (stdout, the default)"}},
            {{"kfilter 'number >= 100' clicks popular"},
             {"kfilter 'country in [\"DE\", \"FR\"] && has(email)' < clicks.ndjson"}}};
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kfilter", operands.find("IN"), operands.find("OUT"));
    const FilterPlan plan{operands.get("EXPR"), shared_.expressions(), shared_.keep_null()};
    job_.settings.push_back({"EXPR", FilterStage(plan).canonical()});
    job_.set_stage([plan](const flow::StageContext&) { return std::make_unique<FilterStage>(plan); });
    cli::read_table(job_);
    shared_.shape(job_);
  }
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_kfilter() { return std::make_unique<FilterTool>(); }

}  // namespace kutils
