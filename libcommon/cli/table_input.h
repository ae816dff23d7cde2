// `table:IN` on a stateless tool: what its stage makes of a record is the new value of the record's key;
// where it makes nothing, the key is deleted from the output, if it was there.
#pragma once

#include <functional>

#include "flow/job.h"

namespace kutils::cli {

// Whether the tool reads to an end, and does not wait for what comes.
bool has_end(const flow::Job& job);

// Does nothing for another IN. To lines, an IN that has an end is the last value of each key, as with kread;
// one that goes on is its changes. Between topics the job needs state: `give_state` gives it
// (flow/state_support.h). A tool that is linked without, since RocksDB would cost each of its starts, passes
// none and is replaced by its other build, LIBEXEC/NAME, which has it. Call it before SharedOptions::shape().
void read_table(flow::Job& job, const std::function<void(flow::Job&)>& give_state);

}  // namespace kutils::cli
