// kdelay D|TIME [IN [OUT]]: records go on when it is time.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

std::unique_ptr<cli::StreamTool> make_kdelay();

}  // namespace kutils
