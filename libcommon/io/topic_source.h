// Reads ranges of partitions as a Source, without a group. Partitions come as they are fetched, in no order
// among them.
//
// A partition is done when its end is reached by position: by the record before it, or by the end of the log
// at or past it (behind the last record there may be control records or aborted ones). While a transaction is
// open before the end, the end is not reached: who waits for it is told why.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/range.h"
#include "io/source.h"
#include "kafka/partition_reader.h"

namespace kutils::io {

// How long an end is waited for before that is worth a note.
constexpr Millis kHeldBackNote{5000};
// What the note says of a partition that can be read to `offset`, while its end, `end`, is behind.
std::string held_back_text(const kafka::TopicPartition& at, int64_t offset, int64_t end);

// `note` is called once, for the first partition that waits so long. `clock` must outlive the source.
std::unique_ptr<Source> make_topic_source(std::unique_ptr<kafka::PartitionReader> reader,
                                          const std::vector<PartitionRange>& ranges, const Clock& clock,
                                          kafka::ClientConfig::Note note);
std::unique_ptr<Source> make_topic_source(const kafka::ClientConfig& config,
                                          const std::vector<PartitionRange>& ranges, const Clock& clock);

}  // namespace kutils::io
