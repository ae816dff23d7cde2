#include "kgen/generator_source.h"

#include <algorithm>

namespace kutils {

io::Fill GeneratorSource::poll(Batch& batch, Millis) {
  size_t n = batch_;
  if (count_) n = std::min(n, static_cast<size_t>(std::max<int64_t>(*count_ - next_, 0)));
  for (size_t i = 0; i < n; ++i) {
    text_.clear();
    generator_->append(next_, text_);
    Record& record = batch.records().emplace_back();
    record.value = batch.arena().copy(text_);
    record.timestamp = generator_->time_ms();
    if (record.timestamp != kNoTimestamp) record.timestamp_type = TimestampType::create_time;
    record.topic = "kgen";
    record.offset = next_++;
  }
  return count_ && next_ >= *count_ ? io::Fill::end : io::Fill::records;
}

}  // namespace kutils
