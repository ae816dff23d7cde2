// An option that the tool does not have: what it is called here.
#pragma once

#include <string>

#include "cli/tool.h"

namespace kutils::cli {

// The error about `argument`, a word of the command line, with the nearest right name, our spelling of another program's
// option, or the whole command that was meant.
Error unknown_option(const ToolInfo& info, const OptionTable& table, const std::string& argument, int argc,
                     char** argv);

}  // namespace kutils::cli
