// kfilter EXPR [IN [OUT]]: keep matching records.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

std::unique_ptr<cli::StreamTool> make_kfilter();

}  // namespace kutils
