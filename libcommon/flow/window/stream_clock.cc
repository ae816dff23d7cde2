#include "flow/window/stream_clock.h"

#include <algorithm>

namespace kutils::flow {

StreamClock::StreamClock(int32_t sources, const state::StreamTimes& before)
    : sources_(static_cast<size_t>(std::max(sources, 1))), now_(before.stream_time) {
  for (const state::SourceTime& known : before.sources) source(known.source).time = known.time;
}

StreamClock::Source& StreamClock::source(int32_t index) {
  if (sources_.size() == 1) return sources_[0];
  const auto at = static_cast<size_t>(std::max(index, 0));
  if (at >= sources_.size()) sources_.resize(at + 1);  // a partition was added to the input
  return sources_[at];
}

int64_t StreamClock::after_many(int32_t index, int64_t time) const {
  int64_t least = time;
  const auto own = static_cast<size_t>(std::max(index, 0));
  if (own < sources_.size() && is_ahead(sources_[own])) return now_;
  if (own < sources_.size()) least = std::max(least, sources_[own].time);
  for (size_t i = 0; i < sources_.size(); ++i)
    if (i != own && !sources_[i].idle) least = std::min(least, sources_[i].time);
  return std::max(now_, least);
}

void StreamClock::advance_many(int32_t index, int64_t time) {
  Source& of = source(index);
  if (is_ahead(of)) {
    of.time = std::max(of.time, time);
    return;
  }
  of.time = std::max(of.time, time);
  of.idle = false;
  settle();
}

void StreamClock::settle() {
  int64_t least = INT64_MAX, largest = kNoTime;
  for (const Source& one : sources_) {
    largest = std::max(largest, one.time);
    if (!one.idle) least = std::min(least, one.time);
  }
  now_ = std::max(now_, least == INT64_MAX ? largest : least);
}

void StreamClock::set_idle(int32_t index, bool idle) {
  source(index).idle = idle;
  if (sources_.size() > 1) settle();
}

void StreamClock::move_on(int32_t index, int64_t ms) {
  Source& of = source(index);
  if (of.time == kNoTime) return;  // there is no time to move on from
  of.time += ms;
  settle();
}

void StreamClock::move_all_to(int64_t time) {
  for (Source& one : sources_) one.time = std::max(one.time, time);
  settle();
}

int64_t StreamClock::time_of(int32_t index) const {
  const auto at = static_cast<size_t>(std::max(index, 0));
  return at < sources_.size() ? sources_[at].time : kNoTime;
}

int64_t StreamClock::largest() const {
  int64_t largest = now_;
  for (const Source& one : sources_) largest = std::max(largest, one.time);
  return largest;
}

state::StreamTimes StreamClock::times() const {
  state::StreamTimes times;
  times.stream_time = now_;
  for (size_t i = 0; i < sources_.size(); ++i)
    if (sources_[i].time != kNoTime) times.sources.push_back({static_cast<int32_t>(i), sources_[i].time});
  return times;
}

}  // namespace kutils::flow
