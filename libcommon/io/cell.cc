#include "io/cell.h"

#include <cmath>

#include "base/utf8.h"
#include "data/json_number.h"
#include "data/json_write.h"

namespace kutils::io {

namespace {

// A number too large for a double (1e999) is more likely an id than a number, and few JSON parsers accept it.
bool is_number(std::string_view cell) {
  if (!is_json_number(cell)) return false;
  const bool is_plain = cell.size() < 300 && cell.find_first_of("eE") == std::string_view::npos;
  return is_plain || std::isfinite(json_double(cell));
}

}  // namespace

bool append_cell_json(std::string_view cell, bool strings, std::string& out) {
  if (!strings && is_number(cell)) {
    out += cell;
    return true;
  }
  if (!all_ascii(cell) && !is_utf8(cell)) return false;
  append_json_string(cell, out);
  return true;
}

}  // namespace kutils::io
