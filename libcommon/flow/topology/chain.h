// The stage of a task: its sub-topology's operators, one after the other.
#pragma once

#include <functional>
#include <memory>

#include "flow/topology/topology.h"

namespace kutils::flow {

// Where the rows of the operator with this number lie: those with state count from 1, as the first byte of
// their rows' keys does (state_format.h). Null: the operators keep their rows themselves.
using StoreOf = std::function<state::Store*(uint8_t number)>;

// A chain behaves as if its operators were processes with topics between: same results, same order, same
// errors (an error shows the input of the operator that failed). A chain of one operator is that operator's
// stage.
std::unique_ptr<Stage> make_chain(const SubTopology& sub, StageContext context, const StoreOf& store_of);

}  // namespace kutils::flow
