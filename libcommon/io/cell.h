// Cells of CSV and captures of a regular expression as JSON values.
#pragma once

#include <string>
#include <string_view>

namespace kutils::io {

// A cell that is exactly a JSON number becomes it (digit by digit), anything else a string; `strings`: all
// strings.
void append_cell_json(std::string_view cell, bool strings, std::string& out);

}  // namespace kutils::io
