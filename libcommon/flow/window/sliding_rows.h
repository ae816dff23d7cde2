// A key's records in sliding windows as one value of the store (kKeyRow), and the windows that follow from
// them, for the stage and for queries.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/varint.h"
#include "flow/aggregate/aggregate_set.h"
#include "state/meta.h"

namespace kutils::flow {

using state::kNoTime;

struct Event {
  int64_t time = 0;
  OwnedState state;
};

struct Events {
  bool key_is_text = true;
  int64_t closed_until = kNoTime;  // stream time up to which this key's closed windows are done with
  std::vector<Event> list;         // as they arrived
  std::set<int64_t> changed;       // --emit commit: starts of windows to emit; empty when written
  bool empty() const { return list.empty(); }
};

class EventCodec {
 public:
  explicit EventCodec(const AggregateSet& set) : set_(&set) {}
  Events make() const { return {}; }
  // flags:u8 (1: the key is text) closed_until:signed n:varint { time:signed aggregates }
  void encode(const Events& events, std::string& out) const {
    out.push_back(events.key_is_text ? 1 : 0);
    put_signed(out, events.closed_until);
    put_varint(out, events.list.size());
    for (const Event& event : events.list) {
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
  // The starts of all windows that the events make, in order.
  void all_starts(const Events& events, std::vector<int64_t>& starts) const {
    starts.clear();
    for (const Event& event : events.list) {
      starts.push_back(left(event.time));
      const int64_t right = event.time + 1;
      for (const Event& other : events.list) {
        if (!covers(right, other.time)) continue;
        starts.push_back(right);
        break;
      }
    }
    finish(starts);
  }

  static void finish(std::vector<int64_t>& starts) {
    std::sort(starts.begin(), starts.end());
    starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  }

  // The window's result; returns the largest time in it.
  int64_t collect(const AggregateSet& set, const Events& events, int64_t start, OwnedState& state) const {
    int64_t last = kNoTime;
    for (const Event& event : events.list) {
      if (!covers(start, event.time)) continue;
      last = std::max(last, event.time);
      if (auto refused = set.merge(state.get(), event.state.get()))
        throw Error(ExitCode::bad_record, "a sliding window cannot be computed: " + refused->message);
    }
    return last;
  }
};

}  // namespace kutils::flow
