// In front of the internal topic of sessions with --by: the records of a group that lie in one session for sure are
// aggregated here first, and go on as one piece, at the latest with the commit.
//
// The sessions behind the topic are the same as without combining. A piece carries the stream time of
// its source at its first record, and pieces go on in the order of their first records, so that behind each
// is judged when its first record would have been. What may come into a piece later could then be judged at
// that time as well:
//   - the piece is still open, within reach, and so is the session that it will be in;
//   - it begins no earlier: an older session of the group that it would touch might have been closed in between;
//   - it ends later: the sessions that it touches come to be after that time only in pieces of their own.
// Behind the last piece one without records tells the time that the source has reached.
//
// Two things are not told here, as they are not by single records over several sources: sources that fell silent and
// no longer hold stream time back, and what was seen before a restart; a piece that such a time makes late in part
// counts as a whole.
//
// Aggregates that depend on the order of records (first, collect) or on what the group has seen (max, which refuses
// a number beside strings) are not combined: pieces may meet in another order, and a refused record moves no time.
#pragma once

#include <memory>

#include "flow/aggregate/combine_stage.h"

namespace kutils::flow {

// Used by make_combine_stage().
std::unique_ptr<Stage> make_combine_sessions(SessionPlan plan, const AggregateSet& set,
                                             std::unique_ptr<RecordReader> reader);

}  // namespace kutils::flow
