// kjoin LEFT RIGHT [OUT]: records and rows of two topics that belong together.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

// In a pipe LEFT is what comes: IN, or what the stage before it made.
std::unique_ptr<cli::StreamTool> make_kjoin();

}  // namespace kutils
