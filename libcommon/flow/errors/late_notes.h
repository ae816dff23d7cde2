// Prints a note as soon as records are dropped as late, then their count each minute. Without the note only
// missing results would show the loss. Used by one thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/log.h"
#include "flow/run/report.h"

namespace kutils::flow {

class LateNotes {
 public:
  static constexpr int64_t kEachUs = 60'000'000;

  explicit LateNotes(Log& log) : log_(log) {}
  // Called each turn of the loop. Counts go back where a transaction was aborted.
  void look(const Report::Counts& counts, int64_t now_us) {
    const uint64_t late = counts.drops[static_cast<size_t>(DropReason::late)];
    if (late > told_) tell(late, counts.in, now_us);
  }

 private:
  void tell(uint64_t late, uint64_t in, int64_t now_us);

  Log& log_;
  uint64_t told_ = 0;
  int64_t told_us_ = 0;
};

// The last words of a run in which more than one record in a hundred was late, with what to do; else empty.
std::string late_advice(const Report::Counts& counts);

}  // namespace kutils::flow
