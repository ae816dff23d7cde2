// Which rows of a table OUT has, where a condition says which are shown (--having).
#pragma once

#include <memory>

#include "flow/aggregate/aggregate_set.h"
#include "flow/table/table_stage.h"
#include "flow/topology/stage.h"
#include "state/store.h"

namespace kutils::flow {

// Around `table`, which emits each change of a row: holds values back where `options` say so, and where `set`
// has a condition lets a row that is no more, or not shown, leave OUT once, if it was there. `over_table` as of
// make_suppress().
std::unique_ptr<Stage> make_shown(std::unique_ptr<Stage> table, const TableOptions& options, bool over_table,
                                  const AggregateSet& set, state::Store& store);

}  // namespace kutils::flow
