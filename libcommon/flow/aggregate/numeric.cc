#include "flow/aggregate/numeric.h"

#include <cmath>
#include <vector>

#include "data/json_write.h"
#include "flow/aggregate/typed_aggregate.h"

namespace kutils::flow {
namespace {

class Count final : public TypedAggregate<int64_t> {
 public:
  void add(void* state, const ScalarValue&) const override { ++of(state); }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    of(into) += of(from);
    return std::nullopt;
  }
  bool has_subtract() const override { return true; }
  void subtract(void* state, const ScalarValue&) const override { --of(state); }
  void result(const void* state, std::string& json) const override { append_json_int(of(state), json); }
  void encode(const void* state, std::string& out) const override { put_signed(out, of(state)); }
  void decode(void* state, Reader& in) const override { of(state) = in.signed_varint(); }
};

// A sum that is an exact integer until a double comes, then a compensated sum of doubles: Neumaier's variant
// of Kahan's algorithm (A. Neumaier, ZAMM 54, 1974).
struct Total {
  int64_t count = 0;
  int64_t integer = 0;
  double sum = 0;
  double compensation = 0;
  bool is_real = false;

  double real() const { return static_cast<double>(integer) + (sum + compensation); }
  void add_real(double value) {
    is_real = true;
    const double next = sum + value;
    compensation += std::fabs(sum) >= std::fabs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
  }
  bool integer_fits(int64_t value, bool negative) const {
    int64_t ignored;
    return negative ? !__builtin_sub_overflow(integer, value, &ignored)
                    : !__builtin_add_overflow(integer, value, &ignored);
  }
  // Nothing left: no rest of rounding stays behind.
  void settle() {
    if (count == 0) *this = Total();
  }
};

class TotalAggregate : public TypedAggregate<Total> {
 public:
  explicit TotalAggregate(const char* name) : name_(name) {}
  std::optional<RecordError> check(const ScalarValue& argument) const override {
    if (!argument.is_number()) return needs_number(name_, argument);
    if (argument.kind == ScalarValue::Kind::unsigned_integer) return sum_overflow(name_);
    return std::nullopt;
  }
  bool may_refuse() const override { return true; }
  std::optional<RecordError> can_add(const void* state, const ScalarValue& argument) const override {
    return can(of(state), argument, false);
  }
  void add(void* state, const ScalarValue& argument) const override {
    Total& total = of(state);
    ++total.count;
    if (argument.kind == ScalarValue::Kind::integer) {
      total.integer += argument.integer;
    } else {
      total.add_real(argument.real);
    }
  }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    Total& a = of(into);
    const Total& b = of(from);
    if (!a.integer_fits(b.integer, false)) return sum_overflow(name_);
    a.count += b.count;
    a.integer += b.integer;
    if (b.is_real) {
      a.add_real(b.sum);
      a.add_real(b.compensation);
      if (!std::isfinite(a.real())) return sum_overflow(name_);
    }
    return std::nullopt;
  }
  std::optional<RecordError> merge_part(void* into, const void* from) const override {
    Total& a = of(into);
    const Total& b = of(from);
    a.count += b.count;
    // Modulo 2^64: right in the end, where the whole fits.
    a.integer = static_cast<int64_t>(static_cast<uint64_t>(a.integer) + static_cast<uint64_t>(b.integer));
    if (!b.is_real) return std::nullopt;
    a.add_real(b.sum);
    a.add_real(b.compensation);
    return std::isfinite(a.real()) ? std::nullopt : std::optional(sum_overflow(name_));
  }
  std::optional<RecordError> refuses(const MergeRisk& all) const override {
    if (all.whole == static_cast<int64_t>(all.whole)) return std::nullopt;
    return sum_overflow(name_);
  }
  double reach(const ScalarValue& argument) const override {
    return argument.kind == ScalarValue::Kind::integer
               ? std::fabs(static_cast<double>(argument.integer)) / kInteger
               : std::fabs(argument.real) / kReal;
  }
  void add_risk(const void* state, MergeRisk& risk) const override {
    const Total& total = of(state);
    const double whole = std::fabs(static_cast<double>(total.integer)) / kInteger;
    risk.add(
        {whole + (std::fabs(total.sum) + std::fabs(total.compensation)) / kReal, 0, whole, total.integer});
  }
  bool has_subtract() const override { return true; }
  std::optional<RecordError> can_subtract(const void* state, const ScalarValue& argument) const override {
    return can(of(state), argument, true);
  }
  void subtract(void* state, const ScalarValue& argument) const override {
    Total& total = of(state);
    --total.count;
    if (argument.kind == ScalarValue::Kind::integer) {
      total.integer -= argument.integer;
    } else {
      total.add_real(-argument.real);
    }
    total.settle();
  }
  void encode(const void* state, std::string& out) const override {
    const Total& total = of(state);
    put_signed(out, total.count);
    put_signed(out, total.integer);
    out.push_back(total.is_real ? 1 : 0);
    if (!total.is_real) return;
    put_double(out, total.sum);
    put_double(out, total.compensation);
  }
  void decode(void* state, Reader& in) const override {
    Total& total = of(state);
    total.count = in.signed_varint();
    total.integer = in.signed_varint();
    total.is_real = in.byte() != 0;
    if (!total.is_real) return;
    total.sum = in.real();
    total.compensation = in.real();
  }

 private:
  static constexpr double kInteger = 9e18, kReal = 8e307;  // the room, less than there is

