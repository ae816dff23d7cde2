// Rows for people: aligned columns under a header. Rows are laid out at each flush; widths only grow, and the
// header comes again when the columns change. With LineFormat::live or ::sort_by the table is kept as a whole
// (whole_table_writer.cc).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/line_format.h"

namespace kutils::io {

struct TableCell {
  std::string text;
  bool right = false;  // numbers
  std::string_view colour =
      {};  // as JSON's tokens have it (json_dress.h); used where LineFormat::dress asks for it
};
// A member's value as a cell; `null` stands for null.
TableCell table_cell(std::string_view raw, const std::string& null, std::string& scratch);
// Appends one row; a null cell is empty. REQUIRES: as many widths as cells.
// `most`: columns of the terminal, beyond which the row is cut.
void append_table_row(const std::vector<const TableCell*>& cells, const std::vector<size_t>& widths,
                      bool colours, size_t most, std::string& out);
// Control characters would break the rows apart, or worse on a terminal: as \xNN.
std::string printable(std::string_view text);

// Throws usage_error if `sort_by`, as LineFormat has it, names none of the columns.
void check_sort_column(const std::string& sort_by, const std::vector<std::string>& columns);

std::unique_ptr<LineWriter> make_table_writer(const LineFormat& format);

// The newest row of each key (and window), sorted. Live: drawn again in place at each flush, as much as the
// terminal has room for; the whole of it at the end. Else: written once, at the end. A null value, and a
// session that was taken back, removes its row. Rows without the column to sort by come last; where none has it,
// flush() (live) and finish() throw usage_error.
std::unique_ptr<LineWriter> make_whole_table_writer(const LineFormat& format);

}  // namespace kutils::io
