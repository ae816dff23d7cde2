// A whole command line as it is written for kcat or for Kafka's scripts, said in ours: a hint for each of its
// options would come one at a time.
#pragma once

#include <optional>
#include <string>

#include "cli/tool.h"

namespace kutils::cli {

// The command that was meant, if every option of it is known and it is more than one word away from ours (the
// hints for single options say more). Not where options may hold secrets: -X, --property.
std::optional<std::string> foreign_command(const ToolInfo& info, const OptionTable& table, int argc,
                                           char** argv);

}  // namespace kutils::cli
