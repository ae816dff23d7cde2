// kcp IN OUT: exact copy.
#include "cli/stream_tool.h"
#include "flow/topology/pass_stage.h"

namespace {

using namespace kutils;

class CopyTool final : public cli::StreamTool {
 public:
  CopyTool() : StreamTool({.expressions = false, .shapes = false, .envelope_lines = true}) {}
  cli::ToolInfo info() const override {
    return {"kcp",
            "Copy records exactly: partition, key, headers, time, bytes. Lines are as -J.",
            {{"IN", true, "a topic, ./FILE or - (stdin)"}, {"OUT", true, "a topic, ./FILE or - (stdout)"}},
            {{"kcp -e clicks ./clicks.ndjson", "export"}, {"kcp ./clicks.ndjson restored", "import"}}};
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kcp", operands.find("IN"), operands.find("OUT"));
    job_.keeps_partition = true;
    job_.set_stage([](const flow::StageContext&) { return std::make_unique<flow::PassStage>(true); });
    shared_.shape(job_);
  }
};

}  // namespace

int main(int argc, char** argv) {
  CopyTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
