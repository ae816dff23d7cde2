// kread [IN]: print a topic or a range of it.
#include "cli/stream_tool.h"
#include "flow/pass_stage.h"
#include "flow/table/table_stage.h"

namespace {

using namespace kutils;

class ReadTool final : public cli::StreamTool {
 public:
  ReadTool() : StreamTool({.writes_topics = false, .tables = true}) {}
  cli::ToolInfo info() const override {
    return {"kread",
            "Print a topic, or a range of it: the value of each record and a newline.",
            {{"IN", false, "a topic, ./FILE or - (stdin, the default)"}},
            {{"kread -e --since 1h clicks"}, {"kread -J -c 10 -o -10 clicks | jq .key"}}};
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kread", operands.find("IN"), std::nullopt);
    // A table that ends is its last values; one that goes on, its changes.
    const bool ends =
        job_.in.is_lines() || job_.range.exit_at_end || job_.max_input || !job_.range.until.empty();
    job_.make_stage = [latest =
                           job_.in.table && ends](const flow::StageContext&) -> std::unique_ptr<flow::Stage> {
      if (latest) return flow::make_latest_values();
      return std::make_unique<flow::PassStage>();
    };
    shared_.shape(job_);
  }
};

}  // namespace

int main(int argc, char** argv) {
  ReadTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
