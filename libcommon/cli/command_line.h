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

// Gives each operand its name, and reads a SPEC's `@FILE`. Throws usage_error, with a Correction where it is known what
// was meant: too few, too many, unreadable file.
Operands name_operands(const ToolInfo& info, const std::vector<std::string>& operands);

// `@FILE` -> the file's text without lines that begin with `#`; everything else as it is.
std::string read_spec(const std::string& spec);

// "EXPR [IN [OUT]]"
std::string operand_usage(const ToolInfo& info);
// "usage: kmap [OPTIONS] LIST [IN [OUT]]"
std::string usage_line(const ToolInfo& info);

}  // namespace kutils::cli
