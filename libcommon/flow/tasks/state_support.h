// Gives a stateful job its state. RocksDB is loaded only where state lies on disk (state/database_engine.h).
#pragma once

#include "flow/topology/job.h"

namespace kutils::flow {

// Sets the job's open_state_* functions. For jobs with state.
void give_state(Job& job);

}  // namespace kutils::flow
