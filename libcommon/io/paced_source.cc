#include "io/paced_source.h"

#include <poll.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"

namespace kutils::io {

double parse_rate(const std::string& text, std::string_view option) {
  char* end = nullptr;
  const double rate = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(rate > 0) || !std::isfinite(rate)) {
    throw usage_error(std::string(option) + ": '" + text + "' is not a number of records a second",
                      "for example 100 or 0.5");
  }
  return rate;
}

size_t PacedSource::due(Millis wait) {
  const auto refill = [&] {
    const int64_t now = clock_.steady_us();
    if (last_us_ != 0) allowance_ += per_second_ * static_cast<double>(now - last_us_) / 1e6;
    allowance_ = std::min(allowance_, std::max(1.0, per_second_));
    last_us_ = now;
  };
  refill();
  if (allowance_ < 1) {
    const double missing_ms = std::ceil((1 - allowance_) * 1000 / per_second_);
    // A signal ends the wait early; the loop looks at it.
    ::poll(nullptr, 0, static_cast<int>(std::min(missing_ms, static_cast<double>(wait.count()))));
    refill();
  }
  return static_cast<size_t>(allowance_);
}

Fill PacedSource::poll(Batch& batch, Millis wait) {
  bad_.clear();
  if (all_given()) {
    if (held_fill_ == Fill::end) return Fill::end;
    held_.clear();
    given_ = bad_given_ = 0;
    held_fill_ = inner_->poll(held_, wait);
    held_bad_ = inner_->bad_records();
    if (all_given()) return held_fill_;
  }
  const size_t until = bad_given_ < held_bad_.size() ? held_bad_[bad_given_].before : held_.records().size();
  if (given_ < until) {
    const size_t n = std::min(due(wait), until - given_);
    if (n == 0) return Fill::nothing;
    allowance_ -= static_cast<double>(n);
    const auto from = held_.records().begin() + static_cast<std::ptrdiff_t>(given_);
    batch.records().assign(from, from + static_cast<std::ptrdiff_t>(n));
    given_ += n;
  }
  // In their place among the records, without waiting: only records are slowed down.
  for (; bad_given_ < held_bad_.size() && held_bad_[bad_given_].before == given_; ++bad_given_) {
    bad_.push_back(held_bad_[bad_given_]);
    bad_.back().before = batch.records().size();
  }
  return all_given() && held_fill_ == Fill::end ? Fill::end : Fill::records;
}

}  // namespace kutils::io
