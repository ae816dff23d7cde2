// When an open transaction is committed: soon when caught up, so that readers wait little; late while there
// is lag, so that a transaction's fixed cost is shared by many records. The interval doubles
// from `min` to `max` with each commit made under lag, and is `min` again once caught up. All times in steady
// microseconds.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace kutils::flow {

class CommitPacer {
 public:
  static constexpr int64_t kBehind = 1000;  // records of lag
  static constexpr size_t kMaxDirtyRows = 50'000;

  // `limit`: a transaction is never open longer (half of its time-out).
  CommitPacer(Millis min, Millis max, Millis limit)
      : min_us_(std::min(min, limit).count() * 1000),
        max_us_(std::max(std::min(max, limit), std::min(min, limit)).count() * 1000),
        interval_us_(min_us_) {}

  void opened(int64_t now_us) { opened_us_ = now_us; }
  // `visible`: something waits for the commit to be seen; else only positions move, and that may wait for
  // `max`.
  bool due(int64_t now_us, int64_t lag, bool visible, size_t dirty_rows) const {
    if (dirty_rows >= kMaxDirtyRows) return true;
    return now_us - opened_us_ >= interval(lag, visible);
  }
  // How long the loop may wait for input before it must ask again.
  Millis poll_timeout(int64_t now_us, int64_t lag, bool visible) const {
    const int64_t left = interval(lag, visible) - (now_us - opened_us_);
    return Millis(std::max<int64_t>(0, (left + 999) / 1000));
  }
  void committed(int64_t lag) {
    interval_us_ = lag > kBehind ? std::min(std::max<int64_t>(interval_us_ * 2, 1000), max_us_) : min_us_;
  }

 private:
  int64_t interval(int64_t lag, bool visible) const {
    if (!visible) return max_us_;
    return lag > kBehind ? interval_us_ : min_us_;
  }

  int64_t min_us_;
  int64_t max_us_;
  int64_t interval_us_;
  int64_t opened_us_ = 0;
};

}  // namespace kutils::flow
