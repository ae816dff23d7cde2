#include "expr/value_bytes.h"

#include <cmath>

#include "data/json_write.h"
#include "expr/context.h"

namespace kutils::expr {
namespace {

// The tags are a format: they are not Kind's numbers, which may change.
enum Tag : uint8_t {
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
  minus_zero,   // the integer
  written_real  // with the text that it was read from
};

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  std::optional<RecordError> write(const Value& value, int depth) {
    if (depth > kMaxKeptDepth)
      return RecordError{Reason::expression,
                         "the value is nested deeper than " + std::to_string(kMaxKeptDepth) + " levels"};
    switch (value.kind()) {
      case Kind::null:
        put(Tag::null);
        break;
      case Kind::boolean:
        put(Tag::boolean);
        out_.push_back(value.as_bool() ? 1 : 0);
        break;
      case Kind::integer:
        if (!value.written().empty()) {
          put(Tag::minus_zero);
          break;
        }
        put(Tag::integer);
        put_signed(out_, value.as_int());
        break;
      case Kind::unsigned_integer:
        put(Tag::unsigned_integer);
        put_varint(out_, value.as_uint());
        break;
      case Kind::real:
        if (!std::isfinite(value.as_double()) && value.written().empty())
          return RecordError{Reason::expression, std::isnan(value.as_double())
                                                     ? "JSON cannot hold NaN"
                                                     : "JSON cannot hold an infinity"};
        put(says_more(value) ? Tag::written_real : Tag::real);
        put_double(out_, value.as_double());
        if (says_more(value)) put_bytes(out_, value.written());
        break;
      case Kind::string:
      case Kind::bytes:
        put(value.is_string() ? Tag::string : Tag::bytes);
        put_bytes(out_, value.as_string());
        break;
      case Kind::timestamp:
        put(Tag::timestamp);
        put_signed(out_, value.seconds());
        put_varint(out_, value.nanoseconds());
        break;
      case Kind::duration:
        put(Tag::duration);
        put_signed(out_, value.duration_ns());
        break;
      case Kind::list:
        put(Tag::list);
        put_varint(out_, value.as_list().size);
        for (const Value& item : value.as_list())
          if (auto error = write(item, depth + 1)) return error;
        break;
      case Kind::map:
        put(Tag::map);
        put_varint(out_, value.as_map().size);
        for (const MapEntry& entry : value.as_map()) {
          if (auto error = write(entry.key, depth + 1)) return error;
          if (auto error = write(entry.value, depth + 1)) return error;
        }
        break;
      default:
        return RecordError{Reason::wrong_type,
                           std::string(friendly_name(value.kind())) + " cannot be kept in a state"};
    }
    if (out_.size() > kMaxKeptBytes)
      return RecordError{Reason::too_large,
                         "the value takes more than " + std::to_string(kMaxKeptBytes >> 10) + " KiB"};
    return std::nullopt;
  }

 private:
  // Whether the text that the number was read from is not the one that it would be written as.
  bool says_more(const Value& value) {
    if (value.written().empty()) return false;
    text_.clear();
    return !append_json_double(value.as_double(), text_) || text_ != value.written();
  }
  void put(Tag tag) { out_.push_back(static_cast<char>(tag)); }
  std::string& out_;
  std::string text_;
};

// The scalar behind `tag`; nullopt: a list, a map, or broken. `number` takes what a written_real points to.
std::optional<Value> read_scalar(uint8_t tag, Reader& in, WrittenNumber* number) {
  switch (tag) {
    case Tag::null:
      return Value::null();
    case Tag::boolean:
      return Value::boolean(in.byte() != 0);
    case Tag::integer:
      return Value::integer(in.signed_varint());
    case Tag::unsigned_integer:
      return Value::unsigned_integer(in.varint());
    case Tag::real:
      return Value::real(in.real());
    case Tag::minus_zero:
      return Value::minus_zero();
    case Tag::written_real: {
      number->value = in.real();
      const std::string_view text = in.bytes();
      if (!is_json_number(text)) return in.fail(), Value::null();
      number->text = text.data();
      return Value::written_real(number, text.size());
    }
    case Tag::string:
      return Value::string(in.bytes());
    case Tag::bytes:
      return Value::bytes(in.bytes());
    case Tag::timestamp: {
      const int64_t seconds = in.signed_varint();
      return Value::timestamp(seconds, static_cast<uint32_t>(in.varint()));
    }
    case Tag::duration:
      return Value::duration(in.signed_varint());
    default:
      return std::nullopt;
  }
}

// How many values follow a list's or a map's tag. Each takes a byte at least, so that broken bytes ask for no
// more than they hold.
size_t count_of(uint8_t tag, Reader& in, int depth) {
  const uint64_t n = in.varint();
  const uint64_t each = tag == Tag::map ? 2 : 1;
  if ((tag != Tag::list && tag != Tag::map) || depth > kMaxKeptDepth || n > in.rest().size() / each) {
    in.fail();
    return 0;
  }
  return static_cast<size_t>(n);
}

Value read(Reader& in, Context& context, int depth) {
  const uint8_t tag = in.byte();
  auto* number = tag == Tag::written_real ? context.allocate_array<WrittenNumber>(1) : nullptr;
  if (const auto scalar = read_scalar(tag, in, number)) return *scalar;
  const size_t n = count_of(tag, in, depth);
  if (tag == Tag::list) {
    auto* items = context.allocate_array<Value>(n);
    for (size_t i = 0; i < n; ++i) items[i] = read(in, context, depth + 1);
    return context.list(items, n);
  }
  auto* entries = context.allocate_array<MapEntry>(n);
  for (size_t i = 0; i < n; ++i) {
    entries[i].key = read(in, context, depth + 1);
    entries[i].value = read(in, context, depth + 1);
  }
  return context.map(entries, n, true);
}

bool is_key_tag(uint8_t tag) {
  return tag == Tag::string || tag == Tag::integer || tag == Tag::minus_zero ||
         tag == Tag::unsigned_integer || tag == Tag::boolean;
}

void pass(Reader& in, std::string* json, bool is_key, int depth) {
  const uint8_t tag = in.byte();
  WrittenNumber number{};
  if (const auto scalar = read_scalar(tag, in, &number)) {
    const bool quotes = is_key && tag != Tag::string;
    if (is_key && !is_key_tag(tag)) in.fail();
    if (json == nullptr) return;
    if (quotes) *json += '"';
    if (append_json(*scalar, *json)) in.fail();  // a broken double
    if (quotes) *json += '"';
    return;
  }
  if (is_key) return in.fail();
  const size_t n = count_of(tag, in, depth);
  if (json != nullptr) *json += tag == Tag::map ? '{' : '[';
  for (size_t i = 0; i < n && in.ok(); ++i) {
    if (json != nullptr && i > 0) *json += ',';
    if (tag == Tag::map) {
      pass(in, json, true, depth + 1);
      if (json != nullptr) *json += ':';
    }
    pass(in, json, false, depth + 1);
  }
  if (json != nullptr) *json += tag == Tag::map ? '}' : ']';
}

}  // namespace

std::optional<RecordError> to_bytes(const Value& value, std::string& out) {
  out.clear();
  return Writer(out).write(value, 0);
}

Value from_bytes(Reader& in, Context& context) { return read(in, context, 0); }

void bytes_to_json(Reader& in, std::string* json) { pass(in, json, false, 0); }

}  // namespace kutils::expr
