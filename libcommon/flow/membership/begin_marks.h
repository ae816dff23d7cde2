// What is known again of a topic before the group has read a record of it. A group that begins behind records, as with
// -o end, takes the last one before its place as its first mark (origins.h): a topic that was deleted, recreated and
// filled beyond that place has another one there. Where an open transaction stands before the place, the mark is the
// last one before that.
//
// Where nothing can be read before the place (retention has removed it, or all of it belongs to aborted transactions),
// there is no such mark, and a topic that is recreated before the first record is read is not known as another one.
#pragma once

#include <vector>

#include "flow/membership/mark_check.h"

namespace kutils::flow {

// `starts`: where partitions of inputs begin. Takes some seconds at most; what could not be read by then has no mark.
// Throws KafkaError where the cluster does not tell the topics' ends.
Marks begin_marks(const Environment& around, kafka::Admin& admin,
                  const std::vector<kafka::PartitionOffset>& starts);

}  // namespace kutils::flow
