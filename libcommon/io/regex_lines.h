// Lines taken apart by a regular expression (RE2): its named groups become the fields of a JSON object. The
// match may stand anywhere in the line; a group that took no part is null.
#pragma once

#include <memory>

#include "io/line_format.h"

namespace kutils::io {

// Throws usage_error: not a regular expression, no named group.
std::unique_ptr<LineParser> make_regex_parser(const LineFormat& format);

}  // namespace kutils::io
