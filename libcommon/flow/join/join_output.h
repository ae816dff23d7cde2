// How a join's results leave it.
#pragma once

#include <cstdint>
#include <string_view>

#include "data/record.h"
#include "flow/topology/fail_result.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

// A NULL value: what stood there is no more.
inline void emit_result(const Record* origin, MaybeBytes key, MaybeBytes value, int64_t time, Emitter& out) {
  Output output;
  output.key = key;
  output.value = value;
  output.timestamp = time;
  output.is_result = true;
  out.emit(origin, output);
}

}  // namespace kutils::flow
