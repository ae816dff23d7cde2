// A value of the expression language: 16 bytes of payload and a tag; scalars inline, everything else a pointer into the
// evaluation's arena, the record or the program. Copying is free; nothing is owned.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace kutils::expr {

enum class Kind : uint8_t {
  error, null, boolean, integer, unsigned_integer, real, string, bytes, timestamp, duration, list, map, type, optional,
};

}  // namespace kutils::expr
