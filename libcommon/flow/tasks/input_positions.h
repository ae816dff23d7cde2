// Where a group stands in what its tasks without state read, as rows of its changelog. The cluster forgets the offsets of
// a group that is away for long, and behind an internal topic nothing else tells how far IN was read. Each commit that
// moves such a position carries its row, in the changelog's last partition, which has no other rows. They are read where
// the group has no offset.
#pragma once

#include <map>
#include <string>

#include "flow/run/run.h"
#include "kafka/admin.h"

namespace kutils::flow {

std::string position_key(const kafka::TopicPartition& at);
std::string position_value(const kafka::PartitionOffset& position);

// As the last transactions left them; waits for those that are open. Throws KafkaError, also where the program is asked
// to end meanwhile; Error(usage) for rows of another format.
std::map<kafka::TopicPartition, kafka::PartitionOffset> read_positions(const Environment& around,
                                                                       kafka::Admin& admin,
                                                                       const kafka::TopicPartition& rows);

}  // namespace kutils::flow
