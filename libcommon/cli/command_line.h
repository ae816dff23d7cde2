// A command line, taken apart against a tool's operands and option table. CLI11 does the splitting; the arity
// of operands is checked here (CLI11 would split an operand `[1,2]`).
#pragma once

#include <string>
#include <vector>

#include "cli/given_command.h"
#include "cli/tool.h"

namespace kutils::cli {

struct CommandLine {
  // One per occurrence: index into the table and value.
  std::vector<std::pair<size_t, std::string>> options;
  std::vector<std::string> operands;  // all, in order; a tool with a rest operand: its own, then the rest
};

// Throws usage_error: an unknown option (with the nearest right name, or our spelling of another tool's), a
// missing value.
CommandLine parse_command_line(const ToolInfo& info, const OptionTable& table, int argc, char** argv);

// Calls each option's set(), in order. Throws usage_error.
void set_options(const OptionTable& table, const CommandLine& line);

// What to say beside another mistake if a word of the command line may be a SPEC that begins with `-` and was
// taken for options; else empty.
std::string spec_hint(const ToolInfo& info, const OptionTable& table, int argc, char** argv);

// What to say beside another mistake if SPEC and IN seem to have changed places; else empty.
std::string swapped_hint(const ToolInfo& info, const Operands& operands, const GivenCommand& given);

// What to say of any mistake where the shell has cut an option's value at a space: `kread -f %k %s IN`,
// `--since 1 min`, `--where a == 5`; else empty.
std::string split_value_hint(const GivenCommand& given);

// What to say beside a missing broker if what was taken for IN may be of the SPEC, which the shell has cut, and
// OUT what was to be read: `kmap uri number ./in`; else empty.
std::string split_spec_hint(const ToolInfo& info, const GivenCommand& given);

// Gives each operand its name, and reads a SPEC's `@FILE`. Throws usage_error, with a Correction where it is known what
// was meant: too few, too many, unreadable file.
Operands name_operands(const ToolInfo& info, const std::vector<std::string>& operands);

// `@FILE` -> the file's text without lines that begin with `#`; everything else as it is.
std::string read_spec(const std::string& spec);

// "EXPR [IN [OUT]]"
std::string operand_usage(const ToolInfo& info);

// `ktable --by country clicks`, without AGGS. Throws CorrectedError.
void refuse_forgotten_aggregates(const ToolInfo& info, const GivenCommand& given);
// `kread 'SELECT ...'`. Throws usage_error.
void refuse_sql_as_name(const ToolInfo& info, const GivenCommand& given);

}  // namespace kutils::cli
