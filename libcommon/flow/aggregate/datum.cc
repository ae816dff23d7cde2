#include "flow/aggregate/datum.h"

#include <cmath>

#include "data/json_number.h"
#include "data/json_write.h"

namespace kutils::flow {

Datum Datum::of(int64_t value) {
  Datum d;
  d.kind = Kind::integer;
  d.integer = value;
  return d;
}
Datum Datum::of(double value) {
  Datum d;
  d.kind = Kind::real;
  d.real = value;
  return d;
}
Datum Datum::of(bool value) {
  Datum d;
  d.kind = Kind::boolean;
  d.boolean = value;
  return d;
}
Datum Datum::of_string(std::string_view text) {
  Datum d;
  d.kind = Kind::string;
  d.text = text;
  return d;
}
Datum Datum::of_json(std::string_view json) {
  Datum d;
  d.kind = Kind::json;
  d.text = json;
  return d;
}

const char* to_string(Datum::Kind kind) {
  switch (kind) {
    case Datum::Kind::null:
      return "null";
    case Datum::Kind::boolean:
      return "bool";
    case Datum::Kind::integer:
      return "int";
    case Datum::Kind::unsigned_integer:
      return "uint";
    case Datum::Kind::real:
      return "double";
    case Datum::Kind::string:
      return "string";
    case Datum::Kind::json:
      return "list or object";
    case Datum::Kind::timestamp:
      return "timestamp";
  }
  return "?";
}

namespace {

template <typename T>
int order(T a, T b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

// Exact: 2^53 and its neighbours differ as int64 though not as double.
std::optional<int> compare_real(double a, const Datum& b) {
  if (std::isnan(a)) return std::nullopt;
  if (b.kind == Datum::Kind::real) {
    if (std::isnan(b.real)) return std::nullopt;
    return order(a, b.real);
  }
  if (b.kind == Datum::Kind::integer) {
    if (a >= 9223372036854775808.0) return 1;
    if (a < -9223372036854775808.0) return -1;
    const auto whole = static_cast<int64_t>(a);
    if (whole != b.integer) return order(whole, b.integer);
    return order(a - std::trunc(a), 0.0);
  }
  if (a >= 18446744073709551616.0) return 1;
  if (a < 0) return -1;
  const auto whole = static_cast<uint64_t>(a);
  if (whole != b.unsigned_integer) return order(whole, b.unsigned_integer);
  return order(a - std::trunc(a), 0.0);
}

}  // namespace

std::optional<int> compare(const Datum& a, const Datum& b) {
  using Kind = Datum::Kind;
  if (a.is_number() && b.is_number()) {
    if (a.kind == Kind::integer && b.kind == Kind::integer) return order(a.integer, b.integer);
    if (a.kind == Kind::real) return compare_real(a.real, b);
    if (b.kind == Kind::real) {
      const auto reversed = compare_real(b.real, a);
      return reversed ? std::optional<int>(-*reversed) : std::nullopt;
    }
    if (a.kind == b.kind) return order(a.unsigned_integer, b.unsigned_integer);
    return a.kind == Kind::integer ? -1 : 1;  // an unsigned one is above int64
  }
  if (a.kind != b.kind) return std::nullopt;
  switch (a.kind) {
    case Kind::boolean:
      return order(a.boolean ? 1 : 0, b.boolean ? 1 : 0);
    case Kind::string:
      return order(a.text.compare(b.text), 0);
    case Kind::timestamp:
      return a.integer != b.integer ? order(a.integer, b.integer) : order(a.nanos, b.nanos);
    default:
      return std::nullopt;
  }
}

void append_json(const Datum& datum, std::string& out) {
  switch (datum.kind) {
    case Datum::Kind::null:
      out += "null";
      return;
    case Datum::Kind::boolean:
      out += datum.boolean ? "true" : "false";
      return;
    case Datum::Kind::integer:
      if (!datum.text.empty()) {
        out += datum.text;
      } else {
        append_json_int(datum.integer, out);
      }
      return;
    case Datum::Kind::unsigned_integer:
      append_json_uint(datum.unsigned_integer, out);
      return;
    case Datum::Kind::real:
      if (!datum.text.empty()) {
        out += datum.text;
      } else if (!append_json_double(datum.real, out)) {
        out += "null";  // arguments are finite; see check()
      }
      return;
    case Datum::Kind::string:
      append_json_string(datum.text, out);
      return;
    case Datum::Kind::json:
    case Datum::Kind::timestamp:
      out += datum.text;
      return;
  }
}

void append_canonical(const Datum& datum, std::string& out) {
  if (datum.kind == Datum::Kind::integer) {
    append_json_int(datum.integer, out);  // also of -0
  } else if (datum.kind != Datum::Kind::real) {
    append_json(datum, out);
  } else if (!datum.text.empty()) {
    append_number_key(datum.text, datum.real, out);
  } else if (!append_number_key(datum.real, out)) {
    out += "null";
  }
}

namespace {

constexpr uint8_t kWritten = 0x80;  // with the kind of a number: its text follows

// Whether the number says all that its text does.
bool gives_back(const Datum& number) {
  Datum plain = number;
  plain.text = {};
  std::string text;
  append_json(plain, text);
  return text == number.text;
}

}  // namespace

void encode(const Datum& datum, std::string& out) {
  const bool written = datum.is_number() && !datum.text.empty() && !gives_back(datum);
  out.push_back(static_cast<char>(static_cast<uint8_t>(datum.kind) | (written ? kWritten : 0)));
  if (written) put_bytes(out, datum.text);
  switch (datum.kind) {
    case Datum::Kind::null:
      return;
    case Datum::Kind::boolean:
      out.push_back(datum.boolean ? 1 : 0);
      return;
    case Datum::Kind::integer:
      put_signed(out, datum.integer);
      return;
    case Datum::Kind::unsigned_integer:
      put_varint(out, datum.unsigned_integer);
      return;
    case Datum::Kind::real:
      put_double(out, datum.real);
      return;
    case Datum::Kind::string:
    case Datum::Kind::json:
      put_bytes(out, datum.text);
      return;
    case Datum::Kind::timestamp:
      put_signed(out, datum.integer);
      put_varint(out, datum.nanos);
      put_bytes(out, datum.text);
      return;
  }
}

Datum decode_datum(Reader& in) {
  Datum datum;
  const uint8_t tag = in.byte();
  const uint8_t kind = tag & static_cast<uint8_t>(~kWritten);
  if (kind > static_cast<uint8_t>(Datum::Kind::timestamp)) {
    in.fail();
    return datum;
  }
  datum.kind = static_cast<Datum::Kind>(kind);
  if ((tag & kWritten) != 0) {
    if (!datum.is_number()) {
      in.fail();
      return {};
    }
    datum.text = in.bytes();
    if (!is_json_number(datum.text)) in.fail();
  }
  switch (datum.kind) {
    case Datum::Kind::null:
      break;
    case Datum::Kind::boolean:
      datum.boolean = in.byte() != 0;
      break;
    case Datum::Kind::integer:
      datum.integer = in.signed_varint();
      break;
    case Datum::Kind::unsigned_integer:
      datum.unsigned_integer = in.varint();
      break;
    case Datum::Kind::real:
      datum.real = in.real();
      break;
    case Datum::Kind::string:
    case Datum::Kind::json:
      datum.text = in.bytes();
      break;
    case Datum::Kind::timestamp:
      datum.integer = in.signed_varint();
      datum.nanos = static_cast<uint32_t>(in.varint());
      datum.text = in.bytes();
      break;
  }
  return datum;
}

}  // namespace kutils::flow
