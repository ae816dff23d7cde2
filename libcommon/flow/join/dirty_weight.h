// What a row of the open transaction counts for the loop, which commits before there are too many
// (Stage::dirty_rows()): that limit is for the memory that they take, so a large row counts as several.
#pragma once

#include <cstddef>

namespace kutils::flow {

constexpr size_t dirty_weight(size_t row_bytes) {
  constexpr size_t kOrdinaryRow = 128;
  return 1 + row_bytes / kOrdinaryRow;
}

// The same of rows that grow by what the transaction adds to them: these bytes count beside their number.
constexpr size_t dirty_weight_of_bytes(size_t added) {
  constexpr size_t kOrdinaryPart = 256;
  return added / kOrdinaryPart;
}

}  // namespace kutils::flow
