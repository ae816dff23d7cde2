// CEL's standard functions: sizes, conversions, types, optionals.
#include "base/duration.h"
#include "base/utf8.h"
#include "data/json_write.h"
#include "expr/registry.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

using Arguments = const Value*;

Value size(Context&, Arguments a, size_t) {
  switch (a[0].kind()) {
    case Kind::string:
      return Value::integer(static_cast<int64_t>(count_code_points(a[0].as_string())));
    case Kind::bytes:
      return Value::integer(static_cast<int64_t>(a[0].as_string().size()));
    case Kind::list:
      return Value::integer(static_cast<int64_t>(a[0].as_list().size));
    default:
      return Value::integer(static_cast<int64_t>(a[0].as_map().size));
  }
}

Value contains(Context&, Arguments a, size_t) {
  return Value::boolean(find_text(a[0].as_string(), a[1].as_string()) != std::string_view::npos);
}
Value starts_with(Context&, Arguments a, size_t) {
  return Value::boolean(a[0].as_string().substr(0, a[1].as_string().size()) == a[1].as_string());
}
Value ends_with(Context&, Arguments a, size_t) {
  const auto text = a[0].as_string();
  const auto tail = a[1].as_string();
  return Value::boolean(text.size() >= tail.size() && text.substr(text.size() - tail.size()) == tail);
}

Value same(Context&, Arguments a, size_t) { return a[0]; }
Value type_of(Context&, Arguments a, size_t) { return Value::type(type_name(a[0].kind())); }

Value cannot_read(Context& context, std::string_view text, std::string_view as) {
  return context.fail(Reason::wrong_type, "'" + shortened(text) + "' is no " + std::string(as));
}

Value to_int(Context& context, Arguments a, size_t) {
  switch (a[0].kind()) {
    case Kind::unsigned_integer:
      if (a[0].as_uint() > static_cast<uint64_t>(INT64_MAX))
        return context.fail("the number is out of range of int");
      return Value::integer(static_cast<int64_t>(a[0].as_uint()));
    case Kind::real: {
      const double d = a[0].as_double();
      if (!(d > -9223372036854775808.0 && d < 9223372036854775808.0))
        return context.fail("the number is out of range of int");
      return Value::integer(static_cast<int64_t>(d));
    }
    case Kind::string: {
      const auto value = read_number<int64_t>(a[0].as_string());
      return value ? Value::integer(*value) : cannot_read(context, a[0].as_string(), "int");
    }
    case Kind::timestamp:
      return Value::integer(a[0].seconds());
    case Kind::duration:
      return Value::integer(a[0].duration_ns());
    default:
      return a[0];
  }
}

Value to_uint(Context& context, Arguments a, size_t) {
  switch (a[0].kind()) {
    case Kind::integer:
      if (a[0].as_int() < 0) return context.fail("the number is out of range of uint");
      return Value::unsigned_integer(static_cast<uint64_t>(a[0].as_int()));
    case Kind::real: {
      const double d = a[0].as_double();
      if (!(d >= 0 && d < 18446744073709551616.0)) return context.fail("the number is out of range of uint");
      return Value::unsigned_integer(static_cast<uint64_t>(d));
    }
    case Kind::string: {
      const auto value = read_number<uint64_t>(a[0].as_string());
      return value ? Value::unsigned_integer(*value) : cannot_read(context, a[0].as_string(), "uint");
    }
    default:
      return a[0];
  }
}

Value to_double(Context& context, Arguments a, size_t) {
  switch (a[0].kind()) {
    case Kind::integer:
      return Value::real(static_cast<double>(a[0].as_int()));
    case Kind::unsigned_integer:
      return Value::real(static_cast<double>(a[0].as_uint()));
    case Kind::string: {
      bool out_of_range = false;
      if (const auto value = read_number<double>(a[0].as_string(), &out_of_range)) return Value::real(*value);
      if (out_of_range) return context.fail("the number is out of range of double");
      return cannot_read(context, a[0].as_string(), "double");
    }
    default:
      return a[0];
  }
}

Value to_bool(Context& context, Arguments a, size_t) {
  if (a[0].is_bool()) return a[0];
  const auto text = a[0].as_string();
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return Value::boolean(true);
  }
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return Value::boolean(false);
  }
  return cannot_read(context, text, "bool");
}

Value to_string(Context& context, Arguments a, size_t) {
  if (!a[0].is_string() && !a[0].written().empty()) return context.string(a[0].written());
  std::string out;
  switch (a[0].kind()) {
    case Kind::boolean:
      return Value::string(a[0].as_bool() ? "true" : "false");
    case Kind::integer:
      append_json_int(a[0].as_int(), out);
      break;
    case Kind::unsigned_integer:
      append_json_uint(a[0].as_uint(), out);
      break;
    case Kind::real:
      append_double(a[0].as_double(), out);
      break;
    case Kind::bytes:
      if (!is_utf8(a[0].as_string())) return context.fail("the bytes are not UTF-8");
      return Value::string(a[0].as_string());
    case Kind::timestamp:
      append_rfc3339(a[0].seconds(), a[0].nanoseconds(), out, Fraction::shortest);
      break;
    case Kind::duration:
      append_duration_seconds(a[0].duration_ns(), out);
      break;
    case Kind::type:
      return Value::string(a[0].as_string());
    default:
      return a[0];
  }
  return context.string(out);
}