  std::optional<RecordError> can(const Total& total, const ScalarValue& argument, bool negative) const {
    if (argument.kind == ScalarValue::Kind::integer) {
      if (!total.integer_fits(argument.integer, negative)) return sum_overflow(name_);
    } else if (!std::isfinite(total.real() + (negative ? -argument.real : argument.real))) {
      return sum_overflow(name_);
    }
    return std::nullopt;
  }
  const char* name_;
};

class Sum final : public TotalAggregate {
 public:
  Sum() : TotalAggregate("sum") {}
  void result(const void* state, std::string& json) const override {
    const Total& total = of(state);
    if (!total.is_real) {
      append_json_int(total.integer, json);
    } else if (!append_json_double(total.real(), json)) {
      json += "null";
    }
  }
};

class Average final : public TotalAggregate {
 public:
  Average() : TotalAggregate("avg") {}
  void result(const void* state, std::string& json) const override {
    const Total& total = of(state);
    if (total.count == 0 || !append_json_double(total.real() / static_cast<double>(total.count), json))
      json += "null";
  }
};

// B. P. Welford, Technometrics 4 (1962); merged as by Chan, Golub and LeVeque (1979).
struct Moments {
  int64_t count = 0;
  double mean = 0;
  double squares = 0;  // sum of squared distances from the mean
};

// Values in the order of their records.
class Values final : public TypedAggregate<std::vector<double>> {
 public:
  void add(void* state, const ScalarValue& argument) const override {
    of(state).push_back(argument.as_double());
  }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    of(into).insert(of(into).end(), of(from).begin(), of(from).end());
    return std::nullopt;
  }
  void result(const void*, std::string& json) const override { json += "null"; }
  void encode(const void* state, std::string& out) const override {
    put_varint(out, of(state).size());
    for (const double value : of(state)) {
      const auto whole = is_small_integer(value) ? static_cast<int64_t>(value) : kNotSmall;
      put_signed(out, whole);
      if (whole == kNotSmall) put_double(out, value);
    }
  }
  void decode(void* state, Reader& in) const override {
    for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
      const int64_t whole = in.signed_varint();
      of(state).push_back(whole == kNotSmall ? in.real() : static_cast<double>(whole));
    }
  }
  static const std::vector<double>& values(const void* state) { return of(state); }

 private:
  static constexpr int64_t kNotSmall = -64;  // one byte
  static bool is_small_integer(double value) {
    return value > -64 && value < (int64_t{1} << 40) && value == std::floor(value) &&
           !(value == 0 && std::signbit(value));
  }
};

// The sample variance, or its square root.
class Deviation final : public TypedAggregate<Moments> {
 public:
  explicit Deviation(bool is_root) : is_root_(is_root) {}
  bool is_ordered() const override { return true; }  // its last digits depend on it
  std::unique_ptr<Aggregate> front() const override { return std::make_unique<Values>(); }
  std::optional<RecordError> merge_front(void* into, const void* from) const override {
    for (const double value : Values::values(from)) add_value(of(into), value);
    return std::nullopt;
  }
  std::optional<RecordError> check(const ScalarValue& argument) const override {
    if (!argument.is_number()) return needs_number(is_root_ ? "stddev" : "variance", argument);
    return std::nullopt;
  }
  void add(void* state, const ScalarValue& argument) const override {
    add_value(of(state), argument.as_double());
  }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    Moments& a = of(into);
    const Moments& b = of(from);
    if (b.count == 0) return std::nullopt;
    const auto na = static_cast<double>(a.count), nb = static_cast<double>(b.count);
    const double delta = b.mean - a.mean;
    a.squares += b.squares + delta * delta * na * nb / (na + nb);
    a.mean += delta * nb / (na + nb);
    a.count += b.count;
    return std::nullopt;
  }
  bool has_subtract() const override { return true; }
  void subtract(void* state, const ScalarValue& argument) const override {
    Moments& m = of(state);
    if (--m.count <= 0) {
      m = Moments();
      return;
    }
    const double value = argument.as_double();
    const double delta = value - m.mean;
    m.mean -= delta / static_cast<double>(m.count);
    m.squares = std::max(0.0, m.squares - delta * (value - m.mean));
  }
  void result(const void* state, std::string& json) const override {
    const Moments& m = of(state);
    const double variance = m.count < 2 ? NAN : m.squares / static_cast<double>(m.count - 1);
    if (m.count < 2 || !append_json_double(is_root_ ? std::sqrt(variance) : variance, json)) json += "null";
  }
  void encode(const void* state, std::string& out) const override {
    const Moments& m = of(state);
    put_signed(out, m.count);
    put_double(out, m.mean);
    put_double(out, m.squares);
  }
  void decode(void* state, Reader& in) const override {
    Moments& m = of(state);
    m.count = in.signed_varint();
    m.mean = in.real();
    m.squares = in.real();
  }

 private:
  static void add_value(Moments& m, double value) {
    ++m.count;
    const double delta = value - m.mean;
    m.mean += delta / static_cast<double>(m.count);
    m.squares += delta * (value - m.mean);
  }
  bool is_root_;
};

}  // namespace

std::unique_ptr<Aggregate> make_count() { return std::make_unique<Count>(); }
std::unique_ptr<Aggregate> make_sum() { return std::make_unique<Sum>(); }
std::unique_ptr<Aggregate> make_avg() { return std::make_unique<Average>(); }
std::unique_ptr<Aggregate> make_stddev() { return std::make_unique<Deviation>(true); }
std::unique_ptr<Aggregate> make_variance() { return std::make_unique<Deviation>(false); }

}  // namespace kutils::flow
