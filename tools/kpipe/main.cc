// kpipe STAGE [then STAGE]... -- [IN [OUT]]: several tools as one process.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kpipe/pipe.h"

namespace {

using namespace kutils;

class PipeTool final : public cli::StreamTool {
 public:
  PipeTool() : StreamTool({.expressions = false, .codecs = false, .shapes = false, .tables = true}) {}
  cli::ToolInfo info() const override {
    return {"kpipe",
            "Several tools as one process: no topics between them, one transaction.",
            {{"STAGE", true, "a tool with its own options: " + names_of_stages()},
             {"then ... -- IN OUT", false, "further stages; IN and OUT stand once, behind --", false, true}},
            {{"kpipe kfilter 'ms > 9' then ktable --by uri 'n=count()' -- clicks slow"},
             {"kpipe kmap 'uri, number' then kfilter 'number > 100' < clicks.ndjson"}}};
  }
  void declare(cli::OptionTable& options) override {
    StreamTool::declare(options);
    options_ = &options;
  }
  void setup(const cli::Operands& operands) override {
    std::vector<std::string> words = operands.rest();
    words.insert(words.begin(), operands.get("STAGE"));
    PipeWords pipe = split_pipe(words, *options_);
    const auto operand = [&](size_t i) {
      return i < pipe.operands.size() ? std::make_optional(pipe.operands[i]) : std::nullopt;
    };
    if ((text_ = help_of_stage(pipe.stages))) return;
    if (ends_in_table(pipe)) shared_.let_rows_be_updates();
    job_ = shared_.make_job("kpipe", operand(0), operand(1));
    tools_ = add_stages(pipe, shared_, *options_, job_, parts_);
    stages_ = std::move(pipe.stages);
    shared_.shape(job_);
  }
  ExitCode run() override {
    if (!text_) return StreamTool::run();
    if (std::fwrite(text_->data(), 1, text_->size(), stdout) != text_->size() || std::fflush(stdout) != 0)
      throw Error(ExitCode::delivery,
                  std::string("cannot write to standard output: ") + std::strerror(errno));
    return ExitCode::ok;
  }
  std::vector<std::string> last_notes() const override {
    std::vector<std::string> notes;
    for (size_t i = 0; i < tools_.size(); ++i)
      for (const std::string& note : tools_[i]->closing_notes())
        notes.push_back(name_of_stage(i, stages_[i]) + ": " + note);
    return notes;
  }

 private:
  std::vector<PipeWords::Stage> stages_;
  std::vector<std::unique_ptr<cli::StreamTool>> tools_;  // of them
  const cli::OptionTable* options_ = nullptr;            // of the pipe; lives as long as setup()
  std::optional<std::string> text_;  // a stage's help, printed instead of running the pipe
};

}  // namespace

int main(int argc, char** argv) {
  PipeTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