Value to_bytes(Context&, Arguments a, size_t) { return Value::bytes(a[0].as_string()); }

Value to_timestamp(Context& context, Arguments a, size_t) {
  if (a[0].kind() == Kind::timestamp) return a[0];
  if (a[0].kind() == Kind::integer) {
    if (a[0].as_int() < kMinSeconds || a[0].as_int() > kMaxSeconds)
      return context.fail(
          "the timestamp is out of range: a number is seconds since 1970, milliseconds are timestamp_ms(x)");
    return Value::timestamp(a[0].as_int(), 0);
  }
  const auto time = parse_rfc3339(a[0].as_string());
  if (!time) return cannot_read(context, a[0].as_string(), "timestamp (2024-05-01T12:00:00Z)");
  return Value::timestamp(time->seconds, time->nanoseconds);
}

Value to_duration(Context& context, Arguments a, size_t) {
  if (a[0].kind() == Kind::duration) return a[0];
  const auto parsed = parse_duration(a[0].as_string());
  if (!parsed) return cannot_read(context, a[0].as_string(), "duration (1h30m, 500ms, 2d) in range");
  return Value::duration(parsed->count());
}

bool is_zero(const Value& v) {
  switch (v.kind()) {
    case Kind::null:
      return true;
    case Kind::boolean:
      return !v.as_bool();
    case Kind::integer:
      return v.as_int() == 0;
    case Kind::unsigned_integer:
      return v.as_uint() == 0;
    case Kind::real:
      return v.as_double() == 0;
    case Kind::string:
    case Kind::bytes:
      return v.as_string().empty();
    case Kind::list:
      return v.as_list().size == 0;
    case Kind::map:
      return v.as_map().size == 0;
    case Kind::timestamp:
      return v.seconds() == 0 && v.nanoseconds() == 0;
    case Kind::duration:
      return v.duration_ns() == 0;
    default:
      return false;
  }
}

Value optional_of(Context& context, Arguments a, size_t) { return context.some(a[0]); }
Value optional_none(Context&, Arguments, size_t) { return Context::none(); }
Value optional_non_zero(Context& context, Arguments a, size_t) {
  return is_zero(a[0]) ? Context::none() : context.some(a[0]);
}
Value has_value(Context&, Arguments a, size_t) { return Value::boolean(a[0].as_optional() != nullptr); }
Value value(Context& context, Arguments a, size_t) {
  return a[0].as_optional() ? *a[0].as_optional() : context.fail("optional.none() has no value");
}
Value or_optional(Context&, Arguments a, size_t) { return a[0].as_optional() ? a[0] : a[1]; }
Value or_value(Context&, Arguments a, size_t) { return a[0].as_optional() ? *a[0].as_optional() : a[1]; }
Value unwrap(Context& context, Arguments a, size_t) {
  std::vector<Value> out;
  context.steps(a[0].as_list().size);
  for (const Value& item : a[0].as_list()) {
    if (item.kind() != Kind::optional)
      return context.fail(Reason::wrong_type, "an item of the list is not an optional");
    if (item.as_optional()) out.push_back(*item.as_optional());
  }
  return context.list(out);
}

}  // namespace

