#include "flow/aggregate/source_headers.h"

#include <algorithm>

namespace kutils::flow {

void SourceHeaders::append(const Record& record, int64_t time, std::vector<Header>& headers) {
  if (record.partition != partition_) {
    partition_ = record.partition;
    seen_ = 0;
  }
  seen_ = std::max(seen_, time);
  partition_text_ = std::to_string(record.partition);
  offset_text_ = std::to_string(record.offset);
  time_text_ = std::to_string(seen_);
  headers.push_back({kSourcePartitionHeader, std::string_view(partition_text_)});
  headers.push_back({kSourceOffsetHeader, std::string_view(offset_text_)});
  headers.push_back({kSourceTimeHeader, std::string_view(time_text_)});
}

}  // namespace kutils::flow
