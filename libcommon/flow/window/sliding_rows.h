// A key's records in sliding windows as one value of the store (kKeyRow), and the windows that follow from
// them, for the stage and for queries.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/varint.h"
#include "flow/aggregate/aggregate_set.h"
#include "flow/window/ordered_times.h"
#include "state/meta.h"

namespace kutils::flow {

using state::kNoTime;

struct Event {
  int64_t time = 0;
  OwnedState state;
};

class SlidingIndex;

struct Events {
  bool key_is_text = true;
  int64_t closed_until = kNoTime;  // stream time up to which this key's closed windows are done with
  std::vector<Event> list;         // as they arrived
  size_t gone = 0;                 // the first so many of them are no longer there
  // --emit commit: times of the records since the last one, and starts of windows that came to be by a record
  // that is not in them; empty when written.
  std::set<int64_t> changed;
  std::set<int64_t> made;
  // The stage's, made when needed (sliding_index.h); it refers to `list`, so that this object then stays.
  std::shared_ptr<SlidingIndex> index;
  bool empty() const { return list.size() == gone; }
  std::span<const Event> present() const { return std::span(list).subspan(gone); }
};

class EventCodec {
 public:
  explicit EventCodec(const AggregateSet& set) : set_(&set) {}
  Events make() const { return {}; }
  // flags:u8 (1: the key is text) closed_until:signed n:varint { time:signed aggregates }
  void encode(const Events& events, std::string& out) const {
    out.push_back(events.key_is_text ? 1 : 0);
    put_signed(out, events.closed_until);
    put_varint(out, events.present().size());
    for (const Event& event : events.present()) {
      put_signed(out, event.time);
      set_->encode(event.state.get(), out);
    }
  }
  void decode(Reader& in, Events& events) const {
    events.key_is_text = (in.byte() & 1) != 0;
    events.closed_until = in.signed_varint();
    for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
      Event event{in.signed_varint(), OwnedState(*set_)};
      set_->decode(event.state.get(), in);
      events.list.push_back(std::move(event));
    }
  }

 private:
  const AggregateSet* set_;
};

// Windows [start, start + reach], both ends in.
struct SlidingWindows {
  int64_t reach;  // ms

  bool covers(int64_t start, int64_t time) const { return start <= time && time <= start + reach; }
  int64_t left(int64_t time) const { return std::max<int64_t>(0, time - reach); }
  // The starts of all windows that records at `times` make, in order. Only those in (after, until].
  void starts_between(const OrderedTimes& times, int64_t after, int64_t until,
                      std::vector<int64_t>& starts) const {
    starts.clear();
    if (times.empty() || until <= after) return;
    if (after < 0 && until >= 0 && times.begin()->time <= reach) starts.push_back(0);
    // Those that end at a record: its time less reach.
    for (auto at = times.from(std::max(sum(after, reach), reach) + 1);
         at != times.end() && at->time - reach <= until; ++at)
      starts.push_back(at->time - reach);
    // Those that start 1 ms after one.
    for (auto at = times.from(after); at != times.end() && at->time < until;) {
      const int64_t time = at->time;
      while (at != times.end() && at->time == time) ++at;
      if (at != times.end() && at->time <= time + 1 + reach) starts.push_back(time + 1);
    }
    finish(starts);
  }
  // Of all records, for queries and the end.
  void all_starts(const Events& events, std::vector<int64_t>& starts) const {
    OrderedTimes times;
    for (const Event& event : events.present()) times.insert(event.time, 0);
    starts_between(times, kNoTime, std::numeric_limits<int64_t>::max(), starts);
  }
  // Without overflow.
  static int64_t sum(int64_t time, int64_t ms) { return time == kNoTime ? kNoTime : time + ms; }

  static void finish(std::vector<int64_t>& starts) {
    std::sort(starts.begin(), starts.end());
    starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  }
};

}  // namespace kutils::flow
