#include "io/cell.h"

#include "data/json_number.h"
#include "data/json_write.h"

namespace kutils::io {

void append_cell_json(std::string_view cell, bool strings, std::string& out) {
  if (!strings && is_json_number(cell))
    out += cell;
  else
    append_json_string(cell, out);
}

}  // namespace kutils::io
