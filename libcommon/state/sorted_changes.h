// Puts changes into the order of their keys, in which a database is written fastest. Changes of one key keep
// their order.
#pragma once

#include <vector>

#include "state/backend.h"

namespace kutils::state {

void sort_changes(std::vector<Change>& changes);
// Sorted, and of each key only the last one.
void sort_unique_changes(std::vector<Change>& changes);

}  // namespace kutils::state
