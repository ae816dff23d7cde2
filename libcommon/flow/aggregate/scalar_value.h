// An argument of an aggregate, and what aggregates keep of it: a scalar, or JSON text for anything larger.
//
// ScalarValue is a view (its text belongs to the record or the caller); OwnedScalar keeps a copy. Integers
// above int64 are unsigned_integer, all others integer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/varint.h"

namespace kutils::flow {

struct ScalarValue {
  enum class Kind : uint8_t { null, boolean, integer, unsigned_integer, real, string, json, timestamp };
  Kind kind = Kind::null;
  uint32_t nanos = 0;  // timestamp: within the second
  union {
    bool boolean;
    int64_t integer = 0;  // timestamp: seconds
    uint64_t unsigned_integer;
    double real;
  };
  // string: its characters; json, timestamp: JSON text; numbers: the text that they were read from, which
  // first, max and the like pass on, or none
  std::string_view text;
  // Of an argument of an aggregate that goes by a key, as max_by(x, key): that key. Never kept.
  const ScalarValue* key = nullptr;

  bool is_null() const { return kind == Kind::null; }
  bool is_number() const {
    return kind == Kind::integer || kind == Kind::unsigned_integer || kind == Kind::real;
  }
  double as_double() const {  // REQUIRES: is_number()
    if (kind == Kind::integer) return static_cast<double>(integer);
    return kind == Kind::real ? real : static_cast<double>(unsigned_integer);
  }
  static ScalarValue of(int64_t value);
  static ScalarValue of(double value);
  static ScalarValue of(bool value);
  static ScalarValue of_string(std::string_view text);
  static ScalarValue of_json(std::string_view json);
};

const char* to_string(ScalarValue::Kind kind);

// Numbers by value whatever their type, strings by bytes, false before true, timestamps by time. nullopt: no
// order between them (types differ, JSON, null, NaN).
std::optional<int> compare(const ScalarValue& a, const ScalarValue& b);

void append_json(const ScalarValue& scalar, std::string& out);
// The same text for equal values, 40 and 40.0: that of keys (json_number.h).
void append_canonical(const ScalarValue& scalar, std::string& out);

void encode(const ScalarValue& scalar, std::string& out);
// A view into the reader's bytes. A broken one makes the reader fail.
ScalarValue decode_scalar(Reader& in);

class OwnedScalar {
 public:
  OwnedScalar() = default;
  OwnedScalar(const ScalarValue& scalar) { *this = scalar; }  // NOLINT: implicit on purpose
  OwnedScalar(const OwnedScalar& other) : OwnedScalar(other.view()) {}
  OwnedScalar(OwnedScalar&&) noexcept = default;  // lists of them grow
  OwnedScalar& operator=(OwnedScalar&&) noexcept = default;
  OwnedScalar& operator=(const OwnedScalar& other) {
    *this = other.view();
    return *this;
  }
  OwnedScalar& operator=(const ScalarValue& scalar) {
    if (scalar.text.data() != text_.data()) text_.assign(scalar.text);
    datum_ = scalar;
    datum_.key = nullptr;
    return *this;
  }
  ScalarValue view() const {
    ScalarValue scalar = datum_;
    scalar.text = text_;
    return scalar;
  }
  bool is_null() const { return datum_.is_null(); }

 private:
  ScalarValue datum_;
  std::string text_;
};

}  // namespace kutils::flow
