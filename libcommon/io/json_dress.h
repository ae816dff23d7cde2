// JSON for the eyes: over several lines (--pretty), in colours (--color always), which tables share.
#pragma once

#include <string>
#include <string_view>

namespace kutils::io {

struct JsonDress {
  bool pretty = false;  // a member or item a line, indented by two spaces
  bool colour = false;  // ANSI: names, strings, numbers and words apart
  bool any() const { return pretty || colour; }
};

// ANSI.
constexpr std::string_view kNameColour = "\033[34;1m", kNoColour = "\033[0m";
// Of a value: a string, number, list, map or word. REQUIRES: JSON's text.
std::string_view colour_of(std::string_view json);

// As printable(), but for the codes above and colour_of()'s: what a record holds of them is a colour at most.
std::string printable_but_colours(std::string_view text);

// Appends `json` dressed; its tokens are kept as they are. REQUIRES: it is JSON.
void append_dressed(std::string_view json, const JsonDress& dress, std::string& out);

}  // namespace kutils::io
