// Rows for people: aligned columns under a header. Rows are laid out at each flush; widths only grow, and the
// header comes again when the columns change. With LineFormat::live or ::sort_by the table is kept as a whole
// (whole_table_writer.cc).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "io/line_format.h"

namespace kutils::io {

struct TableCell {
  std::string text;
  bool right = false;  // numbers
};
// A member's value as a cell; `null` stands for null.
TableCell table_cell(std::string_view raw, const std::string& null, std::string& scratch);
// Control characters would break the rows apart, or worse on a terminal: as \xNN.
std::string printable(std::string_view text);

std::unique_ptr<LineWriter> make_table_writer(const LineFormat& format);

// The newest row of each key (and window), sorted. Live: drawn again in place at each flush, as much as the
// terminal has room for; the whole of it at the end. Else: written once, at the end. A null value, and a
// session that was taken back, removes its row. Refuses rows without the column to sort by.
std::unique_ptr<LineWriter> make_whole_table_writer(const LineFormat& format);

}  // namespace kutils::io
