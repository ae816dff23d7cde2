// kmap LIST [IN [OUT]]: SQL's SELECT.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

std::unique_ptr<cli::StreamTool> make_kmap();

}  // namespace kutils
