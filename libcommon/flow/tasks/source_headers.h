// What a record carries through the internal repartition topic: where it came from and the stream time there
// (rule 27), so that the stage behind tells source partitions apart, and whatever else of it the way
// changes, so that it is the record of IN that expressions, messages, dead letters and late records show.
// Numbers are decimal text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/record.h"

namespace kutils::flow {

constexpr std::string_view kSourcePartitionHeader = "kutils.source.partition";
constexpr std::string_view kSourceTopicHeader = "kutils.source.topic";  // only where IN is several topics
constexpr std::string_view kSourceOffsetHeader = "kutils.source.offset";
constexpr std::string_view kSourceTimeHeader = "kutils.source.time";
constexpr std::string_view kSourceKeyHeader = "kutils.source.key";  // only if it is not the group's
constexpr std::string_view kSourceTimestampHeader =
    "kutils.source.timestamp";  // only if it is not the time counted by

// Last, and instead of the times and the key: it is what many records of a group come to (aggregate/combined.h).
constexpr std::string_view kCombinedHeader = "kutils.combined";

// Makes these headers for the records of one source partition after another. One thread.
class SourceHeaders {
 public:
  // `tells_topic`: IN is several topics.
  explicit SourceHeaders(bool tells_topic = false) : tells_topic_(tells_topic) {}
  // Appends those of `record`, whose time is `time` and which goes on under the key `group`. They live until
  // the next call.
  void append(const Record& record, int64_t time, std::string_view group, std::vector<Header>& headers);

 private:
  const bool tells_topic_;
  std::string topic_;
  int32_t partition_ = -2;
  int64_t seen_ = 0;
  std::string partition_text_, offset_text_, time_text_, timestamp_text_;
};

// Where IN is several topics: by which number the stage behind knows the partition of a topic. Partitions that are
// added later leave the other numbers as they are.
int32_t source_number(const std::vector<std::string>& topics, std::string_view topic, int32_t partition);

// The record of `topic`, or of the topic that it names itself, that `repartitioned` was made from; its views are those of `repartitioned`, which it
// is itself where it has no such headers.
Record source_record(const Record& repartitioned, std::string_view topic);

}  // namespace kutils::flow
