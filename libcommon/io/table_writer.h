// Rows for people: aligned columns under a header. Rows are laid out at each flush; widths only grow, and the
// header comes again when the columns change.
#pragma once

#include <memory>

#include "io/line_format.h"

namespace kutils::io {

std::unique_ptr<LineWriter> make_table_writer(const LineFormat& format);

}  // namespace kutils::io
