// Top-level fields of a JSON object, taken in one pass over the bytes, without a DOM.
//
// Expressions name the fields that they need once (FieldSet); a FieldReader then fills one JsonField per slot for each
// record. By default the whole value is checked, so that a broken tail is an error wherever it stands;
// `trust` lets the pass end at the last field needed. Duplicate names: the last wins, as in jq.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/error.h"

namespace kutils {

enum class JsonType : uint8_t { missing, null, boolean, integer, unsigned_integer, real, string, array, object };

// One value as it stands in the text. `raw` is the exact span (quotes included), for splicing into an output.
struct JsonField {
  JsonType type = JsonType::missing;
  bool boolean = false;
  union {
    int64_t integer = 0;        // fits int64
    uint64_t unsigned_integer;  // above int64, up to 2^64 - 1
    double real;                // has '.' or an exponent, or is larger than that
  };
  std::string_view string;  // unescaped; a view into the text where it has no escapes, else into the reader's arena
  std::string_view raw;
};

// The names that a set of expressions reads. Slots are dense, from 0, in order of first mention.
class FieldSet {
 public:
  size_t slot(std::string_view name);  // adds the name if it is new
  const std::vector<std::string>& names() const { return names_; }
  size_t size() const { return names_.size(); }

 private:
  std::vector<std::string> names_;
};

// One top-level member in the order of the text; `name_raw` with its quotes, `name` unescaped.
struct JsonMember {
  std::string_view name;
  std::string_view name_raw;
  std::string_view value_raw;
};

}  // namespace kutils
