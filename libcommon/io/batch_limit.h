// Keeps what waits for one partition of a topic small enough for the topic. The broker judges a batch by
// max.message.bytes as it would a record, and the client makes its batches for the default of that setting:
// of a topic that takes less it would refuse them, and the whole transaction, again and again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace kutils::io {

class BatchLimit {
 public:
  // `max_bytes`: the topic's max.message.bytes.
  explicit BatchLimit(int64_t max_bytes) : max_bytes_(max_bytes) {}
  // Else nothing need be counted.
  bool is_small() const { return max_bytes_ < kClientBatchBytes + 1024; }
  // A record of so many bytes (batch_bytes()) is to be produced next. True: only after a flush().
  bool must_flush_before(int32_t partition, int64_t bytes) {
    const auto at = static_cast<size_t>(partition);
    if (at >= waiting_.size()) waiting_.resize(at + 1, 0);
    const bool must = waiting_[at] > 0 && waiting_[at] + bytes > max_bytes_;
    if (must) flushed();
    waiting_[at] += bytes;
    return must;
  }
  // Everything produced so far is acknowledged.
  void flushed() { std::fill(waiting_.begin(), waiting_.end(), 0); }

 private:
  static constexpr int64_t kClientBatchBytes = 1'000'000;  // librdkafka's batch.size
  int64_t max_bytes_;
  std::vector<int64_t> waiting_;  // bytes by partition
};

}  // namespace kutils::io
