// The formats in which a line is the value's bytes: json and text.
#pragma once

#include <memory>

#include "io/line_format.h"

namespace kutils::io {

std::unique_ptr<LineParser> make_json_parser(const LineFormat& format);
std::unique_ptr<LineParser> make_text_parser(const LineFormat& format);
std::unique_ptr<LineWriter> make_plain_writer(const LineFormat& format);

}  // namespace kutils::io
