// Puts the stages of a pipe together as one job. This is kpipe's own part.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/stream_tool.h"
#include "flow/run/run_part.h"
#include "flow/topology/job.h"

namespace kutils {

// A tool that can be a stage.
struct StageTool {
  const char* name;
  std::unique_ptr<cli::StreamTool> (*make)();
};
const std::vector<StageTool>& stage_tools();
std::string names_of_stages();  // of stage_tools(), with spaces between

// The parsed command line: `kfilter EXPR then ktable AGGS as totals -- IN OUT`.
struct PipeWords {
  struct Stage {
    std::vector<std::string> words;  // the tool's name first
    std::string name;                // `as NAME`; empty: none
  };
  std::vector<Stage> stages;
  std::vector<std::string> operands;  // IN, OUT
};
// Throws usage_error.
PipeWords split_pipe(const std::vector<std::string>& words, const cli::OptionTable& options);

// Adds the stages to `job`, which `shared` has made of the operands and of the options before the first
// stage, and to `parts` what the run has to open for them. `options`: of the pipe, for hints. Throws usage_error, which
// names the stage. Returns their tools, set up.
std::vector<std::unique_ptr<cli::StreamTool>> add_stages(const PipeWords& pipe,
                                                         const cli::SharedOptions& shared,
                                                         const cli::OptionTable& options, flow::Job& job,
                                                         flow::RunParts& parts);
// Whether the rows that the pipe writes are the newest ones of a table.
bool ends_in_table(const PipeWords& pipe);
// `stage 2, kmap` for number 1.
std::string name_of_stage(size_t number, const PipeWords::Stage& stage);

// The help text for `kpipe kwindow --help`: the options of that stage; nullopt: the command line does not ask
// for help.
std::optional<std::string> help_of_stage(const std::vector<PipeWords::Stage>& stages);

}  // namespace kutils
