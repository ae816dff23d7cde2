// The times of records that OUT accepts, for stages whose outputs take their times from records. A stage asks
// before a record changes its state, so that state and output agree. A row's time is the largest of its
// records'; if one that OUT refuses were let in, all later outputs of that row would be refused with it. One
// thread.
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
  // The largest time accepted so far; it stays acceptable, because the clock goes on.
  int64_t taken_ = INT64_MIN;
};

}  // namespace kutils::flow
