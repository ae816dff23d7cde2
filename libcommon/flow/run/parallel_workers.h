// -j N: several workers in one process, each a member of the group with a thread, slot and state of its own,
// as N processes would be. They share the clock, the block cache, the log and the one observer, which sees
// their sum.
#pragma once

#include "flow/run/processor.h"
#include "flow/run/progress.h"
#include "flow/run/report.h"
#include "flow/run/run.h"

namespace kutils::flow {

// Runs job.workers of them until all have ended. If one fails the others are stopped as by a signal, with all
// they have done committed, and its error is thrown. `total` gets what all of them counted.
Processor::End run_workers(const Job& job, const Environment& around, Report& total, Progress& progress,
                           Log& log, OnError::Policy policy);

}  // namespace kutils::flow
