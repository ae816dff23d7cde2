// kread [IN]: print a topic or a range of it.
#include <optional>

#include "base/shell_word.h"
#include "cli/stream_tool.h"
#include "cli/table_input.h"
#include "flow/table/table_stage.h"
#include "flow/topology/pass_stage.h"
#include "kfilter/filter_stage.h"

namespace {

using namespace kutils;

class ReadTool final : public cli::StreamTool {
 public:
  ReadTool() : StreamTool({.writes_topics = false, .tables = true}) {}
  cli::ToolInfo info() const override {
    return {"kread",
            "Print a topic, or a range of it: the value of each record and a newline.",
            {{"IN", false, "a topic, ./FILE or - (stdin, the default)"}},
            {{"kread -e --since 1h clicks"}, {"kread -e --where 'number >= 100' --pretty clicks"}}};
  }
  void declare(cli::OptionTable& options) override {
    options.add({.names = "--where",
                 .metavar = "EXPR",
                 .help = "only records for which this is true",
                 .in_short_help = true,
                 .set = [this](const std::string& text) { where_ = text; }});
    shared_.declare(options);
  }
  void setup(const cli::Operands& operands) override {
    if (!operands.find("IN")) refuse_topic_as_format();
    job_ = shared_.make_job("kread", operands.find("IN"), std::nullopt);
    if (where_) return setup_filter();
    // A table that ends is its last values; one that goes on, its changes.
    job_.set_stage([latest = job_.in.table &&
                             cli::has_end(job_)](const flow::StageContext&) -> std::unique_ptr<flow::Stage> {
      if (latest) return flow::make_latest_values(std::make_unique<flow::PassStage>());
      return std::make_unique<flow::PassStage>();
    });
    shared_.shape(job_);
  }

 private:
  // `kread -f clicks`, a habit from tail -f, or -f among bundled options: kread would wait for lines from the
  // terminal.
  void refuse_topic_as_format() const {
    const std::string* format = shared_.line_template();
    if (!format || format->find_first_of("%\\") != std::string::npos) return;
    throw usage_error(
        "-f is the format of a record, and '" + *format + "' would print the same for each; IN is missing",
        "a topic is an operand, and read as it grows: kread " + shell_word(*format));
  }
  void setup_filter() {
    if (job_.in.table)
      throw usage_error("--where chooses records, and table:" + job_.in.name + " is read as rows",
                        "kfilter chooses rows: kfilter -e " + shell_word(*where_) + " table:" + job_.in.name);
    const FilterPlan plan{*where_, shared_.expressions(), false};
    job_.settings.push_back({"--where", FilterStage(plan, "--where").canonical()});
    job_.set_stage(
        [plan](const flow::StageContext&) { return std::make_unique<FilterStage>(plan, "--where"); });
    shared_.shape(job_);
  }

  std::optional<std::string> where_;
};

}  // namespace

int main(int argc, char** argv) {
  ReadTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
