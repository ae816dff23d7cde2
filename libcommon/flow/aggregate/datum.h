// An argument of an aggregate, and what aggregates keep of it: a scalar, or JSON text for anything larger.
//
// Datum is a view (its text belongs to the record or the caller); OwnedDatum keeps a copy. Integers above
// int64 are unsigned_integer, all others integer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/varint.h"

namespace kutils::flow {

struct Datum {
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

  bool is_null() const { return kind == Kind::null; }
  bool is_number() const {
    return kind == Kind::integer || kind == Kind::unsigned_integer || kind == Kind::real;
  }
  double as_double() const {  // REQUIRES: is_number()
    if (kind == Kind::integer) return static_cast<double>(integer);
    return kind == Kind::real ? real : static_cast<double>(unsigned_integer);
  }
  static Datum of(int64_t value);
  static Datum of(double value);
  static Datum of(bool value);
  static Datum of_string(std::string_view text);
  static Datum of_json(std::string_view json);
};

const char* to_string(Datum::Kind kind);

// Numbers by value whatever their type, strings by bytes, false before true, timestamps by time. nullopt: no
// order between them (types differ, JSON, null, NaN).
std::optional<int> compare(const Datum& a, const Datum& b);

void append_json(const Datum& datum, std::string& out);
// The same text for equal values, 40 and 40.0: that of keys (json_number.h).
void append_canonical(const Datum& datum, std::string& out);

void encode(const Datum& datum, std::string& out);
// A view into the reader's bytes. A broken one makes the reader fail.
Datum decode_datum(Reader& in);

class OwnedDatum {
 public:
  OwnedDatum() = default;
  OwnedDatum(const Datum& datum) { *this = datum; }  // NOLINT: implicit on purpose
  OwnedDatum(const OwnedDatum& other) : OwnedDatum(other.view()) {}
  OwnedDatum& operator=(const OwnedDatum& other) {
    *this = other.view();
    return *this;
  }
  OwnedDatum& operator=(const Datum& datum) {
    if (datum.text.data() != text_.data()) text_.assign(datum.text);
    datum_ = datum;
    return *this;
  }
  Datum view() const {
    Datum datum = datum_;
    datum.text = text_;
    return datum;
  }
  bool is_null() const { return datum_.is_null(); }

 private:
  Datum datum_;
  std::string text_;
};

}  // namespace kutils::flow
