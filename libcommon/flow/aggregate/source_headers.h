// What a record carries through the internal repartition topic (protocol.md 27): where it came from and the
// stream time there, so that the stage behind tells source partitions apart. Values are decimal text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/record.h"

namespace kutils::flow {

constexpr std::string_view kSourcePartitionHeader = "kutils.source.partition";
constexpr std::string_view kSourceOffsetHeader = "kutils.source.offset";
constexpr std::string_view kSourceTimeHeader = "kutils.source.time";

// Makes these headers for the records of one source partition after another. One thread.
class SourceHeaders {
 public:
  // Appends those of `record`, whose time is `time`. They live until the next call.
  void append(const Record& record, int64_t time, std::vector<Header>& headers);

 private:
  int32_t partition_ = -2;
  int64_t seen_ = 0;
  std::string partition_text_, offset_text_, time_text_;
};

}  // namespace kutils::flow
