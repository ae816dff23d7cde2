// Duplicates: of records of equal key that lie less than D of event time apart, one is passed on as it came.
//
// The first wins: a record is dropped if one of its key that was passed on is less than D away from it, before
// or after. The last wins: the first record of a key opens a wait of D; what comes for the key meanwhile takes
// its place, if it is not older; once stream time has reached the end of the wait, what is there goes on.
//
// A record that is more than the grace (first) or D (last) behind stream time is late: whether one of its key
// was passed on is no longer known.
#pragma once

#include <memory>

#include "flow/window/window_stage.h"

namespace kutils::flow {

struct DedupOptions {
  int64_t within = 0;  // D, ms; not 0
  bool keep_last = false;
  // Of these: grace (first), late_port, idle, sources, takes_null, cache_bytes.
  WindowOptions window = {};
};

// `set` has no aggregates. `set`, `store` outlive the stage.
std::unique_ptr<Stage> make_dedup_stage(DedupOptions options, const AggregateSet& set,
                                        std::unique_ptr<RecordReader> reader, state::Store& store);
// How far behind a record may be that --by has sent through an internal topic: see Operator::next_close.
int64_t next_expiry(const DedupOptions& options, int64_t time);

}  // namespace kutils::flow
