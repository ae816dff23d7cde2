#include "expr/operators.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "expr/int128.h"
#include "expr/text.h"

namespace kutils::expr {
namespace {

bool is_number(Kind kind) { return (bit(kind) & kNumbers) != 0; }

double to_real(const Value& v) {
  switch (v.kind()) {
    case Kind::integer:
      return static_cast<double>(v.as_int());
    case Kind::unsigned_integer:
      return static_cast<double>(v.as_uint());
    default:
      return v.as_double();
  }
}

Value overflow(Context& context) { return context.fail(Reason::expression, "64-bit overflow"); }
Value by_zero(Context& context, Operator op) {
  return context.fail(op == Operator::divide ? "division by zero" : "modulus by zero");
}

Value int_arithmetic(Operator op, int64_t a, int64_t b, Context& context) {
  int64_t out = 0;
  switch (op) {
    case Operator::add:
      return __builtin_add_overflow(a, b, &out) ? overflow(context) : Value::integer(out);
    case Operator::subtract:
      return __builtin_sub_overflow(a, b, &out) ? overflow(context) : Value::integer(out);
    case Operator::multiply:
      return __builtin_mul_overflow(a, b, &out) ? overflow(context) : Value::integer(out);
    default:
      if (b == 0) return by_zero(context, op);
      if (b == -1) {
        if (a == INT64_MIN) return overflow(context);  // of % too, as CEL's implementations have it
        return Value::integer(op == Operator::divide ? -a : 0);
      }
      return Value::integer(op == Operator::divide ? a / b : a % b);
  }
}

Value uint_arithmetic(Operator op, uint64_t a, uint64_t b, Context& context) {
  uint64_t out = 0;
  switch (op) {
    case Operator::add:
      return __builtin_add_overflow(a, b, &out) ? overflow(context) : Value::unsigned_integer(out);
    case Operator::subtract:
      return __builtin_sub_overflow(a, b, &out) ? overflow(context) : Value::unsigned_integer(out);
    case Operator::multiply:
      return __builtin_mul_overflow(a, b, &out) ? overflow(context) : Value::unsigned_integer(out);
    default:
      if (b == 0) return by_zero(context, op);
      return Value::unsigned_integer(op == Operator::divide ? a / b : a % b);
  }
}

// int with uint: computed exactly; the result is uint, or int where it is negative.
Value mixed_arithmetic(Operator op, Int128 a, Int128 b, Context& context) {
  Int128 out = 0;
  switch (op) {
    case Operator::add:
      out = a + b;
      break;
    case Operator::subtract:
      out = a - b;
      break;
    case Operator::multiply:
      out = a * b;
      break;
    default:
      if (b == 0) return by_zero(context, op);
      out = op == Operator::divide ? a / b : a % b;
  }
  if (out < 0) return out < INT64_MIN ? overflow(context) : Value::integer(static_cast<int64_t>(out));
  return out > static_cast<Int128>(UINT64_MAX) ? overflow(context)
                                               : Value::unsigned_integer(static_cast<uint64_t>(out));
}

Value real_arithmetic(Operator op, double a, double b) {
  switch (op) {
    case Operator::add:
      return Value::real(a + b);
    case Operator::subtract:
      return Value::real(a - b);
    case Operator::multiply:
      return Value::real(a * b);
    default:
      return Value::real(a / b);
  }
}

Value concatenate(const Value& a, const Value& b, Context& context) {
  const auto x = a.as_string();
  const auto y = b.as_string();
  char* out = context.allocate(x.size() + y.size());
  if (!x.empty()) std::memcpy(out, x.data(), x.size());
  if (!y.empty()) std::memcpy(out + x.size(), y.data(), y.size());
  const std::string_view text(out, x.size() + y.size());
  return a.is_string() ? Value::string(text) : Value::bytes(text);
}

Value concatenate_lists(const ListValue& a, const ListValue& b, Context& context) {
  auto* items = context.allocate_array<Value>(a.size + b.size);
  for (size_t i = 0; i < a.size; ++i) items[i] = a.items[i];
  for (size_t i = 0; i < b.size; ++i) items[a.size + i] = b.items[i];
  return context.list(items, a.size + b.size);
}

Value checked_timestamp(Int128 nanoseconds, Context& context) {
  constexpr Int128 kSecond = 1'000'000'000;
  Int128 seconds = nanoseconds / kSecond;
  Int128 rest = nanoseconds % kSecond;
  if (rest < 0) {
    rest += kSecond;
    --seconds;
  }
  if (seconds < kMinSeconds || seconds > kMaxSeconds) return context.fail("the timestamp is out of range");
  return Value::timestamp(static_cast<int64_t>(seconds), static_cast<uint32_t>(rest));
}
Value checked_duration(Int128 nanoseconds, Context& context) {
  if (nanoseconds < INT64_MIN || nanoseconds > INT64_MAX) return context.fail("the duration is out of range");
  return Value::duration(static_cast<int64_t>(nanoseconds));
}
Int128 nanoseconds(const Value& v) {
  return v.kind() == Kind::duration ? static_cast<Int128>(v.duration_ns())
                                    : static_cast<Int128>(v.seconds()) * 1'000'000'000 + v.nanoseconds();
}

}  // namespace

std::string_view operator_text(Operator op) {
  constexpr std::string_view kTexts[] = {"+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "in"};
  return kTexts[static_cast<size_t>(op)];
}

Kinds operator_result(Operator op, Kind a, Kind b) {
  switch (op) {
    case Operator::equal:
    case Operator::not_equal:
      return bit(Kind::boolean);
    case Operator::in:
      return b == Kind::list || b == Kind::map ? bit(Kind::boolean) : 0;
    case Operator::less:
    case Operator::less_equal:
    case Operator::greater:
    case Operator::greater_equal: {
      if (is_number(a) && is_number(b)) return bit(Kind::boolean);
      constexpr Kinds kOrdered = bit(Kind::boolean) | bit(Kind::string) | bit(Kind::bytes) |
                                 bit(Kind::timestamp) | bit(Kind::duration);
      return a == b && (bit(a) & kOrdered) ? bit(Kind::boolean) : 0;
    }
    default:
      break;
  }
  if (is_number(a) && is_number(b)) {
    if (a == Kind::real || b == Kind::real) return op == Operator::modulo ? 0 : bit(Kind::real);
    return bit(a) | bit(b);
  }
  const bool plus = op == Operator::add;
  if (plus && a == b && (a == Kind::string || a == Kind::bytes || a == Kind::list)) return bit(a);
  if (plus || op == Operator::subtract) {
    if (a == Kind::duration && b == Kind::duration) return bit(Kind::duration);
    if (a == Kind::timestamp && b == Kind::duration) return bit(Kind::timestamp);
    if (plus && a == Kind::duration && b == Kind::timestamp) return bit(Kind::timestamp);
    if (!plus && a == Kind::timestamp && b == Kind::timestamp) return bit(Kind::duration);
  }
  return 0;
}

Value no_such_operation(Operator op, const Value& a, const Value& b, Context& context) {
  const bool is_text_and_number =
      op == Operator::add && ((a.is_string() && b.is_number()) || (a.is_number() && b.is_string()));
  return context.fail(Reason::wrong_type, "no such operation: " + std::string(friendly_name(a.kind())) + " " +
                                              std::string(operator_text(op)) + " " +
                                              std::string(friendly_name(b.kind())) +
                                              (is_text_and_number ? "; string(X) is a number's text" : ""));
}

Value arithmetic(Operator op, const Value& a, const Value& b, Context& context) {
  const Kind x = a.kind();
  const Kind y = b.kind();
  if (x == Kind::integer && y == Kind::integer) return int_arithmetic(op, a.as_int(), b.as_int(), context);
  if (operator_result(op, x, y) == 0 || (context.strict_numbers && is_number(x) && x != y))
    return no_such_operation(op, a, b, context);
  if (is_number(x)) {
    if (x == Kind::real || y == Kind::real) return real_arithmetic(op, to_real(a), to_real(b));
    if (x == y) return uint_arithmetic(op, a.as_uint(), b.as_uint(), context);
    const auto wide = [](const Value& v) {
      return v.kind() == Kind::integer ? static_cast<Int128>(v.as_int()) : static_cast<Int128>(v.as_uint());
    };
    return mixed_arithmetic(op, wide(a), wide(b), context);
  }
  if (x == Kind::string || x == Kind::bytes) return concatenate(a, b, context);
  if (x == Kind::list) return concatenate_lists(a.as_list(), b.as_list(), context);
  const Int128 sum = op == Operator::add ? nanoseconds(a) + nanoseconds(b) : nanoseconds(a) - nanoseconds(b);
  return (x == Kind::timestamp) != (y == Kind::timestamp) ? checked_timestamp(sum, context)
                                                          : checked_duration(sum, context);
}

Value negate(const Value& a, Context& context) {
  switch (a.kind()) {
    case Kind::integer:
      return a.as_int() == INT64_MIN ? overflow(context) : Value::integer(-a.as_int());
    case Kind::real:
      return Value::real(-a.as_double());
    default:
      return context.fail(Reason::wrong_type, "no such operation: -" + std::string(friendly_name(a.kind())));
  }
}

Value in_list_or_map(const Value& a, const Value& b, Context& context) {
  if (b.kind() == Kind::list) {
    const ListValue& list = b.as_list();
    if (list.size > 64) context.steps(list.size);
    context.work_through(std::min(weight(a) * list.size, list.weight));
    for (const Value& item : list) {
      if (equals(a, item)) return Value::boolean(true);
    }
    return Value::boolean(false);
  }
  if (b.kind() == Kind::map) {
    context.work_through(weight(a));
    return Value::boolean(find(b.as_map(), a) != nullptr);
  }
  return no_such_operation(Operator::in, a, b, context);
}

Value index(const Value& a, const Value& b, Context& context) {
  if (a.kind() == Kind::map) {
    context.work_through(weight(b));
    if (const Value* found = find(a.as_map(), b)) return *found;
    std::string shown;
    if (append_json(b, shown)) shown = "NaN";
    return context.fail(Reason::missing_field, "no such key: " + shortened(shown));
  }
  if (a.kind() == Kind::list) {
    int64_t at = 0;
    switch (b.kind()) {
      case Kind::integer:
        at = b.as_int();
        break;
      case Kind::unsigned_integer:
        at = b.as_uint() > static_cast<uint64_t>(INT64_MAX) ? INT64_MAX : static_cast<int64_t>(b.as_uint());
        break;
      case Kind::real: {
        const double d = b.as_double();
        if (!(std::fabs(d) < 9e15) || d != std::floor(d))
          return context.fail(Reason::wrong_type, "a list's index must be whole");
        at = static_cast<int64_t>(d);
        break;
      }
      default:
        return context.fail(Reason::wrong_type,
                            "a list's index must be int, not " + std::string(friendly_name(b.kind())));
    }
    const ListValue& list = a.as_list();
    if (at < 0 || static_cast<uint64_t>(at) >= list.size)
      return context.fail("index " + std::to_string(at) + " out of range of a list of " +
                          std::to_string(list.size));
    return list.items[at];
  }
  return context.fail(Reason::wrong_type, std::string(friendly_name(a.kind())) + " has no fields or items");
}

}  // namespace kutils::expr
