// JSON for the eyes: over several lines (--pretty), in colours (--color always), which tables share.
#pragma once

#include <string>
#include <string_view>

#include "data/json_fields.h"

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

// Values of which it is not known whether they are JSON.
class ValueDresser {
 public:
  explicit ValueDresser(const JsonDress& dress) : dress_(dress) {}
  ValueDresser(const ValueDresser&) = delete;
  ValueDresser& operator=(const ValueDresser&) = delete;
  // Appends it dressed; what is no JSON, as it is.
  void append(std::string_view value, std::string& out) {
    if (dress_.any())
      append_if_json(value, out);
    else
      out += value;
  }

 private:
  void append_if_json(std::string_view value, std::string& out);

  JsonDress dress_;
  FieldSet no_fields_;
  FieldReader reader_{no_fields_};
};

}  // namespace kutils::io
