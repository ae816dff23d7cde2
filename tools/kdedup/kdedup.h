// kdedup EXPR --within D [IN [OUT]]: of equal records that come close together, one.
#pragma once

#include <memory>

#include "cli/stream_tool.h"

namespace kutils {

std::unique_ptr<cli::StreamTool> make_kdedup();

}  // namespace kutils