std::span<const Function> core_functions() {
  constexpr Kinds kSized = kString | kBytes | kList | kMap;
  static const std::vector<Function> kTable = {
      {"size",
       Form::either,
       {{kInt, {kSized}, size}},
       "size(STRING|BYTES|LIST|MAP) -> int",
       "characters of a string, bytes, items or entries; also x.size()",
       "size('smile') == 5 && [1, 2].size() == 2"},
      {"contains",
       Form::method,
       {{kBool, {kString, kString}, contains}},
       "STRING.contains(STRING) -> bool",
       "whether the string holds the other",
       "'popular'.contains('pul')"},
      {"startsWith",
       Form::method,
       {{kBool, {kString, kString}, starts_with}},
       "STRING.startsWith(STRING) -> bool",
       "whether the string begins with the other",
       "'/shop/cart'.startsWith('/shop')"},
      {"endsWith",
       Form::method,
       {{kBool, {kString, kString}, ends_with}},
       "STRING.endsWith(STRING) -> bool",
       "whether the string ends with the other",
       "'a.json'.endsWith('.json')"},
      {"int",
       Form::function,
       {{kInt, {kInt | kUint | kDouble | kString | kTimestamp | kDuration}, to_int}},
       "int(X) -> int",
       "from a number (cut towards zero), a string, a timestamp (seconds since 1970) or a duration (nanoseconds)",
       "int('42') == 42 && int(7.9) == 7",
       false,
       false,
       true},
      {"uint",
       Form::function,
       {{kUint, {kInt | kUint | kDouble | kString}, to_uint}},
       "uint(X) -> uint",
       "from a number (cut towards zero) or a string",
       "uint(3) == 3u",
       false,
       false,
       true},
      {"double",
       Form::function,
       {{kDouble, {kInt | kUint | kDouble | kString}, to_double}},
       "double(X) -> double",
       "from a number or a string",
       "double('1.5') == 1.5",
       false,
       false,
       true},
      {"bool",
       Form::function,
       {{kBool, {kBool | kString}, to_bool}},
       "bool(X) -> bool",
       "from a bool or a string (true, t, 1, false, f, 0)",
       "bool('true')"},
      {"string",
       Form::function,
       {{kString,
         {kBool | kInt | kUint | kDouble | kString | kBytes | kTimestamp | kDuration | kType},
         to_string}},
       "string(X) -> string",
       "the text of a scalar (of a number as it was read), of UTF-8 bytes, of a time or a duration",
       "string(12) + 'a' == '12a'",
       false,
       false,
       true,
       -1,
       true},
      {"bytes",
       Form::function,
       {{kBytes, {kString | kBytes}, to_bytes}},
       "bytes(STRING) -> bytes",
       "the UTF-8 bytes of a string",
       "bytes('a') == b'a'"},
      {"timestamp",
       Form::function,
       {{kTimestamp, {kString | kInt | kTimestamp}, to_timestamp}},
       "timestamp(STRING|INT) -> timestamp",
       "from RFC 3339 text, or seconds since 1970 (of milliseconds: _time)",
       "timestamp('2024-05-01T12:00:00Z').getHours() == 12"},
      {"duration",
       Form::function,
       {{kDuration, {kString | kDuration}, to_duration}},
       "duration(STRING) -> duration",
       "from text: 500ms 10s 5m 1h30m 2d (days are an addition)",
       "duration('2d') == duration('48h')"},
      {"type",
       Form::function,
       {{kType, {kAnyValue}, type_of}},
       "type(X) -> type",
       "the type of a value",
       "type(1) == int && type('a') == string",
       false,
       false,
       false,
       -1,
       true},
      {"dyn",
       Form::function,
       {{kAnyValue, {kAnyValue}, same}},
       "dyn(X) -> X",
       "the value itself, its type unchecked",
       "dyn(1) == 1.0",
       false,
       false,
       false,
       -1,
       true},
      {"optional.of",
       Form::function,
       {{kOptional, {kAnyValue}, optional_of}},
       "optional.of(X) -> optional",
       "an optional that holds the value",
       "optional.of(1).hasValue()",
       false,
       false,
       false,
       -1,
       true},
      {"optional.none",
       Form::function,
       {{kOptional, {}, optional_none}},
       "optional.none() -> optional",
       "an optional that holds nothing",
       "!optional.none().hasValue()"},
      {"optional.ofNonZeroValue",
       Form::function,
       {{kOptional, {kAnyValue}, optional_non_zero}},
       "optional.ofNonZeroValue(X) -> optional",
       "holds the value unless it is null, false, zero or empty",
       "!optional.ofNonZeroValue('').hasValue()",
       false,
       false,
       false,
       -1,
       true},
      {"hasValue",
       Form::method,
       {{kBool, {kOptional}, has_value}},
       "OPTIONAL.hasValue() -> bool",
       "whether the optional holds a value",
       "optional.of(0).hasValue()"},
      {"value",
       Form::method,
       {{kAnyValue, {kOptional}, value}},
       "OPTIONAL.value() -> X",
       "the value that the optional holds; an error if it holds none",
       "optional.of(7).value() == 7"},
      {"or",
       Form::method,
       {{kOptional, {kOptional, kOptional}, or_optional}},
       "OPTIONAL.or(OPTIONAL) -> optional",
       "the first of two that holds a value",
       "optional.none().or(optional.of(2)).value() == 2"},
      {"orValue",
       Form::method,
       {{kAnyValue, {kOptional, kAnyValue}, or_value}},
       "OPTIONAL.orValue(X) -> X",
       "the value that the optional holds, else X",
       "{'a': 1}.?b.orValue(0) == 0",
       false,
       false,
       false,
       -1,
       true},
      {"optional.unwrap",
       Form::function,
       {{kList, {kList}, unwrap}},
       "optional.unwrap(LIST) -> list",
       "the values held by the optionals of a list; empty ones are left out",
       "optional.unwrap([optional.of(1), optional.none()]) == [1]"},
      {"unwrapOpt",
       Form::method,
       {{kList, {kList}, unwrap}},
       "LIST.unwrapOpt() -> list",
       "the same as optional.unwrap",
       "[optional.none(), optional.of(1)].unwrapOpt() == [1]"},
  };
  return kTable;
}

}  // namespace kutils::expr
