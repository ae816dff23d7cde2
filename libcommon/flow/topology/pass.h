// A record passed on as it came.
#pragma once

#include "data/record.h"

namespace kutils::flow {

inline Output pass(const Record& record) {
  Output output;
  output.key = record.key;
  output.value = record.value;
  output.headers = record.headers;
  output.timestamp = record.timestamp;
  return output;
}

}  // namespace kutils::flow
