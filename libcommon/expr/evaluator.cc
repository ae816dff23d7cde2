#include "expr/evaluator.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/utf8.h"
#include "data/json_number.h"
#include "data/plain_json.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

Value fail_at(Context& context, const Op& op, Reason reason, std::string_view message) {
  return locate(context.fail(reason, message), op);
}

Value wrong(Context& context, const Op& op, std::string_view message, const Value& value) {
  return fail_at(context, op, Reason::wrong_type,
                 std::string(message) + ", not " + std::string(friendly_name(value.kind())));
}

// The error of an operation on a number that is too large for a double.
Value beyond(Context& context, const Op& argument, const Value& value) {
  return fail_at(context, argument, Reason::wrong_type,
                 "the number " + shortened(value.written()) +
                     " is too large to compute with (at most 1.8e308); it can only be passed on");
}

// Bytes that are asked for as text: an error if they are none. `what` they are.
Value text(Context& context, const Op& op, std::string_view what, std::string_view bytes) {
  context.work_through(bytes.size());
  if (__builtin_expect(all_ascii(bytes) || is_utf8(bytes), 1)) return Value::string(bytes);
  return fail_at(
      context, op, Reason::wrong_type,
      std::string(what) + " is not UTF-8, so it is not text; `*` or a field's name alone passes it on");
}

}  // namespace

Value locate(Value value, const Op& op) {
  if (value.is_error()) {
    // Made by Context::fail in the arena, and shared with nobody yet.
    auto& error = const_cast<ErrorValue&>(value.as_error());
    if (error.end == 0) {
      error.begin = op.begin;
      error.end = op.end;
    }
  }
  return value;
}

Value run_constant(const Op& op, Context&) { return op.constant; }
Value run_local(const Op& op, Context& context) { return context.locals[op.slot]; }

Value run_field(const Op& op, Context& context) {
  const JsonField& field = (*context.fields)[op.slot];
  switch (field.type) {
    case JsonType::integer:
      if (field.integer == 0 && field.raw.size() == 2) return Value::minus_zero();
      return Value::integer(field.integer);
    case JsonType::string:
      return text(context, op, "the field", field.string);
    case JsonType::real:
      return Value::written_real(&field.real, field.raw.size());
    case JsonType::boolean:
      return Value::boolean(field.boolean);
    case JsonType::null:
      return Value::null();
    case JsonType::unsigned_integer:
      return Value::unsigned_integer(field.unsigned_integer);
    case JsonType::missing:
      if (context.no_fields != Reason::missing_field)
        return fail_at(context, op, Reason::not_an_object,
                       "the value is not a JSON object, so it has no fields");
      return Value::error(static_cast<const ErrorValue*>(op.data));
    case JsonType::array:
    case JsonType::object:
      break;
  }
  // Opened once for each record.
  if (op.slot >= context.opened.size()) {
    context.opened.resize(op.slot + 1);
    context.opened_at.resize(op.slot + 1, 0);
  }
  if (context.opened_at[op.slot] != context.record_number) {
    context.opened[op.slot] = context.json(field.raw);
    context.opened_at[op.slot] = context.record_number;
  }
  return locate(context.opened[op.slot], op);
}

Value run_has_field(const Op& op, Context& context) {
  return Value::boolean((*context.fields)[op.slot].type != JsonType::missing);
}

Value run_key(const Op& op, Context& context) {
  if (context.record->key.is_null()) return Value::null();
  const auto bytes = context.key_text;
  context.work_through(bytes.size());
  if (context.key_guessed) return is_utf8(bytes) ? Value::string(bytes) : Value::bytes(bytes);
  if (context.key_form == DecodedForm::json) return locate(context.json(bytes), op);
  return context.key_form == DecodedForm::string ? text(context, op, "the key", bytes) : Value::bytes(bytes);
}

Value run_value(const Op& op, Context& context) {
  if (context.record->value.is_null()) return Value::null();
  switch (context.value_form) {
    case DecodedForm::string:
      return text(context, op, "the value", context.value_text);
    case DecodedForm::bytes:
      return Value::bytes(context.value_text);
    case DecodedForm::json:
      break;
  }
  if (context.whole_value_at != context.record_number) {
    context.whole_value = context.json(context.value_text);
    context.whole_value_at = context.record_number;
  }
  return locate(context.whole_value, op);
}

