// `table:IN` on a stateless tool: what its stage makes of a record is the new value of the record's key;
// where it makes nothing, the key is deleted from the output, if it was there.
#pragma once

#include "flow/topology/job.h"

namespace kutils::cli {

// Whether the tool reads to an end, and does not wait for what comes.
bool has_end(const flow::Job& job);

// Does nothing for another IN. To lines, an IN that has an end is the last value of each key, as with kread;
// one that goes on is its changes. Between topics the job gets state. Call it before SharedOptions::shape().
void read_table(flow::Job& job);

}  // namespace kutils::cli
