#include "flow/aggregate/scalar_value.h"

#include <cmath>

#include "data/json_number.h"
#include "data/json_write.h"

namespace kutils::flow {

ScalarValue ScalarValue::of(int64_t value) {
  ScalarValue d;
  d.kind = Kind::integer;
  d.integer = value;
  return d;
}
ScalarValue ScalarValue::of(double value) {
  ScalarValue d;
  d.kind = Kind::real;
  d.real = value;
  return d;
}
ScalarValue ScalarValue::of(bool value) {
  ScalarValue d;
  d.kind = Kind::boolean;
  d.boolean = value;
  return d;
}
ScalarValue ScalarValue::of_string(std::string_view text) {
  ScalarValue d;
  d.kind = Kind::string;
  d.text = text;
  return d;
}
ScalarValue ScalarValue::of_json(std::string_view json) {
  ScalarValue d;
  d.kind = Kind::json;
  d.text = json;
  return d;
}

const char* to_string(ScalarValue::Kind kind) {
  switch (kind) {
    case ScalarValue::Kind::null:
      return "null";
    case ScalarValue::Kind::boolean:
      return "bool";
    case ScalarValue::Kind::integer:
      return "int";
    case ScalarValue::Kind::unsigned_integer:
      return "uint";
    case ScalarValue::Kind::real:
      return "double";
    case ScalarValue::Kind::string:
      return "string";
    case ScalarValue::Kind::json:
      return "list or object";
    case ScalarValue::Kind::timestamp:
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
std::optional<int> compare_real(double a, const ScalarValue& b) {
  if (std::isnan(a)) return std::nullopt;
  if (b.kind == ScalarValue::Kind::real) {
    if (std::isnan(b.real)) return std::nullopt;
    return order(a, b.real);
  }
  if (b.kind == ScalarValue::Kind::integer) {
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

std::optional<int> compare(const ScalarValue& a, const ScalarValue& b) {
  using Kind = ScalarValue::Kind;
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

void append_json(const ScalarValue& scalar, std::string& out) {
  switch (scalar.kind) {
    case ScalarValue::Kind::null:
      out += "null";
      return;
    case ScalarValue::Kind::boolean:
      out += scalar.boolean ? "true" : "false";
      return;
    case ScalarValue::Kind::integer:
      if (!scalar.text.empty()) {
        out += scalar.text;
      } else {
        append_json_int(scalar.integer, out);
      }
      return;
    case ScalarValue::Kind::unsigned_integer:
      append_json_uint(scalar.unsigned_integer, out);
      return;
    case ScalarValue::Kind::real:
      if (!scalar.text.empty()) {
        out += scalar.text;
      } else if (!append_json_double(scalar.real, out)) {
        out += "null";  // arguments are finite: see check()
      }
      return;
    case ScalarValue::Kind::string:
      append_json_string(scalar.text, out);
      return;
    case ScalarValue::Kind::json:
    case ScalarValue::Kind::timestamp:
      out += scalar.text;
      return;
  }
}

void append_canonical(const ScalarValue& scalar, std::string& out) {
  if (scalar.kind == ScalarValue::Kind::integer) {
    append_json_int(scalar.integer, out);  // also of -0
  } else if (scalar.kind != ScalarValue::Kind::real) {
    append_json(scalar, out);
  } else if (!scalar.text.empty()) {
    append_number_key(scalar.text, scalar.real, out);
  } else if (!append_number_key(scalar.real, out)) {
    out += "null";
  }
}

namespace {

constexpr uint8_t kWritten = 0x80;  // set in a number's kind: the number's text follows

// Whether the number says all that its text does.
bool gives_back(const ScalarValue& number) {
  ScalarValue plain = number;
  plain.text = {};
  std::string text;
  append_json(plain, text);
  return text == number.text;
}

}  // namespace

void encode(const ScalarValue& scalar, std::string& out) {
  const bool written = scalar.is_number() && !scalar.text.empty() && !gives_back(scalar);
  out.push_back(static_cast<char>(static_cast<uint8_t>(scalar.kind) | (written ? kWritten : 0)));
  if (written) put_bytes(out, scalar.text);
  switch (scalar.kind) {
    case ScalarValue::Kind::null:
      return;
    case ScalarValue::Kind::boolean:
      out.push_back(scalar.boolean ? 1 : 0);
      return;
    case ScalarValue::Kind::integer:
      put_signed(out, scalar.integer);
      return;
    case ScalarValue::Kind::unsigned_integer:
      put_varint(out, scalar.unsigned_integer);
      return;
    case ScalarValue::Kind::real:
      put_double(out, scalar.real);
      return;
    case ScalarValue::Kind::string:
    case ScalarValue::Kind::json:
      put_bytes(out, scalar.text);
      return;
    case ScalarValue::Kind::timestamp:
      put_signed(out, scalar.integer);
      put_varint(out, scalar.nanos);
      put_bytes(out, scalar.text);
      return;
  }
}

ScalarValue decode_scalar(Reader& in) {
  ScalarValue scalar;
  const uint8_t tag = in.byte();
  const uint8_t kind = tag & static_cast<uint8_t>(~kWritten);
  if (kind > static_cast<uint8_t>(ScalarValue::Kind::timestamp)) {
    in.fail();
    return scalar;
  }
  scalar.kind = static_cast<ScalarValue::Kind>(kind);
  if ((tag & kWritten) != 0) {
    if (!scalar.is_number()) {
      in.fail();
      return {};
    }
    scalar.text = in.bytes();
    if (!is_json_number(scalar.text)) in.fail();
  }
  switch (scalar.kind) {
    case ScalarValue::Kind::null:
      break;
    case ScalarValue::Kind::boolean:
      scalar.boolean = in.byte() != 0;
      break;
    case ScalarValue::Kind::integer:
      scalar.integer = in.signed_varint();
      break;
    case ScalarValue::Kind::unsigned_integer:
      scalar.unsigned_integer = in.varint();
      break;
    case ScalarValue::Kind::real:
      scalar.real = in.real();
      break;
    case ScalarValue::Kind::string:
    case ScalarValue::Kind::json:
      scalar.text = in.bytes();
      break;
    case ScalarValue::Kind::timestamp:
      scalar.integer = in.signed_varint();
      scalar.nanos = static_cast<uint32_t>(in.varint());
      scalar.text = in.bytes();
      break;
  }
  return scalar;
}

}  // namespace kutils::flow