Value run_timestamp(const Op&, Context& context) {
  return context.record->timestamp == kNoTimestamp ? Value::null()
                                                   : Value::integer(context.record->timestamp);
}
Value run_time(const Op& op, Context& context) {
  const int64_t ms = context.record->timestamp;
  if (ms == kNoTimestamp) return Value::null();
  const int64_t seconds = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
  if (seconds < kMinSeconds || seconds > kMaxSeconds)
    return fail_at(context, op, Reason::bad_time,
                   "the record's time is out of a timestamp's range; _ts has it");
  return Value::timestamp(seconds, static_cast<uint32_t>(ms - seconds * 1000) * 1'000'000);
}
Value run_topic(const Op&, Context& context) { return Value::string(context.record->topic); }
Value run_partition(const Op&, Context& context) {
  return context.record->partition == kNoPartition ? Value::null()
                                                   : Value::integer(context.record->partition);
}
Value run_offset(const Op&, Context& context) {
  return context.record->offset == kNoOffset ? Value::null() : Value::integer(context.record->offset);
}

Value run_headers(const Op& op, Context& context) {
  if (context.headers_at != context.record_number) {
    const std::span<const Header> headers = context.record->headers;
    auto* entries = context.allocate_array<MapEntry>(headers.size());
    for (size_t i = 0; i < headers.size(); ++i) {
      const MaybeBytes value = headers[i].value;
      entries[i].key = Value::string(headers[i].name);
      entries[i].value = value.is_null()         ? Value::null()
                         : is_utf8(value.view()) ? Value::string(value.view())
                                                 : Value::bytes(value.view());
    }
    context.headers = context.map(entries, headers.size(), true);
    context.headers_at = context.record_number;
  }
  return locate(context.headers, op);
}

Value run_fail(const Op& op, Context& context) {
  return fail_at(context, op, static_cast<Reason>(op.slot), op.constant.as_string());
}

namespace {

// Selection within an optional stays optional: a missing key gives none.
Value select_in_optional(const Op& op, const Value& optional, Context& context) {
  if (!optional.as_optional()) return optional;
  const Value inner = *optional.as_optional();
  if (inner.kind() == Kind::optional) return select_in_optional(op, inner, context);
  if (inner.kind() != Kind::map) return wrong(context, op, "only a map has fields", inner);
  const Value* found = find(inner.as_map(), op.constant);
  return found ? context.some(*found) : Context::none();
}

Value index_in_optional(const Op& op, const Value& optional, const Value& key, Context& context) {
  if (!optional.as_optional()) return optional;
  const Value& inner = *optional.as_optional();
  if (inner.kind() == Kind::map) {
    const Value* found = find(inner.as_map(), key);
    return found ? context.some(*found) : Context::none();
  }
  if (inner.kind() == Kind::list) {
    const Value found = index(inner, key, context);
    if (!found.is_error()) return context.some(found);
    if (found.as_error().reason == Reason::wrong_type) return locate(found, op);
    return Context::none();
  }
  if (inner.kind() == Kind::optional) return index_in_optional(op, inner, key, context);
  return wrong(context, op, "only a list or a map can be indexed", inner);
}

}  // namespace

Value run_select(const Op& op, Context& context) {
  const Value a = run(op.arguments[0], context);
  if (a.kind() == Kind::map) {
    if (const Value* found = find(a.as_map(), op.constant)) return *found;
    return fail_at(context, op, Reason::missing_field, "no such key: " + shortened(op.constant.as_string()));
  }
  if (a.is_error()) return a;
  if (a.kind() == Kind::optional) return select_in_optional(op, a, context);
  return wrong(context, op, "only a map has fields", a);
}

