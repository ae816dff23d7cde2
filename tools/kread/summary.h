// What kread prints instead of the records: how many there are (--count), how they are spread (--stats), which fields
// their values have (--types).
#pragma once

#include <memory>

#include "flow/topology/stage.h"

namespace kutils {

enum class Summary { count, stats, fields };

// Takes what `inner` emits, and emits the rows of the summary when the input ends. One stage has all of the input.
// `is_text`: values are strings, also those that look like JSON. `same_columns`: each row has the columns of all
// rows, null where it has none of its own, as CSV needs it.
std::unique_ptr<flow::Stage> make_summary(Summary kind, bool is_text, bool same_columns,
                                          std::unique_ptr<flow::Stage> inner);

}  // namespace kutils
