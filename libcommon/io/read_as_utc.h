// Times that are read on UTC's clock and would be others on this machine's: off by hours, and nothing else would tell.
#pragma once

#include <string>
#include <vector>

#include "io/range.h"

namespace kutils::io {

// Notes, one for each of -o, --since and --until that has such times. REQUIRES: parse_range() did not throw.
std::vector<std::string> read_as_utc(const Range& range, int64_t now_ms);

}  // namespace kutils::io
