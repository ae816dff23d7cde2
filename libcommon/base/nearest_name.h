// "Did you mean": the known name nearest to a mistyped one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kutils {

// Insertions, deletions, replacements and swaps of neighbours that turn one into the other (optimal string
// alignment).
size_t edit_distance(std::string_view a, std::string_view b);

constexpr size_t kMaxMisspelt =
    200;  // longer names are nobody's slip, and the distance takes the product of the lengths

// The nearest of `known`, or "" if none is near: at most a third of the name's length away, or what
// it begins.
std::string nearest_name(std::string_view name, const std::vector<std::string>& known);

// Those of `known` of whose parts between dots `name` is one, as a topic is of a tool's group; else the nearest.
std::vector<std::string> near_groups(std::string_view name, const std::vector<std::string>& known);

}  // namespace kutils
