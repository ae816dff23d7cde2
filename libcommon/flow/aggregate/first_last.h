// min, max, first, last, lag, top, collect, distinct: aggregates that keep values themselves. See aggregate.cc for
// the table.
#pragma once

#include "flow/aggregate/aggregate.h"

namespace kutils::flow {

std::unique_ptr<Aggregate> make_extreme(bool largest);
std::unique_ptr<Aggregate> make_first();
std::unique_ptr<Aggregate> make_last();
std::unique_ptr<Aggregate> make_lag(size_t n);
std::unique_ptr<Aggregate> make_top(size_t limit);
std::unique_ptr<Aggregate> make_collect(size_t limit);
std::unique_ptr<Aggregate> make_distinct();

}  // namespace kutils::flow
