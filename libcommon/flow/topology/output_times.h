// Which times of records OUT takes, for a stage whose outputs have them: asked before a record changes the
// state, so that state and output agree. A row's time is the largest of its records'; if one that OUT refuses
// were let in, all later outputs of that row would be refused with it. One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "flow/topology/stage.h"

namespace kutils::flow {

class OutputTimes {
 public:
  // An error: the record of this time must not count.
  std::optional<RecordError> judge(int64_t time, Emitter& out) {
    if (time <= taken_) return std::nullopt;
    if (auto refused = out.too_far_ahead(time)) return refused;
    taken_ = time;
    return std::nullopt;
  }

 private:
  int64_t taken_ = INT64_MIN;  // the largest time that was taken; the clock goes on, so it still is
};

}  // namespace kutils::flow
