// Whether a text is exactly one JSON number that a double can hold: what CSV cells and regex captures are
// asked.
#pragma once

#include <string_view>

namespace kutils {

bool is_json_number(std::string_view text);

}  // namespace kutils
