// ksort: records in order of their times. A record is held until stream time is D beyond its own, so that all
// that may still come goes behind it; equal times stay as they came. One further behind stream time than D is
// late: what would stand behind it has gone.
#pragma once

#include <memory>

#include "flow/window/window_stage.h"

namespace kutils::flow {

struct SortOptions {
  int64_t within = 0;         // D, ms
  bool rekeyed = false;       // in a pipe: an earlier stage has changed the key, which says the partition
  WindowOptions window = {};  // of these: late_port, idle, sources, takes_null
};

// `set` has no aggregates. `set`, `store` outlive the stage.
std::unique_ptr<Stage> make_sort_stage(const SortOptions& options, const AggregateSet& set,
                                       std::unique_ptr<RecordReader> reader, state::Store& store);

}  // namespace kutils::flow