namespace {

// A value that plain_json::value_end() has taken.
Value plain_value(std::string_view text, Context& context) {
  switch (text[0]) {
    case '"':
      return Value::string(text.substr(1, text.size() - 2));
    case 't':
    case 'f':
      return Value::boolean(text[0] == 't');
    case 'n':
      return Value::null();
    case '{':
    case '[':
      return context.json(text);
    default:
      break;
  }
  if (text == "-0") return Value::minus_zero();
  if (text.find('.') == text.npos)
    return Value::integer(plain_json::integer(text.data(), text.data() + text.size()));
  auto* number = context.allocate_array<WrittenNumber>(1);
  *number = {json_double(text), text.data()};
  return Value::written_real(number, text.size());
}

// The member of an object, the last one of the name; nullopt: there is none, or the text is not plain.
std::optional<Value> plain_member(std::string_view object, std::string_view name, Context& context) {
  using plain_json::skip_space;
  constexpr int kLevels = 16;
  const char *at = object.data() + 1, *const end = object.data() + object.size();
  std::string_view found;
  for (at = skip_space(at, end);; at = skip_space(at + 1, end)) {
    if (at == end || *at != '"') return std::nullopt;
    const char* const begin = ++at;
    if (!(at = plain_json::string_end(at, end))) return std::nullopt;
    const bool is_it = std::string_view(begin, static_cast<size_t>(at - begin)) == name;
    at = skip_space(at + 1, end);
    if (at == end || *at != ':') return std::nullopt;
    at = skip_space(at + 1, end);
    const char* const value = at;
    if (!(at = plain_json::value_end(at, end, kLevels))) return std::nullopt;
    if (is_it) found = {value, static_cast<size_t>(at - value)};
    at = skip_space(at, end);
    if (at == end) return std::nullopt;
    if (*at == '}') break;
    if (*at != ',') return std::nullopt;
  }
  // What is no text anywhere in it is an error of the thorough way.
  if (at + 1 != end || found.empty() || !(all_ascii(object) || is_utf8(object))) return std::nullopt;
  return plain_value(found, context);
}

}  // namespace

Value run_select_in_field(const Op& op, Context& context) {
  // To look for a few members of a larger object costs more than to open it once.
  constexpr size_t kMostBytes = 1024;
  const uint32_t slot = op.arguments[0]->slot;
  const JsonField& field = (*context.fields)[slot];
  const bool is_open = slot < context.opened.size() && context.opened_at[slot] == context.record_number;
  if (field.type == JsonType::object && !is_open && field.raw.size() <= kMostBytes)
    if (const auto found = plain_member(field.raw, op.constant.as_string(), context)) return *found;
  return run_select(op, context);
}

Value run_optional_select(const Op& op, Context& context) {
  const Value a = run(op.arguments[0], context);
  if (a.is_error()) return a;
  if (a.kind() == Kind::optional) return select_in_optional(op, a, context);
  return select_in_optional(op, context.some(a), context);
}

Value run_has_select(const Op& op, Context& context) {
  Value a = run(op.arguments[0], context);
  while (a.kind() == Kind::optional) {
    if (!a.as_optional()) return Value::boolean(false);
    a = Value(*a.as_optional());
  }
  if (a.is_error()) return a;
  if (a.kind() != Kind::map) return wrong(context, op, "only a map has fields", a);
  return Value::boolean(find(a.as_map(), op.constant) != nullptr);
}

Value run_index(const Op& op, Context& context) {
  const Value a = run(op.arguments[0], context);
  if (a.is_error()) return a;
  const Value b = run(op.arguments[1], context);
  if (b.is_error()) return b;
  if (a.kind() == Kind::optional) return index_in_optional(op, a, b, context);
  return locate(index(a, b, context), op);
}

Value run_optional_index(const Op& op, Context& context) {
  const Value a = run(op.arguments[0], context);
  if (a.is_error()) return a;
  const Value b = run(op.arguments[1], context);
  if (b.is_error()) return b;
  return index_in_optional(op, a.kind() == Kind::optional ? a : context.some(a), b, context);
}

Value run_has_index(const Op& op, Context& context) {
  const Value found = run_optional_index(op, context);
  return found.is_error() ? found : Value::boolean(found.as_optional() != nullptr);
}

namespace {

// && and ||: `decisive` settles the result whatever the other operands are, errors included.
template <bool decisive>
Value run_logical(const Op& op, Context& context) {
  Value error;
  for (uint32_t i = 0; i < op.count; ++i) {
    const Value a = run(op.arguments[i], context);
    if (a.is_bool()) {
      if (a.as_bool() == decisive) return a;
    } else if (!error.is_error()) {
      error = a.is_error()
                  ? a
                  : wrong(context, *op.arguments[i], decisive ? "|| needs bool" : "&& needs bool", a);
    }
  }
  return error.is_error() ? error : Value::boolean(!decisive);
}

}  // namespace

