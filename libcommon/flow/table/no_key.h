// A record that cannot be a table's row.
#pragma once

#include "base/error.h"

namespace kutils::flow {

inline RecordError no_row_key() {
  return {Reason::no_key, "a table's record needs a key; kgroupby EXPR IN OUT gives it one"};
}

}  // namespace kutils::flow
