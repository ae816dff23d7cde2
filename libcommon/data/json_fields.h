// Top-level fields of a JSON object, taken in one pass over the bytes, without a DOM.
//
// Expressions name the fields that they need once (FieldSet); a FieldReader then fills one JsonField per slot
// for each record. By default the whole value is checked, so that a broken tail is an error wherever it
// stands; `trust` lets the pass end at the last field needed (the first of duplicate names then wins, and a
// broken tail goes unseen). Otherwise duplicate names: the last wins, as in jq.
//
// Numbers: an integer in int64 is an integer, larger to 2^64 - 1 unsigned, else (or with '.' or an exponent)
// a double, correctly rounded; beyond a double's range an infinity, with its text. Text is not checked to be
// UTF-8. Nesting deeper than kMaxJsonDepth is an error, so that hostile input cannot exhaust the stack.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/error.h"
#include "data/json_number.h"

namespace kutils {

enum class JsonType : uint8_t {
  missing,
  null,
  boolean,
  integer,
  unsigned_integer,
  real,
  string,
  array,
  object
};

// One value as it stands in the text. `raw` is the exact span (quotes included), for splicing into an output.
struct JsonField {
  JsonType type = JsonType::missing;
  bool boolean = false;
  union {
    int64_t integer = 0;        // fits int64
    uint64_t unsigned_integer;  // above int64, up to 2^64 - 1
    WrittenNumber real;         // has '.' or an exponent, or is larger than that; its text is `raw`
  };
  std::string_view
      string;  // unescaped; a view into the text where it has no escapes, else into the reader's arena
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

constexpr int kMaxJsonDepth = 1000;

// Reads one record at a time; not thread-safe. All views that it gives point into the text of the last read()
// or into memory of its own, and live until the next read().
class FieldReader {
 public:
  // `fields` must outlive the reader; names may still be added to it.
  explicit FieldReader(const FieldSet& fields, bool trust = false);
  ~FieldReader();
  FieldReader(FieldReader&&) noexcept;
  FieldReader& operator=(FieldReader&&) noexcept;

  // Also keep every member in order, duplicates included (switches `trust` off).
  void want_members();

  // From now on unescaped strings go to `arena` and live as long as it keeps them; null: to memory of the
  // reader's own again, which the next read() reuses.
  void keep_strings_in(Arena* arena);

  // not_json with the byte position, or not_an_object (valid JSON; no fields). After an error all fields are
  // missing.
  std::optional<RecordError> read(std::string_view json);

  const JsonField& operator[](size_t slot) const { return fields_[slot]; }
  const std::vector<JsonMember>& members() const;
  bool is_object() const;  // what the last read() saw

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  const JsonField* fields_ = nullptr;
};

// Any one JSON value, whole: for values whose fields nobody reads. not_json as above.
std::optional<RecordError> check_json(std::string_view json);

// One value of a record (a JsonField::raw, say) taken apart. `field.string` may point into `scratch`.
// nullopt: not exactly one JSON value (white space around it is none of it).
std::optional<JsonField> parse_scalar(std::string_view raw, std::string& scratch);

}  // namespace kutils
