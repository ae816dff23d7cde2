// ksort --within D [IN [OUT]]: records in order of time.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

std::unique_ptr<cli::StreamTool> make_ksort();

}  // namespace kutils
