// Reads ranges of partitions as a Source, without a group. Partitions come as they are fetched, in no order
// among them.
//
// A partition is done when its end is reached by position: by the record before it, or by the end of the log
// at or past it (behind the last record there may be control records or aborted ones). While a transaction is
// open before the end, the end is not reached.
#pragma once

#include <memory>
#include <vector>

#include "io/range.h"
#include "io/source.h"
#include "kafka/partition_reader.h"

namespace kutils::io {

std::unique_ptr<Source> make_topic_source(std::unique_ptr<kafka::PartitionReader> reader,
                                          const std::vector<PartitionRange>& ranges);
std::unique_ptr<Source> make_topic_source(const kafka::ClientConfig& config,
                                          const std::vector<PartitionRange>& ranges);

}  // namespace kutils::io
