// kgroupby EXPR [IN [OUT]]: re-key, repartition.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

std::unique_ptr<cli::StreamTool> make_kgroupby();

}  // namespace kutils
