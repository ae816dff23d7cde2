// A value of the expression language: a tag and 8 bytes; scalars inline, everything else a pointer into the
// evaluation's arena, the record or the program. Copying is free (it fits two registers); nothing is owned.
//
// How long a value lives is said by what made it (Expressions::evaluate: until the next bind()).
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "data/json_number.h"

namespace kutils::expr {

enum class Kind : uint8_t {
  error,
  null,
  boolean,
  integer,
  unsigned_integer,
  real,
  string,
  bytes,
  timestamp,
  duration,
  list,
  map,
  type,
  optional,
  ip,    // an address of the network functions
  cidr,  // a prefix of the network functions
};

// The kinds that something may have, one bit each.
using Kinds = uint32_t;
constexpr Kinds bit(Kind kind) { return 1U << static_cast<unsigned>(kind); }
constexpr Kinds kAnyValue = 0xfffeU;  // every kind but error
constexpr Kinds kNumbers = bit(Kind::integer) | bit(Kind::unsigned_integer) | bit(Kind::real);

struct ErrorValue;
struct ListValue;
struct MapValue;
struct MapEntry;
struct AddressValue;

class Value {
 public:
  Value() = default;  // null
  Kind kind() const { return kind_; }
  bool is_error() const { return kind_ == Kind::error; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_bool() const { return kind_ == Kind::boolean; }
  bool is_number() const { return (bit(kind_) & kNumbers) != 0; }
  bool is_string() const { return kind_ == Kind::string; }

  // REQUIRES: the kind that the name says.
  bool as_bool() const { return boolean_; }
  int64_t as_int() const { return integer_; }
  uint64_t as_uint() const { return unsigned_integer_; }
  double as_double() const { return size_ == 0 ? real_ : written_->value; }
  std::string_view as_string() const { return {text_, size_}; }  // also bytes, also a type's name
  // The text that a number was read from, where as_double() or as_int() may not give it back (3.10, 1e-400,
  // -0, 23 digits): whoever passes the number on writes this. Empty: a computed one, or an integer like any.
  std::string_view written() const;
  int64_t seconds() const { return integer_; }    // timestamp: since the epoch
  uint32_t nanoseconds() const { return size_; }  // timestamp: within the second
  int64_t duration_ns() const { return integer_; }
  const ErrorValue& as_error() const { return *error_; }
  const ListValue& as_list() const { return *list_; }
  const MapValue& as_map() const { return *map_; }
  const Value* as_optional() const { return optional_; }  // null pointer: none
  const AddressValue& as_address() const { return *address_; }

  static Value null() { return {}; }
  static Value boolean(bool value) {
    Value v(Kind::boolean);
    v.integer_ = value ? 1 : 0;
    return v;
  }
  static Value integer(int64_t value) {
    Value v(Kind::integer);
    v.integer_ = value;
    return v;
  }
  static Value unsigned_integer(uint64_t value) {
    Value v(Kind::unsigned_integer);
    v.unsigned_integer_ = value;
    return v;
  }
  static Value real(double value) {
    Value v(Kind::real);
    v.real_ = value;
    return v;
  }
  // A number that was read: `number` and its text must outlive the value.
  static Value written_real(const WrittenNumber* number, size_t size) {
    Value v(Kind::real);
    v.written_ = number;
    v.size_ = static_cast<uint32_t>(size);
    return v;
  }
  static Value minus_zero() {  // the integer -0: 0, but for its text
    Value v(Kind::integer);
    v.size_ = 1;
    return v;
  }
  // Views: the bytes must outlive the value. At most 4 GiB.
  static Value string(std::string_view text) { return view(Kind::string, text); }
  static Value bytes(std::string_view text) { return view(Kind::bytes, text); }
  static Value type(std::string_view name) { return view(Kind::type, name); }
  static Value timestamp(int64_t seconds, uint32_t nanoseconds) {
    Value v(Kind::timestamp);
    v.integer_ = seconds;
    v.size_ = nanoseconds;
    return v;
  }
  static Value duration(int64_t nanoseconds) {
    Value v(Kind::duration);
    v.integer_ = nanoseconds;
    return v;
  }
  static Value error(const ErrorValue* error) {
    Value v(Kind::error);
    v.error_ = error;
    return v;
  }
  static Value list(const ListValue* list) {
    Value v(Kind::list);
    v.list_ = list;
    return v;
  }
  static Value map(const MapValue* map) {
    Value v(Kind::map);
    v.map_ = map;
    return v;
  }
  static Value optional(const Value* value) {  // null pointer: none
    Value v(Kind::optional);
    v.optional_ = value;
    return v;
  }
  static Value address(Kind kind, const AddressValue* address) {
    Value v(kind);
    v.address_ = address;
    return v;
  }

 private:
  explicit Value(Kind kind) : kind_(kind) {}
  static Value view(Kind kind, std::string_view text) {
    Value v(kind);
    v.text_ = text.data();
    v.size_ = static_cast<uint32_t>(text.size());
    return v;
  }

  Kind kind_ = Kind::null;
  // string, bytes, type: length; timestamp: nanoseconds within the second; real: length of its text, 0 if it
  // was computed; integer: 1 for -0
  uint32_t size_ = 0;
  union {
    bool boolean_;
    int64_t integer_ = 0;  // timestamp: seconds; duration: nanoseconds
    uint64_t unsigned_integer_;
    double real_;
    const WrittenNumber* written_;
    const char* text_;
    const ErrorValue* error_;
    const ListValue* list_;
    const MapValue* map_;
    const Value* optional_;
    const AddressValue* address_;
  };
};
static_assert(sizeof(Value) == 16);

inline std::string_view Value::written() const {
  if (size_ == 0) return {};
  if (kind_ == Kind::real) return {written_->text, size_};
  return kind_ == Kind::integer ? std::string_view("-0") : std::string_view();
}

// Why an operation failed, and the place in the expression's text (bytes).
struct ErrorValue {
  Reason reason = Reason::expression;
  std::string_view message;
  uint32_t begin = 0;
  uint32_t end = 0;
};

// `raw`: the JSON text that the value was read from, to be spliced into an output; empty if it was computed.
struct ListValue {
  const Value* items = nullptr;
  size_t size = 0;
  std::string_view raw;
  size_t weight = 0;    // see weight()
  uint32_t levels = 1;  // see levels()
  const Value* begin() const { return items; }
  const Value* end() const { return items + size; }
};

struct MapEntry {
  Value key;
  Value value;
};
// In the order of insertion. `index` is an open-addressing table (entry number + 1, 0 is free) of
// `index_mask` + 1 places, there for large maps only.
struct MapValue {
  const MapEntry* entries = nullptr;
  size_t size = 0;
  const uint32_t* index = nullptr;
  uint32_t index_mask = 0;
  uint32_t levels = 1;
  std::string_view raw;
  size_t weight = 0;
  const MapEntry* begin() const { return entries; }
  const MapEntry* end() const { return entries + size; }
};

// An IPv4 address has family 4 and uses the first 4 bytes. `prefix` counts for cidr only.
struct AddressValue {
  uint8_t family = 4;
  uint8_t prefix = 0;
  uint8_t bytes[16] = {};
};

// Whether it is a number that was read and is too large for a double: it can be passed on as it was written,
// but not computed with.
inline bool is_beyond_double(const Value& value) {
  return value.kind() == Kind::real && !value.written().empty() && std::isinf(value.as_double());
}

// What walking the value costs, in bytes: about its text's. A value may hold another one many times over, so
// that it is not bounded by the memory that the value takes: Context::list() and map() bound it.
inline size_t weight(const Value& value) {
  switch (value.kind()) {
    case Kind::string:
    case Kind::bytes:
      return 8 + value.as_string().size();
    case Kind::list:
      return value.as_list().weight;
    case Kind::map:
      return value.as_map().weight;
    case Kind::optional:
      return value.as_optional() ? 8 + weight(*value.as_optional()) : 8;
    case Kind::real:
      return 8 + value.written().size();
    default:
      return 8;
  }
}

// How deep lists, maps and optionals lie within one another: what walks them must not exhaust the stack.
// Context::list() and map(), and what makes optionals again and again, bound it.
constexpr uint32_t kMaxLevels = 2'000;
inline uint32_t levels(const Value& value) {
  uint32_t optionals = 0;
  const Value* at = &value;
  for (; at->kind() == Kind::optional && at->as_optional(); at = at->as_optional()) ++optionals;
  if (at->kind() == Kind::list) return optionals + at->as_list().levels;
  return optionals + (at->kind() == Kind::map ? at->as_map().levels : 0);
}

// The language's name of a kind: "int", "google.protobuf.Timestamp", ...
std::string_view type_name(Kind kind);
// The same for messages to people: "timestamp" instead of the long name.
std::string_view friendly_name(Kind kind);

// Heterogeneous equality: numbers by their mathematical value, lists and maps by content; different kinds are
// unequal.
bool equals(const Value& a, const Value& b);
// nullopt: these kinds have no order. NaN has none either, but is comparable: then `unordered` of the result
// is set.
struct Order {
  int sign = 0;
  bool unordered = false;
};
std::optional<Order> compare(const Value& a, const Value& b);
// A total order for sorting values that are comparable: NaN comes last.
bool precedes(const Value& a, const Value& b);
// Equal values have equal hashes.
uint64_t hash(const Value& value);
// Null pointer: no such key.
const Value* find(const MapValue& map, const Value& key);
const Value* find(const MapValue& map, std::string_view key);

// As JSON, appended to `out`: what was read is written as it was. Timestamps are ISO strings, durations in
// the duration grammar, bytes base64. An error says what JSON cannot hold (NaN, infinities); `out` is then as
// it was.
[[nodiscard]] std::optional<RecordError> append_json(const Value& value, std::string& out);

// As JSON for keys: equal values give the same text. Numbers as append_number_key() has them, lists and maps
// without the white space that they came with.
[[nodiscard]] std::optional<RecordError> append_key_json(const Value& value, std::string& out);
// As the bytes of a record key: a string is its bytes, bytes are themselves, null is no key (false), else
// append_key_json().
[[nodiscard]] Result<bool> append_key(const Value& value, std::string& out);

// As a record time in ms since the epoch: int and whole double (in `unit_ns`-sized units, 1,000,000 for ms),
// ISO string, timestamp. Negative or anything else: Reason::bad_time.
[[nodiscard]] Result<int64_t> to_time_ms(const Value& value, int64_t unit_ns = 1'000'000);

// As text for people and for headers: a string is itself, null "null", else JSON.
[[nodiscard]] std::optional<RecordError> append_text(const Value& value, std::string& out);

}  // namespace kutils::expr
