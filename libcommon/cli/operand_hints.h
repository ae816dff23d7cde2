// Operands that cannot be what was meant: too many, of another order, cut by the shell, forgotten.
#pragma once

#include <string>
#include <vector>

#include "cli/given_command.h"
#include "cli/tool.h"

namespace kutils::cli {

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

// These throw CorrectedError or usage_error where they know what was meant, and return where they do not.
// `ktable --by country clicks`, without AGGS.
void refuse_forgotten_aggregates(const ToolInfo& info, const GivenCommand& given);
// `kread 'SELECT ...'`.
void refuse_sql_as_name(const ToolInfo& info, const GivenCommand& given);
// `kmap ./in`: `given` begins with the word in the place of `operand`, a SPEC.
void refuse_file_as_spec(const ToolInfo& info, const Operand& operand, const std::vector<std::string>& given);
// `kmap * clicks`.
void refuse_expanded_star(const ToolInfo& info, const std::vector<std::string>& given);
// `kread clicks, views`: what the shell has cut at the space.
void refuse_split_names(const ToolInfo& info, const std::vector<std::string>& given);
// `ktake clicks 100 out`: names come behind the number or the duration.
void refuse_form_in_name(const ToolInfo& info, const std::vector<std::string>& given);
// `kmap uri number ./in`, `kmap uri, number ./in`, `kfilter 'a > 1' 'b > 2' ./in`: a SPEC that the shell has cut.
void refuse_split_spec(const ToolInfo& info, const std::vector<std::string>& given);

// More operands than `info` has places for; always throws.
[[noreturn]] void refuse_extra_operands(const ToolInfo& info, const std::vector<std::string>& given);

}  // namespace kutils::cli
