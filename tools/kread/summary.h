// What kread prints instead of the records: how many there are (--count), how they are spread (--stats), which fields
// their values have (--types).
#pragma once

#include <memory>

#include "flow/topology/stage.h"

namespace kutils {

enum class Summary { count, stats, fields };

// Takes what `inner` emits, and emits the rows of the summary when the input ends. One stage has all of the input.
// `is_text`: values are strings, also those that look like JSON.
std::unique_ptr<flow::Stage> make_summary(Summary kind, bool is_text, std::unique_ptr<flow::Stage> inner);

}  // namespace kutils