Value run_and(const Op& op, Context& context) { return run_logical<false>(op, context); }
Value run_or(const Op& op, Context& context) { return run_logical<true>(op, context); }

Value run_not(const Op& op, Context& context) {
  const Value a = run(op.arguments[0], context);
  if (a.is_bool()) return Value::boolean(!a.as_bool());
  return a.is_error() ? a : wrong(context, op, "! needs bool", a);
}

Value run_negate(const Op& op, Context& context) {
  const Value a = run(op.arguments[0], context);
  if (is_beyond_double(a)) return beyond(context, *op.arguments[0], a);
  return a.is_error() ? a : locate(negate(a, context), op);
}

Value run_conditional(const Op& op, Context& context) {
  const Value condition = run(op.arguments[0], context);
  if (condition.is_bool()) return run(op.arguments[condition.as_bool() ? 1 : 2], context);
  return condition.is_error() ? condition : wrong(context, *op.arguments[0], "?: needs bool", condition);
}

Value run_list(const Op& op, Context& context) {
  const auto* optional = static_cast<const std::vector<bool>*>(op.data);
  auto* items = context.allocate_array<Value>(op.count);
  size_t n = 0;
  for (uint32_t i = 0; i < op.count; ++i) {
    const Value a = run(op.arguments[i], context);
    if (a.is_error()) return a;
    if (!optional || !(*optional)[i]) {
      items[n++] = a;
    } else if (a.kind() != Kind::optional) {
      return wrong(context, *op.arguments[i], "an item after ? must be optional", a);
    } else if (a.as_optional()) {
      items[n++] = *a.as_optional();
    }
  }
  return context.list(items, n);
}

Value run_map(const Op& op, Context& context) {
  constexpr Kinds kKeys = kBool | kInt | kUint | kString;
  const auto* optional = static_cast<const std::vector<bool>*>(op.data);
  auto* entries = context.allocate_array<MapEntry>(op.count / 2);
  size_t n = 0;
  for (uint32_t i = 0; i < op.count; i += 2) {
    const Value key = run(op.arguments[i], context);
    if (key.is_error()) return key;
    if (!(bit(key.kind()) & kKeys))
      return wrong(context, *op.arguments[i], "a map's key must be string, int, uint or bool", key);
    const Value value = run(op.arguments[i + 1], context);
    if (value.is_error()) return value;
    if (!optional || !(*optional)[i / 2]) {
      entries[n++] = {key, value};
    } else if (value.kind() != Kind::optional) {
      return wrong(context, *op.arguments[i + 1], "a value after ? must be optional", value);
    } else if (value.as_optional()) {
      entries[n++] = {key, *value.as_optional()};
    }
  }
  return locate(context.map(entries, n, false), op);
}

namespace {

Kinds parameter(const Overload& overload, size_t i) {
  return overload.parameters[std::min(i, overload.parameters.size() - 1)];
}

// JSON does not tell 40 from 40.0: a whole double does for an int, an int for a double.
bool convert(Value& value, Kinds wanted) {
  if (bit(value.kind()) & wanted) return true;
  if (!value.is_number()) return false;
  if (wanted & kDouble) {
    value = Value::real(value.kind() == Kind::integer ? static_cast<double>(value.as_int())
                                                      : static_cast<double>(value.as_uint()));
    return true;
  }
  if (!(wanted & kInt)) return false;
  if (value.kind() == Kind::unsigned_integer) {
    if (value.as_uint() > static_cast<uint64_t>(INT64_MAX)) return false;
    value = Value::integer(static_cast<int64_t>(value.as_uint()));
    return true;
  }
  const double d = value.as_double();
  if (!(std::fabs(d) <= 9007199254740992.0) || d != std::floor(d)) return false;
  value = Value::integer(static_cast<int64_t>(d));
  return true;
}

}  // namespace

