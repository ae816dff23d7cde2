// kscore LIST [IN [OUT]]: adds score fields. kmap's stage with `*, ` in front.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

std::unique_ptr<cli::StreamTool> make_kscore();

}  // namespace kutils
