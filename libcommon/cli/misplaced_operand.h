// Operands that are the value of an option, or a piece of another operand: `ktable uri 'count()' IN OUT`.
#pragma once

#include <string>
#include <vector>

#include "cli/given_command.h"
#include "cli/tool.h"

namespace kutils::cli {

// Throws CorrectedError where operands say what --by, -w or one expression says: before options are set.
void refuse_misplaced_operands(const ToolInfo& info, const GivenCommand& given);

// Whether `text` is an expression that is no name.
bool is_condition(const std::string& text);

// Whether an operand is a piece of an expression, which the shell has cut at a space: `>=`, `a,`, `f(`.
bool has_cut_operand(const std::vector<std::string>& operands);

}  // namespace kutils::cli
