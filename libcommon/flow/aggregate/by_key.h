// max_by and its like: values of the records whose keys are the largest or smallest. See aggregate.cc for the
// table. A record whose value or key is null is skipped.
#pragma once

#include "flow/aggregate/aggregate.h"

namespace kutils::flow {

enum class ByKey { max, min, max_all, first, last, top };

std::unique_ptr<Aggregate> make_by_key(ByKey what, size_t limit = 1);

}  // namespace kutils::flow
