// ktake N [--within D] [IN [OUT]]: arrays of N values.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

std::unique_ptr<cli::StreamTool> make_ktake();

}  // namespace kutils
