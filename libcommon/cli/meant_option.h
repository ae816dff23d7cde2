// Options of other tools that are another tool here, or another place of the command: --where, --select, --group-by.
#pragma once

#include <optional>
#include <string>

#include "cli/tool.h"

namespace kutils::cli {

// The whole command that was meant by `option`, which is none of the tool's; nullopt: not known.
std::optional<std::string> meant_by_option(const ToolInfo& info, const OptionTable& table, int argc,
                                           const char* const* argv, const std::string& option);

}  // namespace kutils::cli
