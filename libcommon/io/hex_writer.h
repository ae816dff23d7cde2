// -O hex: each record's place, key, headers and value as `hexdump -C` shows bytes.
#pragma once

#include <memory>

#include "io/line_writer.h"

namespace kutils::io {

std::unique_ptr<LineWriter> make_hex_writer(const LineFormat& format);

}  // namespace kutils::io
