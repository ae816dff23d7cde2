// count, sum, avg, stddev, variance. See aggregate.cc for the table.
#pragma once

#include "flow/aggregate/aggregate.h"

namespace kutils::flow {

std::unique_ptr<Aggregate> make_count();
std::unique_ptr<Aggregate> make_sum();
std::unique_ptr<Aggregate> make_avg();
std::unique_ptr<Aggregate> make_stddev();
std::unique_ptr<Aggregate> make_variance();

}  // namespace kutils::flow
