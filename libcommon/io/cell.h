// Cells of CSV and captures of a regular expression as JSON values.
#pragma once

#include <string>
#include <string_view>

namespace kutils::io {

// A cell that is exactly a JSON number becomes it (digit by digit), anything else a string; `strings`: all
// strings. False, and `out` as it was: it is not UTF-8, so it is no text.
[[nodiscard]] bool append_cell_json(std::string_view cell, bool strings, std::string& out);

// What to do about such a cell.
inline constexpr const char* kNotUtf8 = "not UTF-8; if it is Latin-1, read it with --encoding latin1";

}  // namespace kutils::io
