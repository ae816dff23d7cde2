// A value of the expression language: a tag and 16 bytes; scalars inline, everything else a pointer into the evaluation's
// arena, the record or the program. Copying is free; nothing is owned.
//
// How long a value lives is said by what made it (Expressions::evaluate: until the next bind()).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace kutils::expr {

enum class Kind : uint8_t {
  error, null, boolean, integer, unsigned_integer, real, string, bytes, timestamp, duration, list, map, type, optional,
};

struct ErrorValue;   // reason, message, position in the expression
struct ListValue;    // span of Value
struct MapValue;     // entries in insertion order
struct OptionalValue;

class Value {
 public:
  Value() = default;  // null
  Kind kind() const { return kind_; }
  bool is_error() const { return kind_ == Kind::error; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_bool() const { return kind_ == Kind::boolean; }

  // REQUIRES: the kind that the name says.
  bool as_bool() const { return boolean_; }
  int64_t as_int() const { return integer_; }
  uint64_t as_uint() const { return unsigned_integer_; }
  double as_double() const { return real_; }
  std::string_view as_string() const { return {text_, size_}; }  // also bytes, also a type's name
  const ErrorValue& as_error() const { return *error_; }
  const ListValue& as_list() const { return *list_; }
  const MapValue& as_map() const { return *map_; }

 private:
  friend class ValueFactory;
  Kind kind_ = Kind::null;
  union {
    bool boolean_;
    int64_t integer_ = 0;  // timestamp, duration: seconds
    uint64_t unsigned_integer_;
    double real_;
    const char* text_;
    const ErrorValue* error_;
    const ListValue* list_;
    const MapValue* map_;
    const OptionalValue* optional_;
  };
  uint32_t size_ = 0;  // string, bytes: length; timestamp, duration: nanoseconds within the second
};

// As JSON, appended to `out`. Timestamps are ISO strings, durations in the duration grammar, bytes base64. An error says
// what JSON cannot hold (NaN, infinities); `out` is then as it was.
[[nodiscard]] std::optional<RecordError> append_json(const Value& value, std::string& out);

// As the bytes of a record key: a string is its bytes, bytes are themselves, null is no key (false), else JSON.
[[nodiscard]] Result<bool> append_key(const Value& value, std::string& out);

// As a record time in ms since the epoch: int and whole double (in `unit_ns`-sized units, 1,000,000 for ms), ISO string,
// timestamp. Negative or anything else: Reason::bad_time.
[[nodiscard]] Result<int64_t> to_time_ms(const Value& value, int64_t unit_ns = 1'000'000);

// As text for people and for headers: a string is itself, null "null", else JSON.
[[nodiscard]] std::optional<RecordError> append_text(const Value& value, std::string& out);

}  // namespace kutils::expr
