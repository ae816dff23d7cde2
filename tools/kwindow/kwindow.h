// kwindow AGGS -w W [IN [OUT]]: aggregates per window.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

std::unique_ptr<cli::StreamTool> make_kwindow();

}  // namespace kutils
