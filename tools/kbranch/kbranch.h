// kbranch TOPIC=COND,... IN OUT: the first match wins, OUT takes the rest.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

std::unique_ptr<cli::StreamTool> make_kbranch();

}  // namespace kutils
