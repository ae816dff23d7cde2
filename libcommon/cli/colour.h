// When to colour: a terminal, unless $NO_COLOR is set to anything but "" or --color says otherwise.
#pragma once

#include <string_view>

namespace kutils::cli {

enum class Colour { automatic, always, never };

Colour parse_colour(std::string_view when);  // throws usage_error
bool use_colour(Colour wish, int fd);

}  // namespace kutils::cli
