// Stream time of an operator that tells sources apart: what marks, silence and the ends of sources do to it
// (rules 26 and 27). Each call may move now(); what closes then is the operator's affair. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "flow/window/stream_clock.h"

namespace kutils::flow {

class SourceClock : public StreamClock {
 public:
  // `idle`: --idle, ms of silence after which stream time moves on.
  SourceClock(int32_t sources, std::optional<int64_t> idle, const state::StreamTimes& before)
      : StreamClock(sources, before), sources_(sources), idle_(idle) {}

  // A record of it came.
  void has_spoken(int32_t source);
  // What a mark says of sources (read_mark()).
  void take_times(const std::vector<std::pair<int32_t, int64_t>>& times);
  // As Stage's of the same names.
  void silent(int32_t source, int64_t silent_ms);
  void source_ended(int32_t source);
  void all_read(bool after_rest);

 private:
  const int32_t sources_;
  const std::optional<int64_t> idle_;
  std::vector<bool> spoke_;           // by source: whether a record has come since this was made
  std::vector<bool> passes_nothing_;  // by source: marked idle, though it has more records
  std::vector<int64_t> moved_on_;     // by source: ms of the present silence that stream time was moved on by
};

}  // namespace kutils::flow
