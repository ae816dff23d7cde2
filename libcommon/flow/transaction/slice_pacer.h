// How many records of a batch are worked through between two looks at the group and the commit. A batch is
// bounded in records; where each of them takes long (a co-process, a slow stage) it must be bounded in time
// as well: who does not poll for max.poll.interval.ms is put out of its group, and begins the same batch
// again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace kutils::flow {

class SlicePacer {
 public:
  size_t records() const { return records_; }
  // The last slice had so many, and took so long.
  void took(size_t records, int64_t us) {
    if (us > kMostUs) {
      records_ = std::max<size_t>(1, std::min(records_, records) / 2);
    } else if (us < kMostUs / 4 && records >= records_) {
      records_ = std::min(records_ * 2, kMost);
    }
  }

 private:
  static constexpr int64_t kMostUs = 1'000'000;
  static constexpr size_t kMost = size_t{1} << 20;  // whole batches
  size_t records_ = 16;                             // nothing is known of the stage's speed
};

}  // namespace kutils::flow
