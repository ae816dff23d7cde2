// min, max, top, collect and those that go by a key, of a table's rows: rows change and leave, so that all
// their values are kept, each with the number of rows that have it.
#pragma once

#include <memory>

#include "flow/aggregate/aggregate.h"

namespace kutils::flow {

enum class RowValues { min, max, top, collect, min_by, max_by, max_all_by, top_by };

// `limit`: of top, top_by and collect. Equal keys are in the order of their values, since rows have none of
// their own. A group that would keep more than 256 KiB refuses the row.
std::unique_ptr<Aggregate> make_row_values(RowValues what, size_t limit = 1);

}  // namespace kutils::flow
