// Gives a stateful job its state. Its own CMake target (kutils_flow_state), linked by stateful tools only:
// RocksDB costs each process milliseconds at start.
#pragma once

#include "flow/job.h"

namespace kutils::flow {

// Sets the job's open_state_* functions. For jobs with state.
void give_state(Job& job);

}  // namespace kutils::flow
