// Checks whether the state on this machine is the group's current state. Another instance, with a state
// directory of its own, may have gone on with some or all of the partitions. Their copies here look complete,
// but are old.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kafka/admin.h"
#include "kquery/stored_table.h"

namespace kutils::kquery {

struct GroupCheck {
  std::vector<std::string> behind;  // one line for each partition: its number, and how far it is behind
  std::vector<int32_t> absent;      // partitions that have rows and are not here
  std::string unknown;              // why the check was not possible; empty: it was
};

// Reaches a broker within some seconds, or throws KafkaError; from then on each question is tried once.
void connect_briefly(kafka::Admin& admin);

// Compares the positions of the state with the group's committed offsets, and what is here with the
// changelog. REQUIRES: connect_briefly(). Throws nothing: an error goes into `unknown`.
// Without an answer of the brokers `absent` is what the state itself tells.
GroupCheck check_group(const StoredTable& table, kafka::Admin& admin);
// The same, of the state alone: `why` the brokers are not asked.
GroupCheck check_without_brokers(const StoredTable& table, const std::string& why);

}  // namespace kutils::kquery
