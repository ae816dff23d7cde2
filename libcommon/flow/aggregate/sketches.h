// approx_distinct and percentile: small states with a bounded error. No packaged library offers them with a
// stable byte format, so they are here.
#pragma once

#include "flow/aggregate/aggregate.h"

namespace kutils::flow {

// HyperLogLog with 4096 registers: standard error 1.6 %. P. Flajolet et al. (2007); estimator without bias
// correction tables by O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017).
std::unique_ptr<Aggregate> make_approx_distinct();

// DDSketch: the value returned is within 1 % of a value of that rank. C. Masson, J. E. Rim, H. K. Lee (VLDB
// 2019). `percent` from 0 to 100.
std::unique_ptr<Aggregate> make_percentile(double percent);

}  // namespace kutils::flow
