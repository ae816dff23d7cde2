// kmerge A,B... OUT: several topics into one, in order of time.
#include "base/correction.h"
#include "base/duration.h"
#include "cli/stream_tool.h"
#include "flow/topology/pass_stage.h"

namespace {

using namespace kutils;

class MergeTool final : public cli::StreamTool {
 public:
  MergeTool()
      : StreamTool({.reads_lines = false, .writes_lines = false, .expressions = false, .shapes = false}) {}
  cli::ToolInfo info() const override {
    return {"kmerge",
            "Merge topics into one, in order of time within each partition.",
            {{"IN", true, "topics with equal numbers of partitions: a,b"}, {"OUT", true, "a topic"}},
            {{"kmerge -g all left,right both"}, {"kmerge -g m --max-wait 10s web,shop,app events"}}};
  }
  void declare(cli::OptionTable& table) override {
    table.add(
        {.names = "--max-wait",
         .metavar = "D",
         .help = "how long to wait for a topic without new records; 1s",
         .by_default = "1s",
         .example = "--max-wait 10s",
         .in_short_help = true,
         .set = [this](const std::string& text) { max_wait_ = parse_duration_option("--max-wait", text); }});
    shared_.declare(table);
  }
  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kmerge", operands.find("IN"), operands.find("OUT"));
    for (const io::Endpoint* end : {&job_.in, &job_.out})
      if (end->is_lines() && job_.in.is_topic() && job_.in.topics.size() > 1)
        throw CorrectedError(
            "'" + end->name + "' is lines: kmerge merges topics into a topic",
            {.before = "several topics are printed by: ", .tool = "kread", .operands = {{job_.in.name}}});
      else if (end->is_lines())
        throw usage_error("'" + end->name + "' is lines: kmerge merges topics into a topic",
                          "kwrite brings lines to a topic; sort -m merges files that are sorted");
    if (job_.in.table)
      throw usage_error("tables have no order of time between them: IN cannot be table:",
                        "for the streams of their changes leave table: out");
    if (job_.in.topics.size() < 2)
      throw usage_error("IN '" + job_.in.name + "' is one topic: there is nothing to merge",
                        "name several, as a,b; kcp copies one, and brings together what a pattern matches");
    job_.settings.push_back({"IN", job_.in.name});
    job_.max_wait = max_wait_;
    job_.set_stage([](const flow::StageContext&) { return std::make_unique<flow::PassStage>(); });
    // Read beside the first one: the same partitions of all come to one process.
    const std::vector<std::string> topics = std::exchange(job_.in.topics, {});
    job_.in.name = topics.front();
    for (size_t i = 1; i < topics.size(); ++i) job_.topology.add_copartitioned(topics[i], false);
    shared_.shape(job_);
  }

 private:
  Millis max_wait_{1000};
};

}  // namespace

int main(int argc, char** argv) {
  MergeTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
