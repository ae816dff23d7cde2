// In front of the internal topic of --by: what the records of one group give is aggregated here first, and one
// record per group goes on, at the latest with the commit (two-phase aggregation).
//
// What stands behind comes to what it would come to without:
//   - A record is judged here, as it would be: its error is that of the record.
//   - What has gone on in one piece lies in the same windows, and no window closes by this source's time
//     between its first and its last record. They go on in the order of their first records; in
//     tables, which close nothing, only those of one group.
//   - A piece has its records with it where the group might refuse one of them (a number beside strings, an
//     overflow): behind, they are judged one by one then. Sums of small values go without: 2^32 of them would
//     have to come before a group refuses one.
//   - What cannot be combined (large values) goes on alone, in its place.
// Where groups do not repeat this costs no more than records that go on alone: pieces are packed (piece_packer.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "flow/aggregate/aggregate_set.h"
#include "flow/aggregate/record_reader.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

// Sessions: see combine_sessions.h.
struct SessionPlan {
  int64_t gap = 0, grace = 0;  // ms
};

struct CombinePlan {
  // Windows: appends bytes that are the same for times which lie in the same windows. False: a record of this
  // time goes on alone. Empty: a table.
  std::function<bool(int64_t time, std::string& place)> place_of;
  // See Operator::next_close.
  std::function<int64_t(int64_t time)> next_close;
  // What goes on of a group in several pieces is in the order of its records; not in windows that overlap, where
  // a window gets pieces of several places.
  bool keeps_order = true;
  std::optional<SessionPlan> sessions = {};  // then nothing else counts
};

// Whether the aggregates' states can be merged.
bool can_combine(const AggregateSet& set, const CombinePlan& plan);

// REQUIRES: can_combine(set, plan). `set` outlives the stage.
std::unique_ptr<Stage> make_combine_stage(CombinePlan plan, const AggregateSet& set,
                                          std::unique_ptr<RecordReader> reader);

}  // namespace kutils::flow
