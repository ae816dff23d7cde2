// Whether the state on this machine is the group's: another instance, with a state directory of its own, may
// have gone on with some or all of its partitions. Their copies here look complete and are old.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kafka/admin.h"
#include "kquery/stored_table.h"

namespace kutils::kquery {

struct GroupCheck {
  std::vector<std::string> behind;  // a line each: which partition, and how far
  std::vector<int32_t> absent;      // partitions that have rows and are not here
  std::string unknown;              // why it cannot be told; empty: it could
};

// Compares the positions of the state with the group's committed offsets, and what is here with the
// changelog. Throws nothing: an error is a reason why it cannot be told.
GroupCheck check_group(const StoredTable& table, kafka::Admin& admin);

}  // namespace kutils::kquery
