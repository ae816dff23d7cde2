// Finds records as a reader gets them. The broker's answers are not enough: the end of a transaction takes an
// offset and has the wall's time, so that "the first offset at or after T" may be one of those, long before
// the first such record where records carry a time of their own; and offsets of aborted or compacted records
// are counted though nobody reads them.
//
// Reads without a group. Records of a transaction that is open cannot be seen: where one holds back the end
// of a span, and nothing was found before it, a start is where it holds back (what it has may come yet), an
// end is the span's. Throws KafkaError, and Error when nothing comes for 30 s.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "kafka/partition_reader.h"

namespace kutils::io {

using MakeReader = std::function<std::unique_ptr<kafka::PartitionReader>()>;

// The offsets of a partition among which to look.
struct SearchSpan {
  kafka::TopicPartition at;
  int64_t low = 0;
  int64_t end = 0;  // one past the last
};

// Where to begin in each span so that together the `count` newest records are read: within a partition the
// last ones, among partitions by time. Reads backwards, in spans that grow; remembers 16 bytes a record.
std::vector<int64_t> tail_starts(const std::vector<SearchSpan>& spans, int64_t count,
                                 const MakeReader& make_reader);

// The first record of each span whose time is at or after this, in order of offsets; where there is none the
// span's end, or, `to_start`, where an open transaction holds it back.
std::vector<int64_t> first_at_or_after(const std::vector<SearchSpan>& spans, int64_t time_ms, bool to_start,
                                       const MakeReader& make_reader);

}  // namespace kutils::io
