// Stages in which records wait for a time of the clock, at next_wakeup(): where no state outlives the run, the
// end of the input waits until they are out, and close() comes then.
#pragma once

#include "flow/topology/stage.h"

namespace kutils::flow {

class Waiting {
 public:
  virtual ~Waiting() = default;
  virtual bool has_waiting() const = 0;
};

inline bool has_waiting(const Stage& stage) {
  const auto* waiting = dynamic_cast<const Waiting*>(&stage);
  return waiting != nullptr && waiting->has_waiting();
}

}  // namespace kutils::flow
