#include "flow/window/source_clock.h"

#include <algorithm>

#include "flow/topology/stage.h"

namespace kutils::flow {

void SourceClock::has_spoken(int32_t source) {
  const auto at = static_cast<size_t>(std::max(source, 0));
  if (at < moved_on_.size()) moved_on_[at] = 0;
  if (at < passes_nothing_.size()) passes_nothing_[at] = false;
  if (at >= spoke_.size()) spoke_.resize(at + 1);
  spoke_[at] = true;
}

// Sources have spoken elsewhere.
void SourceClock::take_times(const std::vector<std::pair<int32_t, int64_t>>& times) {
  for (const auto& [source, time] : times) {
    if (time == kNoTime) {
      if (sources_ <= 1) continue;
      const auto at = static_cast<size_t>(source);
      if (at >= passes_nothing_.size()) passes_nothing_.resize(at + 1);
      passes_nothing_[at] = true;
      set_idle(source, true);
      continue;
    }
    has_spoken(source);
    advance(source, time);
  }
}

void SourceClock::silent(int32_t source, int64_t silent_ms) {
  if (sources_ > 1 && silent_ms >= kSilentSourceMs) set_idle(source, true);
  // The source has more records; they are waited for unless a filter drops all of them.
  const auto at = static_cast<size_t>(std::max(source, 0));
  const bool passes = at >= passes_nothing_.size() || !passes_nothing_[at];
  if (sources_ > 1 && silent_ms == 0 && passes) set_idle(source, false);
  if (!idle_ || silent_ms <= *idle_) return;
  if (at >= moved_on_.size()) moved_on_.resize(at + 1);
  // By the elapsed silence beyond D, not to the wall clock's date. Each new silence is counted from its own
  // start.
  const int64_t beyond = silent_ms - *idle_;
  if (beyond < moved_on_[at]) moved_on_[at] = 0;
  move_on(source, beyond - moved_on_[at]);
  moved_on_[at] = beyond;
}

void SourceClock::source_ended(int32_t source) {
  if (sources_ > 1) set_idle(source, true);
}

void SourceClock::all_read(bool after_rest) {
  if (sources_ == 1) return;
  for (int32_t source = 0; source < sources_; ++source) {
    const bool spoke = static_cast<size_t>(source) < spoke_.size() && spoke_[static_cast<size_t>(source)];
    if (!spoke && (after_rest || time_of(source) == kNoTime)) set_idle(source, true);
  }
}

}  // namespace kutils::flow
