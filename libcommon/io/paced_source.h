// A source slowed down to a number of records a second (--rate). Spreads them evenly; what was late is
// caught up for at most a second, so that a pause does not end in a burst.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "data/batch.h"
#include "io/source.h"

namespace kutils::io {

// `100`, `0.5`; throws usage_error.
double parse_rate(const std::string& text, std::string_view option = "--rate");

class PacedSource final : public Source {
 public:
  PacedSource(std::unique_ptr<Source> inner, double per_second)
      : inner_(std::move(inner)), per_second_(per_second) {}
  Fill poll(Batch& batch, Millis wait) override;
  const std::vector<BadRecord>& bad_records() const override { return bad_; }

 private:
  // What may go now; waits up to `wait` for one.
  size_t due(Millis wait);
  bool all_given() const { return given_ == held_.records().size() && bad_given_ == held_bad_.size(); }

  SystemClock clock_;
  std::unique_ptr<Source> inner_;
  double per_second_;
  double allowance_ = 1;  // records that may go; the first at once
  int64_t last_us_ = 0;
  Batch held_;  // read and not yet given on; views into it live until the next poll, as they must
  std::vector<BadRecord> held_bad_;
  size_t given_ = 0;      // of held_'s records
  size_t bad_given_ = 0;  // of held_bad_
  Fill held_fill_ = Fill::nothing;
  std::vector<BadRecord> bad_;
};

}  // namespace kutils::io
