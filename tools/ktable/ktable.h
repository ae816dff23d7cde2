// ktable AGGS [IN [OUT]]: one row per key.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

std::unique_ptr<cli::StreamTool> make_ktable();

}  // namespace kutils
