// ksample HOW [IN [OUT]]: some of the records.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

std::unique_ptr<cli::StreamTool> make_ksample();

}  // namespace kutils
