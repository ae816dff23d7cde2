// fold(init, expr): the value of an expression over the record and the value so far. The aggregate keeps the
// value; a FoldStep (fold_step.h) works the expression out.
#pragma once

#include <memory>
#include <string>

#include "flow/aggregate/aggregate.h"

namespace kutils::flow {

// `initial`: a value as bytes (expr/value_bytes.h); empty: null.
std::unique_ptr<Aggregate> make_fold(std::string initial);

}  // namespace kutils::flow
