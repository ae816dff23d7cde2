// kscan LIST [IN [OUT]]: each record, with what came before it under its key.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

std::unique_ptr<cli::StreamTool> make_kscan();

}  // namespace kutils
