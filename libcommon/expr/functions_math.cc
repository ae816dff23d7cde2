// CEL's math extension.
#include <cmath>

#include "expr/registry.h"

namespace kutils::expr {
namespace {

using Arguments = const Value*;

Value extreme(Context& context, const Value* items, size_t n, int wanted) {
  if (n == 0) return context.fail("an empty list has neither greatest nor least");
  context.steps(n);
  Value best = items[0];
  for (size_t i = 0; i < n; ++i) {
    if (!items[i].is_number())
      return context.fail(Reason::wrong_type, "greatest and least are for numbers, not " +
                                                  std::string(friendly_name(items[i].kind())));
    const auto order = compare(items[i], best);
    if (order && order->unordered && n > 1) return context.fail("NaN is neither greater nor less");
    if (order && order->sign == wanted) best = items[i];
  }
  return best;
}
template <int wanted>
Value extreme_of(Context& context, Arguments a, size_t n) {
  if (n == 1 && a[0].kind() == Kind::list)
    return extreme(context, a[0].as_list().items, a[0].as_list().size, wanted);
  return extreme(context, a, n, wanted);
}

template <double (*function)(double)>
Value of_double(Context&, Arguments a, size_t) {
  return Value::real(function(a[0].as_double()));
}
double round_half_away(double d) { return std::round(d); }
double ceil_(double d) { return std::ceil(d); }
double floor_(double d) { return std::floor(d); }
double trunc_(double d) { return std::trunc(d); }

Value abs_(Context& context, Arguments a, size_t) {
  switch (a[0].kind()) {
    case Kind::integer:
      if (a[0].as_int() == INT64_MIN) return context.fail("64-bit overflow");
      return Value::integer(a[0].as_int() < 0 ? -a[0].as_int() : a[0].as_int());
    case Kind::real:
      return Value::real(std::fabs(a[0].as_double()));
    default:
      return a[0];
  }
}

Value sign(Context&, Arguments a, size_t) {
  switch (a[0].kind()) {
    case Kind::integer:
      return Value::integer(a[0].as_int() > 0 ? 1 : a[0].as_int() < 0 ? -1 : 0);
    case Kind::unsigned_integer:
      return Value::unsigned_integer(a[0].as_uint() > 0 ? 1 : 0);
    default: {
      const double d = a[0].as_double();
      return Value::real(std::isnan(d) ? d : d > 0 ? 1 : d < 0 ? -1 : 0);
    }
  }
}

Value is_nan(Context&, Arguments a, size_t) { return Value::boolean(std::isnan(a[0].as_double())); }
Value is_inf(Context&, Arguments a, size_t) { return Value::boolean(std::isinf(a[0].as_double())); }
Value is_finite(Context&, Arguments a, size_t) { return Value::boolean(std::isfinite(a[0].as_double())); }
double as_real(const Value& value) {
  return value.kind() == Kind::real      ? value.as_double()
         : value.kind() == Kind::integer ? static_cast<double>(value.as_int())
                                         : static_cast<double>(value.as_uint());
}
Value square_root(Context&, Arguments a, size_t) { return Value::real(std::sqrt(as_real(a[0]))); }
Value power(Context&, Arguments a, size_t) { return Value::real(std::pow(as_real(a[0]), as_real(a[1]))); }
Value exponential(Context&, Arguments a, size_t) { return Value::real(std::exp(as_real(a[0]))); }
// To base 2 and 10 exactly where the result is whole.
Value logarithm(Context&, Arguments a, size_t n) {
  const double d = as_real(a[0]);
  if (n == 1) return Value::real(std::log(d));
  const double base = as_real(a[1]);
  if (base == 2) return Value::real(std::log2(d));
  if (base == 10) return Value::real(std::log10(d));
  return Value::real(std::log(d) / std::log(base));
}

template <typename Operation>
Value bits(const Value& a, const Value& b, Operation operation) {
  if (a.kind() == Kind::integer)
    return Value::integer(static_cast<int64_t>(
        operation(static_cast<uint64_t>(a.as_int()), static_cast<uint64_t>(b.as_int()))));
  return Value::unsigned_integer(operation(a.as_uint(), b.as_uint()));
}
Value bit_and(Context&, Arguments a, size_t) {
  return bits(a[0], a[1], [](uint64_t x, uint64_t y) { return x & y; });
}
Value bit_or(Context&, Arguments a, size_t) {
  return bits(a[0], a[1], [](uint64_t x, uint64_t y) { return x | y; });
}
Value bit_xor(Context&, Arguments a, size_t) {
  return bits(a[0], a[1], [](uint64_t x, uint64_t y) { return x ^ y; });
}
Value bit_not(Context&, Arguments a, size_t) {
  return bits(a[0], a[0], [](uint64_t x, uint64_t) { return ~x; });
}

// The right shift is logical for int too.
template <bool left>
Value shift(Context& context, Arguments a, size_t) {
  if (a[1].as_int() < 0) return context.fail("a shift by a negative offset");
  const auto n = static_cast<uint64_t>(a[1].as_int());
  return bits(a[0], a[0], [n](uint64_t x, uint64_t) { return n >= 64 ? 0 : left ? x << n : x >> n; });
}

}  // namespace

std::span<const Function> math_functions() {
  static const std::vector<Function> kTable = {
      {"math.greatest",
       Form::function,
       {{kNumbers, {kNumbers | kList}, extreme_of<1>}, {kNumbers, {kNumbers, kNumbers}, extreme_of<1>, true}},
       "math.greatest(NUMBER...) or (LIST) -> number",
       "the largest",
       "math.greatest(1, 3, 2) == 3"},
      {"math.least",
       Form::function,
       {{kNumbers, {kNumbers | kList}, extreme_of<-1>},
        {kNumbers, {kNumbers, kNumbers}, extreme_of<-1>, true}},
       "math.least(NUMBER...) or (LIST) -> number",
       "the smallest",
       "math.least([3, 1.5, 2]) == 1.5"},
      {"math.ceil",
       Form::function,
       {{kDouble, {kDouble}, of_double<ceil_>}},
       "math.ceil(DOUBLE) -> double",
       "rounded up",
       "math.ceil(1.2) == 2.0"},
      {"math.floor",
       Form::function,
       {{kDouble, {kDouble}, of_double<floor_>}},
       "math.floor(DOUBLE) -> double",
       "rounded down",
       "math.floor(1.8) == 1.0"},
      {"math.round",
       Form::function,
       {{kDouble, {kDouble}, of_double<round_half_away>}},
       "math.round(DOUBLE) -> double",
       "to the nearest whole number, halves away from zero",
       "math.round(1.5) == 2.0 && math.round(-1.5) == -2.0"},
      {"math.trunc",
       Form::function,
       {{kDouble, {kDouble}, of_double<trunc_>}},
       "math.trunc(DOUBLE) -> double",
       "rounded towards zero",
       "math.trunc(-1.8) == -1.0"},
      {"math.abs",
       Form::function,
       {{kInt, {kInt}, abs_}, {kUint, {kUint}, abs_}, {kDouble, {kDouble}, abs_}},
       "math.abs(NUMBER) -> number",
       "the absolute value",
       "math.abs(-3) == 3"},
      {"math.sign",
       Form::function,
       {{kInt, {kInt}, sign}, {kUint, {kUint}, sign}, {kDouble, {kDouble}, sign}},
       "math.sign(NUMBER) -> number",
       "-1, 0 or 1",
       "math.sign(-0.5) == -1.0"},
      {"math.isNaN",
       Form::function,
       {{kBool, {kDouble}, is_nan}},
       "math.isNaN(DOUBLE) -> bool",
       "whether it is NaN, not a number",
       "math.isNaN(0.0 / 0.0)"},
      {"math.isInf",
       Form::function,
       {{kBool, {kDouble}, is_inf}},
       "math.isInf(DOUBLE) -> bool",
       "whether it is infinite",
       "math.isInf(1.0 / 0.0)"},
      {"math.isFinite",
       Form::function,
       {{kBool, {kDouble}, is_finite}},
       "math.isFinite(DOUBLE) -> bool",
       "whether it is neither NaN nor infinite",
       "math.isFinite(1.0)"},
      {"math.sqrt",
       Form::function,
       {{kDouble, {kNumbers}, square_root}},
       "math.sqrt(NUMBER) -> double",
       "the square root",
       "math.sqrt(81) == 9.0"},
      {"math.pow",
       Form::function,
       {{kDouble, {kNumbers, kNumbers}, power}},
       "math.pow(BASE, EXPONENT) -> double",
       "BASE to the power of EXPONENT",
       "math.pow(2, 10) == 1024.0",
       true},
      {"math.exp",
       Form::function,
       {{kDouble, {kNumbers}, exponential}},
       "math.exp(NUMBER) -> double",
       "e to the power of the number",
       "math.exp(0) == 1.0",
       true},
      {"math.log",
       Form::function,
       {{kDouble, {kNumbers}, logarithm}, {kDouble, {kNumbers, kNumbers}, logarithm}},
       "math.log(NUMBER[, BASE]) -> double",
       "the logarithm, to the base e if none is given",
       "math.log(1) == 0.0 && math.log(1000, 10) == 3.0",
       true},
      {"math.bitAnd",
       Form::function,
       {{kInt, {kInt, kInt}, bit_and}, {kUint, {kUint, kUint}, bit_and}},
       "math.bitAnd(A, B) -> int or uint",
       "bits that are set in both",
       "math.bitAnd(3, 5) == 1",
       false,
       false,
       true},
      {"math.bitOr",
       Form::function,
       {{kInt, {kInt, kInt}, bit_or}, {kUint, {kUint, kUint}, bit_or}},
       "math.bitOr(A, B) -> int or uint",
       "bits that are set in either",
       "math.bitOr(1, 2) == 3",
       false,
       false,
       true},
      {"math.bitXor",
       Form::function,
       {{kInt, {kInt, kInt}, bit_xor}, {kUint, {kUint, kUint}, bit_xor}},
       "math.bitXor(A, B) -> int or uint",
       "bits that are set in one of the two",
       "math.bitXor(3, 5) == 6",
       false,
       false,
       true},
      {"math.bitNot",
       Form::function,
       {{kInt, {kInt}, bit_not}, {kUint, {kUint}, bit_not}},
       "math.bitNot(A) -> int or uint",
       "all bits inverted",
       "math.bitNot(1) == -2",
       false,
       false,
       true},
      {"math.bitShiftLeft",
       Form::function,
       {{kInt, {kInt, kInt}, shift<true>}, {kUint, {kUint, kInt}, shift<true>}},
       "math.bitShiftLeft(A, INT) -> int or uint",
       "bits shifted to the left",
       "math.bitShiftLeft(1, 3) == 8",
       false,
       false,
       true},
      {"math.bitShiftRight",
       Form::function,
       {{kInt, {kInt, kInt}, shift<false>}, {kUint, {kUint, kInt}, shift<false>}},
       "math.bitShiftRight(A, INT) -> int or uint",
       "bits shifted to the right, filled with zeros",
       "math.bitShiftRight(1024, 2) == 256",
       false,
       false,
       true},
  };
  return kTable;
}

}  // namespace kutils::expr
