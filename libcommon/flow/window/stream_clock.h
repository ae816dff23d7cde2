// Stream time of an operator in one partition: the largest record time seen, and behind a repartition the
// minimum over the source partitions of the largest time seen from each (rule 27), so that partitions
// read at different speeds make nothing late. Never goes back. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "state/meta.h"

namespace kutils::flow {

using state::kNoTime;

class StreamClock {
 public:
  // `sources`: how many there are; 1: plain. A source never heard of holds time back, until idle.
  StreamClock(int32_t sources, const state::StreamTimes& before);

  int64_t now() const { return now_; }  // kNoTime: nothing seen
  // What now() would be after a record with this time.
  int64_t after(int32_t source, int64_t time) const {
    if (sources_.size() == 1) return time > now_ ? time : now_;
    return after_many(source, time);
  }
  void advance(int32_t source, int64_t time) {
    if (sources_.size() == 1) {
      if (time > now_) sources_[0].time = now_ = time;
      return;
    }
    advance_many(source, time);
  }
  // A silent source does not hold time back, until it speaks again.
  void set_idle(int32_t source, bool idle);
  // --idle: the source's time moves on by `ms` without a record.
  void move_on(int32_t source, int64_t ms);
  // All sources move on to `time`.
  void move_all_to(int64_t time);
  int64_t time_of(int32_t index) const;  // kNoTime: nothing seen of it
  int64_t largest() const;               // time of any source; kNoTime: nothing seen
  state::StreamTimes times() const;

 private:
  struct Source {
    int64_t time = kNoTime;
    bool idle = false;
  };
  // Another one holds stream time back: nothing that it brings moves it.
  bool is_ahead(const Source& one) const { return !one.idle && one.time > now_; }
  int64_t after_many(int32_t source, int64_t time) const;
  void advance_many(int32_t source, int64_t time);
  void settle();
  Source& source(int32_t index);

  std::vector<Source> sources_;
  int64_t now_;
};

}  // namespace kutils::flow
