// A limit on how long something is tried, which does not run while the process stands still (SIGSTOP, a
// laptop that sleeps): of the time between two questions at most `step` counts. Without it a process that is
// woken up would give up on a broker that it has not asked.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace kutils::kafka {

class SuspendAwareDeadline {
 public:
  // `step`: longer than one attempt takes.
  SuspendAwareDeadline(Millis limit, Millis step) : left_(limit), step_(step) {}

  bool is_over() {
    const auto now = Steady::now();
    left_ -= std::min<Steady::duration>(now - last_, step_);
    last_ = now;
    return left_ <= Steady::duration::zero();
  }

 private:
  using Steady = std::chrono::steady_clock;

  Steady::duration left_;
  const Steady::duration step_;
  Steady::time_point last_ = Steady::now();
};

}  // namespace kutils::kafka