Value run_call(const Op& op, Context& context) {
  constexpr uint32_t kFew = 6;
  Value few[kFew];
  Value* arguments = op.count <= kFew ? few : context.allocate_array<Value>(op.count);
  for (uint32_t i = 0; i < op.count; ++i) {
    arguments[i] = run(op.arguments[i], context);
    if (arguments[i].is_error()) return arguments[i];
    if (bit(arguments[i].kind()) & (kString | kBytes)) context.work_through(arguments[i].as_string().size());
  }
  const Call& call = *static_cast<const Call*>(op.data);
  if (!call.function->passes_on) {
    for (uint32_t i = 0; i < op.count; ++i)
      if (is_beyond_double(arguments[i])) return beyond(context, *op.arguments[i], arguments[i]);
  }
  for (const Overload* overload : call.overloads) {
    uint32_t i = 0;
    while (i < op.count && (bit(arguments[i].kind()) & parameter(*overload, i))) ++i;
    if (i == op.count) return locate(overload->run(context, arguments, op.count), op);
  }
  if (!call.function->exact && !context.strict_numbers) {
    for (const Overload* overload : call.overloads) {
      std::vector<Value> converted(arguments, arguments + op.count);
      uint32_t i = 0;
      while (i < op.count && convert(converted[i], parameter(*overload, i))) ++i;
      if (i == op.count) return locate(overload->run(context, converted.data(), op.count), op);
    }
  }
  std::string kinds;
  for (uint32_t i = 0; i < op.count; ++i) {
    if (i != 0) kinds += ", ";
    kinds += friendly_name(arguments[i].kind());
  }
  return fail_at(context, op, Reason::wrong_type,
                 std::string(call.function->name) + " does not take (" + kinds +
                     "): " + std::string(call.function->signature));
}

Value run_lazy_or(const Op& op, Context& context) {
  const Value a = run(op.arguments[0], context);
  if (a.is_error()) return a;
  if (a.kind() != Kind::optional) return wrong(context, op, "or() is for optionals", a);
  if (a.as_optional()) return a;
  const Value b = run(op.arguments[1], context);
  return b.is_error() || b.kind() == Kind::optional ? b : wrong(context, op, "or() takes an optional", b);
}

Value run_or_value(const Op& op, Context& context) {
  const Value a = run(op.arguments[0], context);
  if (a.is_error()) return a;
  if (a.kind() != Kind::optional) return wrong(context, op, "orValue() is for optionals", a);
  return a.as_optional() ? *a.as_optional() : run(op.arguments[1], context);
}

// Anything that an earlier argument fails with is passed over; the last one's failure is the result.
Value run_coalesce(const Op& op, Context& context) {
  Value last;
  for (uint32_t i = 0; i < op.count; ++i) {
    last = run(op.arguments[i], context);
    if (!last.is_error() && !last.is_null()) return last;
  }
  return last;
}

Value run_bind(const Op& op, Context& context) {
  // An error is bound too: it counts only where the name is used.
  const Value bound = run(op.arguments[0], context);
  context.locals[op.slot] = bound;
  return run(op.arguments[1], context);
}

// Operators ------------------------------------------------------------------------------------------

