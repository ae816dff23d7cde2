// Command lines of kpipe as they are written first by those who know pipes of the shell, and what they mean. Every
// hint is the whole pipe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/correction.h"
#include "cli/option_table.h"
#include "cli/stream_tool.h"
#include "kpipe/pipe.h"

namespace kutils {

constexpr const char* kPipeUsage = "usage: kpipe [OPTIONS] STAGE [then STAGE]... -- [IN [OUT]]";

const StageTool& find_stage_tool(const std::string& name);  // throws usage_error
// Without IN and OUT, which stand once, for the whole pipe.
cli::ToolInfo stage_info(const cli::StreamTool& tool);
std::vector<char*> as_argv(const std::vector<std::string>& words);  // which outlive it

// `kfilter EXPR | kmap LIST`, `clicks then kfilter EXPR`, `kread clicks then ... then kwrite out`, `'kfilter EXPR'`.
// Throws CorrectedError.
void refuse_other_spellings(const std::vector<std::string>& words);
// `kfilter -- EXPR IN OUT`; nullopt: it is something else.
std::optional<Correction> with_spec_before_dashes(const PipeWords& pipe);
// What stage `at`, which is refused, means: `then` forgotten, IN and OUT or an option of the pipe in a stage, no EXPR,
// options of other programs. `options`: the pipe's. nullopt: the mistake is the stage's own.
std::optional<Correction> meant_pipe(const PipeWords& pipe, size_t at, const cli::OptionTable& options,
                                     bool has_unknown_option);
// Of a stage with an unknown option, where meant_pipe() has no command: its hint.
std::string option_hint(const std::vector<std::string>& stage);
// What a stage should have been, as a change of the whole pipe: options that the stage does not take are the pipe's.
Correction of_pipe(const Correction& stage, size_t at, const PipeWords& pipe);

// Options behind the `--`, where IN and OUT stand: they would be taken for topics.
void refuse_options_as_names(const PipeWords& given, const cli::OptionTable& options);

}  // namespace kutils
