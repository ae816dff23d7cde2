// Hints that are made where the command line is not known: what they leave open is filled in here.
#pragma once

#include <string>

#include "cli/given_command.h"
#include "cli/tool.h"

namespace kutils::cli {

// A command of ours at the end of a line that names `IN` or `OUT`, or is made of SQL's clauses: with the names and the
// options that were given, as far as the tool that it names has them. Other lines stay.
std::string completed_hint(const ToolInfo& info, const GivenCommand& given, const std::string& hint);

// `name` of the operands as they were given, shared out as name_operands() does; nullopt: it was not given.
std::optional<std::string> given_operand(const ToolInfo& info, const std::vector<std::string>& operands,
                                         const std::string& name);

}  // namespace kutils::cli
