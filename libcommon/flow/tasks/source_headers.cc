#include "flow/tasks/source_headers.h"

#include <algorithm>
#include <charconv>

namespace kutils::flow {
namespace {

template <typename Number>
void parse(const Header& header, Number& number) {
  const std::string_view text = header.value.view();
  std::from_chars(text.data(), text.data() + text.size(), number);
}

}  // namespace

void SourceHeaders::append(const Record& record, int64_t time, std::string_view group,
                           std::vector<Header>& headers) {
  if (record.partition != partition_ || (tells_topic_ && record.topic != topic_)) {
    partition_ = record.partition;
    topic_ = record.topic;
    seen_ = 0;
  }
  seen_ = std::max(seen_, time);
  partition_text_ = std::to_string(record.partition);
  offset_text_ = std::to_string(record.offset);
  time_text_ = std::to_string(seen_);
  headers.push_back({kSourcePartitionHeader, std::string_view(partition_text_)});
  if (tells_topic_) headers.push_back({kSourceTopicHeader, std::string_view(topic_)});
  headers.push_back({kSourceOffsetHeader, std::string_view(offset_text_)});
  headers.push_back({kSourceTimeHeader, std::string_view(time_text_)});
  if (record.key.is_null() || record.key.view() != group) headers.push_back({kSourceKeyHeader, record.key});
  if (record.timestamp != time) {
    timestamp_text_ = std::to_string(record.timestamp);
    headers.push_back({kSourceTimestampHeader, std::string_view(timestamp_text_)});
  }
}

int32_t source_number(const std::vector<std::string>& topics, std::string_view topic, int32_t partition) {
  const auto count = static_cast<int32_t>(topics.size());
  for (int32_t i = 0; i < count; ++i)
    if (topics[static_cast<size_t>(i)] == topic) return partition * count + i;
  return partition;
}

Record source_record(const Record& repartitioned, std::string_view topic) {
  Record source = repartitioned;
  // Ours stand behind the record's own, which may bear the same names.
  size_t own = repartitioned.headers.size();
  while (own > 0 && repartitioned.headers[own - 1].name != kSourcePartitionHeader) --own;
  if (own == 0) return source;
  source.topic = topic;
  for (const Header& header : repartitioned.headers.views().subspan(own - 1)) {
    if (header.name == kSourcePartitionHeader) parse(header, source.partition);
    if (header.name == kSourceTopicHeader) source.topic = header.value.view();
    if (header.name == kSourceOffsetHeader) parse(header, source.offset);
    if (header.name == kSourceTimestampHeader) parse(header, source.timestamp);
    if (header.name == kSourceKeyHeader) source.key = header.value;
  }
  source.headers = repartitioned.headers.views().first(own - 1);
  return source;
}

}  // namespace kutils::flow