namespace {

template <Operator o>
bool holds(int sign) {
  switch (o) {
    case Operator::less:
      return sign < 0;
    case Operator::less_equal:
      return sign <= 0;
    case Operator::greater:
      return sign > 0;
    default:
      return sign >= 0;
  }
}

template <Operator o>
Value run_comparison(const Op& op, Context& context) {
  const Value a = run(op.arguments[0], context);
  const Value b = run(op.arguments[1], context);
  if (a.kind() == Kind::integer && b.kind() == Kind::integer)
    return Value::boolean(holds<o>(a.as_int() < b.as_int() ? -1 : a.as_int() > b.as_int() ? 1 : 0));
  if (a.is_error()) return a;
  if (b.is_error()) return b;
  if (is_beyond_double(a)) return beyond(context, *op.arguments[0], a);
  if (is_beyond_double(b)) return beyond(context, *op.arguments[1], b);
  context.work_through(std::min(weight(a), weight(b)));
  const auto order = compare(a, b);
  if (!order) return locate(no_such_operation(o, a, b, context), op);
  return Value::boolean(!order->unordered && holds<o>(order->sign));
}

void see_operand(const Op& op, const Value& a, const Value& b) {
  const auto& watched = *static_cast<const WatchedComparison*>(op.data);
  if (!watched.met) return;
  if (watched.operand == 2) return watched.met->see(a, b);
  watched.met->see(watched.operand == 0 ? a : b);
}

template <bool wanted, bool watched>
Value run_equality(const Op& op, Context& context) {
  const Value a = run(op.arguments[0], context);
  const Value b = run(op.arguments[1], context);
  if (a.is_error()) return a;
  if (b.is_error()) return b;
  if constexpr (watched) see_operand(op, a, b);
  if (is_beyond_double(a)) return beyond(context, *op.arguments[0], a);
  if (is_beyond_double(b)) return beyond(context, *op.arguments[1], b);
  context.work_through(std::min(weight(a), weight(b)));
  return Value::boolean(equals(a, b) == wanted);
}

template <Operator o>
Value run_arithmetic(const Op& op, Context& context) {
  const Value a = run(op.arguments[0], context);
  if (a.is_error()) return a;
  const Value b = run(op.arguments[1], context);
  if (b.is_error()) return b;
  if (is_beyond_double(a)) return beyond(context, *op.arguments[0], a);
  if (is_beyond_double(b)) return beyond(context, *op.arguments[1], b);
  return locate(arithmetic(o, a, b, context), op);
}

template <bool watched>
Value run_in(const Op& op, Context& context) {
  const Value a = run(op.arguments[0], context);
  if (a.is_error()) return a;
  const Value b = run(op.arguments[1], context);
  if (b.is_error()) return b;
  if constexpr (watched) see_operand(op, a, b);
  return locate(in_list_or_map(a, b, context), op);
}

}  // namespace

Run run_operator(Operator op) {
  switch (op) {
    case Operator::add:
      return run_arithmetic<Operator::add>;
    case Operator::subtract:
      return run_arithmetic<Operator::subtract>;
    case Operator::multiply:
      return run_arithmetic<Operator::multiply>;
    case Operator::divide:
      return run_arithmetic<Operator::divide>;
    case Operator::modulo:
      return run_arithmetic<Operator::modulo>;
    case Operator::less:
      return run_comparison<Operator::less>;
    case Operator::less_equal:
      return run_comparison<Operator::less_equal>;
    case Operator::greater:
      return run_comparison<Operator::greater>;
    case Operator::greater_equal:
      return run_comparison<Operator::greater_equal>;
    case Operator::equal:
      return run_equality<true, false>;
    case Operator::not_equal:
      return run_equality<false, false>;
    case Operator::in:
      return run_in<false>;
  }
  return nullptr;
}

Run run_watched(Operator op) {
  return op == Operator::equal       ? run_equality<true, true>
         : op == Operator::not_equal ? run_equality<false, true>
                                     : run_in<true>;
}

// Macros ---------------------------------------------------------------------------------------------

