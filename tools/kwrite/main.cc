// kwrite [IN] OUT: produce lines.
#include <unistd.h>

#include "base/correction.h"
#include "cli/file_format.h"
#include "cli/stream_tool.h"
#include "flow/topology/pass_stage.h"

namespace {

using namespace kutils;

class WriteTool final : public cli::StreamTool {
 public:
  WriteTool() : StreamTool({.reads_topics = false, .groups = false, .checks_json = true}) {}
  cli::ToolInfo info() const override {
    return {"kwrite",
            "Write lines to a topic: JSON, envelopes, CSV or plain text, one record each.",
            {{"IN", false, "./FILE or - (stdin, the default)"}, {"OUT", true, "a topic"}},
            {{"kwrite -I csv --rate 1 --key VendorID ./rides.csv rides"},
             {"echo '{\"uri\":\"/home\"}' | kwrite clicks"}}};
  }
  void declare(cli::OptionTable& options) override {
    options.add({.names = "-p",
                 .metavar = "N",
                 .help = "to this partition, whatever the key",
                 .by_default = "by the key, as Java's clients; without a key all in turn",
                 .example = "-p 2",
                 .in_short_help = true,
                 .set = [this](const std::string& text) {
                   partition_ = static_cast<int32_t>(cli::parse_number("-p", text, 0, INT32_MAX));
                 }});
    options.add({.names = "--atomic",
                 .help = "all in one transaction: readers see everything or nothing",
                 .example = "kwrite --atomic ./clicks.ndjson clicks",
                 .in_short_help = true,
                 .set = [this](const std::string&) { job_atomic_ = true; }});
    shared_.declare(options);
  }
  void setup(const cli::Operands& operands) override {
    require_topic(operands);
    job_ = shared_.make_job("kwrite", operands.find("IN"), operands.find("OUT"));
    if (job_.in.is_topic()) {
      // `kwrite clicks lines.txt`
      const std::string file = job_.out.name, format = cli::format_of_file(file);
      if (access(file.c_str(), R_OK) == 0) {
        Correction meant{.before = "the input comes first, and a file is spelled ./NAME: "};
        meant.operands = {"./" + file, job_.in.name};
        if (!format.empty() && !shared_.names_input_format()) meant.add = {{"-I", format}};
        throw CorrectedError("OUT '" + file + "' is a file, and kwrite writes to a topic", meant);
      }
      const std::string text = "IN '" + job_.in.name + "' is a topic, and kwrite reads lines";
      const std::string given = *operands.find("IN"), as_file = cli::format_of_file(given);
      if (access(given.c_str(), R_OK) == 0) {
        Correction meant{.before = "a file is spelled ./NAME: "};
        meant.operands = {"./" + given, job_.out.name};
        if (!as_file.empty() && !shared_.names_input_format()) meant.add = {{"-I", as_file}};
        throw CorrectedError("'" + given + "' without ./ is a topic's name, and kwrite reads lines", meant);
      }
      throw CorrectedError(text, {.before = "a file is ./" + job_.in.name + "; from topic to topic: ",
                                  .tool = "kcp",
                                  .drop = {"--atomic", "-p", "--key", "--time", "--header"}});
    }
    job_.atomic = job_atomic_;
    if (partition_ != kNoPartition) job_.out_partition = partition_;
    job_.set_stage([partition = partition_](const flow::StageContext&) {
      return std::make_unique<flow::PassStage>(false, partition);
    });
    shared_.shape(job_);
  }

 private:
  // `kwrite ./file` is a forgotten topic, not a wish to write into the file.
  static void require_topic(const cli::Operands& operands) {
    const io::Endpoint out = io::parse_endpoint("OUT", operands.get("OUT"));
    if (out.is_topic()) return;
    const bool is_stdio = out.kind == io::EndpointKind::stdio;
    const auto in = operands.find("IN");
    Correction meant;
    if (in && io::parse_endpoint("IN", *in).is_topic() && !is_stdio) {
      meant.before = "the input comes first: ";
      meant.operands = {operands.get("OUT"), *in};
    } else if (in) {
      meant.before = "lines to lines: ";
      meant.tool = "kcp";
      meant.drop = {"--atomic", "-p"};
    } else if (is_stdio) {
      meant.operands = {"TOPIC"};
    } else {
      meant.before = "if that is the input, the topic is missing: ";
      meant.operands = {operands.get("OUT"), "TOPIC"};
    }
    throw CorrectedError("OUT '" + operands.get("OUT") + "' is " + (is_stdio ? "standard output" : "a file") +
                             ", and kwrite writes to a topic",
                         meant);
  }

  int32_t partition_ = kNoPartition;
  bool job_atomic_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  WriteTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
