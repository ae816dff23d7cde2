// How many columns of a terminal text takes.
#pragma once

#include <cstddef>
#include <string_view>

namespace kutils {

// Of East Asian characters and emoji two each, of marks that combine with the one before and of joiners none. No locale is
// asked: rows are aligned the same everywhere.
size_t display_width(std::string_view utf8);

}  // namespace kutils
