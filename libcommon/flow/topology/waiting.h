// Stages in which records wait for a time of the clock, at next_wakeup(): where no state outlives the run, the
// end of the input waits until they are out, and close() comes then; a signal loses them.
#pragma once

#include <cstdint>

#include "flow/topology/stage.h"

namespace kutils::flow {

class Waiting {
 public:
  virtual ~Waiting() = default;
  virtual uint64_t waiting() const = 0;  // how many
};

inline uint64_t count_waiting(const Stage& stage) {
  const auto* waiting = dynamic_cast<const Waiting*>(&stage);
  return waiting == nullptr ? 0 : waiting->waiting();
}

}  // namespace kutils::flow