namespace {

// Calls `turn` for each element with the variables set; it returns false to stop. An error: what is no list
// or map.
template <typename Turn>
Value for_each(const Op& op, Context& context, const Value& range, Turn turn) {
  const bool two = op.constant.as_int() == 2;
  if (range.kind() == Kind::list) {
    const ListValue list = range.as_list();
    for (size_t i = 0; i < list.size; ++i) {
      context.steps(op.turn);
      if (two) {
        context.locals[op.slot] = Value::integer(static_cast<int64_t>(i));
        context.locals[op.slot + 1] = list.items[i];
      } else {
        context.locals[op.slot] = list.items[i];
      }
      if (!turn()) break;
    }
    return {};
  }
  if (range.kind() == Kind::map) {
    const MapValue map = range.as_map();
    for (size_t i = 0; i < map.size; ++i) {
      context.steps(op.turn);
      context.locals[op.slot] = map.entries[i].key;
      if (two) context.locals[op.slot + 1] = map.entries[i].value;
      if (!turn()) break;
    }
    return {};
  }
  if (range.is_error()) return range;
  return wrong(context, op, "this works on lists and maps", range);
}

template <bool decisive>
Value run_quantifier(const Op& op, Context& context) {
  const Value range = run(op.arguments[0], context);
  Value result = Value::boolean(!decisive);
  const Value failed = for_each(op, context, range, [&] {
    const Value a = run(op.arguments[1], context);
    if (a.is_bool()) {
      if (a.as_bool() != decisive) return true;
      result = a;
      return false;
    }
    if (!result.is_error())
      result = a.is_error() ? a : wrong(context, *op.arguments[1], "the condition must be bool", a);
    return true;
  });
  return failed.is_error() ? failed : result;
}

// The condition of a filtering turn: true, false, or an error in `result`.
bool passes(const Op* condition, Context& context, Value& result) {
  const Value a = run(condition, context);
  if (a.is_bool()) return a.as_bool();
  result = a.is_error() ? a : wrong(context, *condition, "the condition must be bool", a);
  return false;
}

Value run_exists_one(const Op& op, Context& context) {
  const Value range = run(op.arguments[0], context);
  Value error;
  int64_t n = 0;
  const Value failed = for_each(op, context, range, [&] {
    if (passes(op.arguments[1], context, error)) ++n;
    return !error.is_error();
  });
  if (failed.is_error()) return failed;
  return error.is_error() ? error : Value::boolean(n == 1);
}

size_t size_of(const Value& range) {
  return range.kind() == Kind::list  ? range.as_list().size
         : range.kind() == Kind::map ? range.as_map().size
                                     : 0;
}

// map, transformList: [condition,] result.
Value run_transform_list(const Op& op, Context& context) {
  const Value range = run(op.arguments[0], context);
  auto* items = context.allocate_array<Value>(size_of(range));
  size_t n = 0;
  Value error;
  const Value failed = for_each(op, context, range, [&] {
    if (op.count == 3 && !passes(op.arguments[1], context, error)) return !error.is_error();
    const Value a = run(op.arguments[op.count - 1], context);
    if (a.is_error()) {
      error = a;
      return false;
    }
    items[n++] = a;
    return true;
  });
  if (failed.is_error()) return failed;
  return error.is_error() ? error : context.list(items, n);
}

Value run_filter(const Op& op, Context& context) {
  const Value range = run(op.arguments[0], context);
  auto* items = context.allocate_array<Value>(size_of(range));
  size_t n = 0;
  Value error;
  const Value failed = for_each(op, context, range, [&] {
    if (passes(op.arguments[1], context, error)) items[n++] = context.locals[op.slot];
    return !error.is_error();
  });
  if (failed.is_error()) return failed;
  return error.is_error() ? error : context.list(items, n);
}

Value run_transform_map(const Op& op, Context& context) {
  const Value range = run(op.arguments[0], context);
  auto* entries = context.allocate_array<MapEntry>(size_of(range));
  size_t n = 0;
  Value error;
  const Value failed = for_each(op, context, range, [&] {
    const Value key = context.locals[op.slot];
    if (op.count == 3 && !passes(op.arguments[1], context, error)) return !error.is_error();
    const Value a = run(op.arguments[op.count - 1], context);
    if (a.is_error()) {
      error = a;
      return false;
    }
    entries[n++] = {key, a};
    return true;
  });
  if (failed.is_error()) return failed;
  return error.is_error() ? error : locate(context.map(entries, n, false), op);
}

Value run_transform_map_entry(const Op& op, Context& context) {
  const Value range = run(op.arguments[0], context);
  std::vector<MapEntry> entries;
  Value error;
  const Value failed = for_each(op, context, range, [&] {
    if (op.count == 3 && !passes(op.arguments[1], context, error)) return !error.is_error();
    const Value a = run(op.arguments[op.count - 1], context);
    if (a.kind() != Kind::map) {
      error = a.is_error() ? a
                           : wrong(context, *op.arguments[op.count - 1],
                                   "transformMapEntry() needs a map of new entries", a);
      return false;
    }
    context.charge(a.as_map().size * sizeof(MapEntry));
    for (const MapEntry& entry : a.as_map()) entries.push_back(entry);
    return true;
  });
  if (failed.is_error()) return failed;
  if (error.is_error()) return error;
  auto* copy = context.allocate_array<MapEntry>(entries.size());
  std::copy(entries.begin(), entries.end(), copy);
  return locate(context.map(copy, entries.size(), false), op);
}

Value run_sort_by(const Op& op, Context& context) {
  const Value range = run(op.arguments[0], context);
  if (!range.is_error() && range.kind() != Kind::list)
    return wrong(context, op, "sortBy() works on lists", range);
  const auto& descends = *static_cast<const std::vector<bool>*>(op.data);
  const size_t width = descends.size();
  if (!range.is_error()) context.charge(range.as_list().size * width * sizeof(Value));
  std::vector<Value> keys;  // of the first item, of the second ...
  size_t key_weight = 0;
  Value error;
  const Value failed = for_each(op, context, range, [&] {
    for (size_t i = 0; i < width && !error.is_error(); ++i) {
      const Value key = run(op.arguments[1 + i], context);
      if (key.is_error())
        error = key;
      else if (const auto order = compare(keys.size() <= i ? key : keys[i], key); !order)
        error = wrong(context, *op.arguments[1 + i],
                      "the keys to sort by must have an order and be of one type", key);
      else
        keys.push_back(key), key_weight += weight(key);
    }
    return !error.is_error();
  });
  if (failed.is_error()) return failed;
  if (error.is_error()) return error;
  const ListValue& list = range.as_list();
  std::vector<uint32_t> places(list.size);
  std::iota(places.begin(), places.end(), 0U);
  context.sorting(list.size * width, key_weight);
  std::stable_sort(places.begin(), places.end(), [&](uint32_t x, uint32_t y) {
    for (size_t i = 0; i < width; ++i) {
      const Value& a = keys[x * width + i];
      const Value& b = keys[y * width + i];
      if (precedes(a, b)) return !descends[i];
      if (precedes(b, a)) return static_cast<bool>(descends[i]);
    }
    return false;
  });
  auto* items = context.allocate_array<Value>(list.size);
  for (size_t i = 0; i < list.size; ++i) items[i] = list.items[places[i]];
  return context.list(items, list.size);
}

Value run_reduce(const Op& op, Context& context) {
  const Value range = run(op.arguments[0], context);
  if (range.is_error()) return range;
  if (range.kind() != Kind::list) return wrong(context, op, "reduce() works on lists", range);
  Value so_far = run(op.arguments[1], context);
  for (const Value& item : range.as_list()) {
    if (so_far.is_error()) break;
    context.steps(op.turn);
    context.locals[op.slot] = so_far;
    context.locals[op.slot + 1] = item;
    so_far = run(op.arguments[2], context);
    check_levels(levels(so_far));
  }
  return so_far;
}

template <bool flat>
Value run_opt_map(const Op& op, Context& context) {
  const Value a = run(op.arguments[0], context);
  if (a.is_error()) return a;
  if (a.kind() != Kind::optional) return wrong(context, op, "this is for optionals", a);
  if (!a.as_optional()) return a;
  context.locals[op.slot] = *a.as_optional();
  const Value b = run(op.arguments[1], context);
  if (b.is_error()) return b;
  if (!flat) return context.some(b);
  return b.kind() == Kind::optional ? b
                                    : wrong(context, *op.arguments[1], "optFlatMap() needs an optional", b);
}

}  // namespace

Run run_macro(Macro macro) {
  switch (macro) {
    case Macro::all:
      return run_quantifier<false>;
    case Macro::exists:
      return run_quantifier<true>;
    case Macro::exists_one:
      return run_exists_one;
    case Macro::map:
    case Macro::transform_list:
      return run_transform_list;
    case Macro::filter:
      return run_filter;
    case Macro::transform_map:
      return run_transform_map;
    case Macro::transform_map_entry:
      return run_transform_map_entry;
    case Macro::sort_by:
      return run_sort_by;
    case Macro::reduce:
      return run_reduce;
    case Macro::opt_map:
      return run_opt_map<false>;
    case Macro::opt_flat_map:
      return run_opt_map<true>;
  }
  return nullptr;
}

Value evaluate(const Program& program, Context& context) {
  if (!context.shares_limits) context.restart();
  if (context.locals.size() < program.locals) context.locals.resize(program.locals);
  try {
    return run(program.root, context);
  } catch (const LimitExceeded& limit) {
    context.restart();
    Value error = context.fail(Reason::expression, limit.message);
    return locate(error, *program.root);
  }
}

}  // namespace kutils::expr
