#include "io/cell.h"

#include "base/utf8.h"
#include "data/json_number.h"
#include "data/json_write.h"

namespace kutils::io {

bool append_cell_json(std::string_view cell, bool strings, std::string& out) {
  if (!strings && is_json_number(cell)) {
    out += cell;
    return true;
  }
  if (!all_ascii(cell) && !is_utf8(cell)) return false;
  append_json_string(cell, out);
  return true;
}

}  // namespace kutils::io
