// One partition's rows as the run loop handles them, so that the loop does not depend on how they are kept.
#pragma once

#include "state/store.h"

namespace kutils::flow {

class PartitionState {
 public:
  virtual ~PartitionState() = default;
  virtual state::Store& store() = 0;  // of the job's operator
};

}  // namespace kutils::flow
