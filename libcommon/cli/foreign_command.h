// A whole command line as it is written for kcat or for Kafka's scripts, said in ours: a hint for each of its
// options would come one at a time.
#pragma once

#include <optional>
#include <string>

#include "cli/tool.h"

namespace kutils::cli {

struct ForeignCommand {
  std::string command;  // in ours; empty: what is essential has no counterpart
  std::string
      remarks;    // a line, each with its end, for every option that is left out or means something else here
  int words = 0;  // of another tool
};

// The command that was meant; nullopt where no word is another tool's, or too little is known of what it says. Values that
// may be secrets are `***`.
std::optional<ForeignCommand> foreign_command(const ToolInfo& info, const OptionTable& table, int argc,
                                              char** argv);

}  // namespace kutils::cli
