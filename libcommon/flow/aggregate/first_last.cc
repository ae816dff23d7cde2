#include "flow/aggregate/first_last.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "data/json_write.h"
#include "flow/aggregate/json_elements.h"
#include "flow/aggregate/typed_aggregate.h"

namespace kutils::flow {
namespace {

std::optional<RecordError> check_ordered(const char* function, const ScalarValue& argument) {
  if (argument.kind == ScalarValue::Kind::json)
    return RecordError{
        Reason::wrong_type,
        std::string(function) + "() compares numbers, strings, booleans or timestamps, not a list or object"};
  return std::nullopt;
}

class Extreme final : public TypedAggregate<OwnedScalar> {
 public:
  bool compares() const override { return true; }
  explicit Extreme(bool largest) : largest_(largest) {}
  std::optional<RecordError> check(const ScalarValue& argument) const override {
    return check_ordered(name(), argument);
  }
  bool may_refuse() const override { return true; }
  std::optional<RecordError> can_add(const void* state, const ScalarValue& argument) const override {
    if (of(state).is_null() || compare(argument, of(state).view())) return std::nullopt;
    return no_order(name(), argument, of(state).view());
  }
  void add(void* state, const ScalarValue& argument) const override {
    OwnedScalar& best = of(state);
    if (best.is_null() || better(argument, best.view())) best = argument;
  }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    const OwnedScalar& other = of(from);
    if (other.is_null()) return std::nullopt;
    if (auto refused = can_add(into, other.view())) return refused;
    add(into, other.view());
    return std::nullopt;
  }
  void add_risk(const void* state, MergeRisk& risk) const override { add_kind(of(state).view(), risk); }
  std::optional<Choice> choice() const override { return Choice{}; }
  bool has_value(const void* one) const override { return !of(one).is_null(); }
  int order(const void* a, const void* b) const override {
    const int larger = compare(of(a).view(), of(b).view()).value_or(0);
    return largest_ ? larger : -larger;
  }
  void result(const void* state, std::string& json) const override { append_json(of(state).view(), json); }
  void encode(const void* state, std::string& out) const override { flow::encode(of(state).view(), out); }
  void decode(void* state, Reader& in) const override { of(state) = decode_scalar(in); }

 private:
  const char* name() const { return largest_ ? "max" : "min"; }
  bool better(const ScalarValue& a, const ScalarValue& b) const {
    const int order = compare(a, b).value_or(0);
    return largest_ ? order > 0 : order < 0;
  }
  bool largest_;
};

class FirstOrLast : public TypedAggregate<OwnedScalar> {
 public:
  bool is_ordered() const override { return true; }
  bool has_value(const void* one) const override { return !of(one).is_null(); }
  void result(const void* state, std::string& json) const override { append_json(of(state).view(), json); }
  void encode(const void* state, std::string& out) const override { flow::encode(of(state).view(), out); }
  void decode(void* state, Reader& in) const override { of(state) = decode_scalar(in); }
};

class First final : public FirstOrLast {
 public:
  std::optional<Choice> choice() const override { return Choice{}; }
  void add(void* state, const ScalarValue& argument) const override {
    if (of(state).is_null()) of(state) = argument;
  }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    if (of(into).is_null()) of(into) = of(from).view();
    return std::nullopt;
  }
};

class Last final : public FirstOrLast {
 public:
  std::optional<Choice> choice() const override { return Choice{1, true}; }
  void add(void* state, const ScalarValue& argument) const override { of(state) = argument; }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    if (!of(from).is_null()) of(into) = of(from).view();
    return std::nullopt;
  }
};

// The newest n + 1 values; a ring once n + 1 have come.
struct Newest {
  std::vector<OwnedScalar> values;
  size_t oldest = 0;
};

class Lag final : public TypedAggregate<Newest>, public TakesNull {
 public:
  explicit Lag(size_t n) : n_(n) {}
  bool is_ordered() const override { return true; }
  std::optional<Choice> choice() const override { return Choice{n_ + 1, true}; }
  bool has_value(const void* one) const override { return !of(one).values.empty(); }
  void add(void* state, const ScalarValue& argument) const override {
    Newest& newest = of(state);
    if (newest.values.size() <= n_) return void(newest.values.emplace_back(argument));
    newest.values[newest.oldest] = argument;
    newest.oldest = (newest.oldest + 1) % newest.values.size();
  }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    for_each(from, [&](const ScalarValue& one) { add(into, one); });
    return std::nullopt;
  }
  void result(const void* state, std::string& json) const override {
    const Newest& newest = of(state);
    append_json(newest.values.size() > n_ ? newest.values[newest.oldest].view() : ScalarValue(), json);
  }
  void encode(const void* state, std::string& out) const override {
    put_varint(out, of(state).values.size());
    for_each(state, [&](const ScalarValue& one) { flow::encode(one, out); });
  }
  void decode(void* state, Reader& in) const override {
    for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) of(state).values.emplace_back(decode_scalar(in));
  }

 private:
  template <typename F>
  static void for_each(const void* state, const F& take) {
    const Newest& newest = of(state);
    for (size_t i = 0; i < newest.values.size(); ++i)
      take(newest.values[(newest.oldest + i) % newest.values.size()].view());
  }

  const size_t n_;
};

class Top final : public TypedAggregate<std::vector<OwnedScalar>> {
 public:
  bool compares() const override { return true; }
  explicit Top(size_t limit) : limit_(limit) {}
  std::optional<RecordError> check(const ScalarValue& argument) const override {
    return check_ordered("top", argument);
  }
  bool may_refuse() const override { return true; }
  std::optional<RecordError> can_add(const void* state, const ScalarValue& argument) const override {
    if (of(state).empty() || compare(argument, of(state).front().view())) return std::nullopt;
    return no_order("top", argument, of(state).front().view());
  }
  void add(void* state, const ScalarValue& argument) const override {
    std::vector<OwnedScalar>& best = of(state);
    const auto larger = [](const ScalarValue& a, const OwnedScalar& b) {
      return compare(a, b.view()).value_or(0) > 0;
    };
    const auto at = std::upper_bound(best.begin(), best.end(), argument, larger);
    if (best.size() == limit_) {
      if (at == best.end()) return;
      const auto position = at - best.begin();
      best.pop_back();
      best.insert(best.begin() + position, OwnedScalar(argument));
    } else {
      best.insert(at, OwnedScalar(argument));
    }
  }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    for (const OwnedScalar& one : of(from))
      if (auto refused = can_add(into, one.view())) return refused;
    if (of(from).size() == 1) {
      add(into, of(from).front().view());
      return std::nullopt;
    }
    merge_in_order(of(into), of(from), limit_, [](const OwnedScalar& a, const OwnedScalar& b) {
      return compare(a.view(), b.view()).value_or(0) > 0;
    });
    return std::nullopt;
  }
  // All of them compare, so that one speaks for them.
  void add_risk(const void* state, MergeRisk& risk) const override {
    if (!of(state).empty()) add_kind(of(state).front().view(), risk);
  }
  std::optional<Choice> choice() const override { return Choice{limit_}; }
  bool has_value(const void* one) const override { return !of(one).empty(); }
  int order(const void* a, const void* b) const override {
    return compare(of(a).front().view(), of(b).front().view()).value_or(0);
  }
  void result(const void* state, std::string& json) const override {
    json += '[';
    for (const OwnedScalar& one : of(state)) {
      if (json.back() != '[') json += ',';
      append_json(one.view(), json);
    }
    json += ']';
  }
  void encode(const void* state, std::string& out) const override {
    put_varint(out, of(state).size());
    for (const OwnedScalar& one : of(state)) flow::encode(one.view(), out);
  }
  void decode(void* state, Reader& in) const override {
    for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) of(state).emplace_back(decode_scalar(in));
  }

 private:
  size_t limit_;
};

struct Collected {
  uint64_t count = 0;
  std::string json;  // the elements, separated by commas
};

class Collect final : public TypedAggregate<Collected> {
 public:
  explicit Collect(size_t limit) : limit_(limit) {}
  bool is_ordered() const override { return true; }
  std::optional<Choice> choice() const override { return Choice{limit_}; }
  bool has_value(const void* one) const override { return of(one).count > 0; }
  void add(void* state, const ScalarValue& argument) const override {
    Collected& list = of(state);
    if (list.count == limit_) return;
    if (list.count++ > 0) list.json += ',';
    append_json(argument, list.json);
  }
  void absorb(void* into, void* from) const override {
    if (of(into).count == 0) return std::swap(of(into), of(from));
    (void)merge(into, from);
  }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    Collected& a = of(into);
    const Collected& b = of(from);
    if (b.count == 0) return std::nullopt;
    if (a.count + b.count <= limit_) {
      if (a.count > 0) a.json += ',';
      a.json += b.json;
      a.count += b.count;
      return std::nullopt;
    }
    // Only the first ones fit. The text has no brackets of its own around it.
    for_each_json_element("[" + b.json + "]", [&](std::string_view one) {
      if (a.count == limit_) return false;
      if (a.count++ > 0) a.json += ',';
      a.json += one;
      return true;
    });
    return std::nullopt;
  }
  void result(const void* state, std::string& json) const override {
    json.append("[").append(of(state).json).append("]");
  }
  void encode(const void* state, std::string& out) const override {
    put_varint(out, of(state).count);
    put_bytes(out, of(state).json);
  }
  void decode(void* state, Reader& in) const override {
    of(state).count = in.varint();
    of(state).json = in.bytes();
  }

 private:
  size_t limit_;
};

// Exact: every distinct value with the number of its records.
class Distinct final : public TypedAggregate<std::map<std::string, int64_t, std::less<>>> {
 public:
  void add(void* state, const ScalarValue& argument) const override { ++of(state)[canonical(argument)]; }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    for (const auto& [value, count] : of(from)) of(into)[value] += count;
    return std::nullopt;
  }
  void absorb(void* into, void* from) const override {
    if (of(into).size() < of(from).size()) std::swap(of(into), of(from));
    (void)merge(into, from);
  }
  bool has_unmerge() const override { return true; }
  void unmerge(void* into, const void* from) const override {
    for (const auto& [value, count] : of(from)) {
      const auto found = of(into).find(value);
      if (found != of(into).end() && (found->second -= count) == 0) of(into).erase(found);
    }
  }
  bool has_subtract() const override { return true; }
  void subtract(void* state, const ScalarValue& argument) const override {
    const auto found = of(state).find(canonical(argument));
    if (found != of(state).end() && --found->second == 0) of(state).erase(found);
  }
  void result(const void* state, std::string& json) const override {
    append_json_int(static_cast<int64_t>(of(state).size()), json);
  }
  void encode(const void* state, std::string& out) const override {
    put_varint(out, of(state).size());
    for (const auto& [value, count] : of(state)) {
      put_bytes(out, value);
      put_signed(out, count);
    }
  }
  void decode(void* state, Reader& in) const override {
    for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
      const std::string_view value = in.bytes();
      of(state).emplace_hint(of(state).end(), value, in.signed_varint());
    }
  }

 private:
  static std::string canonical(const ScalarValue& argument) {
    std::string text;
    append_canonical(argument, text);
    return text;
  }
};

}  // namespace

void add_kind(const ScalarValue& scalar, MergeRisk& risk) {
  if (scalar.is_null()) return;
  const bool is_nan = scalar.kind == ScalarValue::Kind::real && std::isnan(scalar.real);
  risk.add({0, is_nan               ? MergeRisk::kNan
               : scalar.is_number() ? 1U
                                    : 2U << static_cast<unsigned>(scalar.kind)});
}

RecordError no_order(std::string_view function, const ScalarValue& a, const ScalarValue& b) {
  return {Reason::wrong_type, std::string(function) + "(): cannot compare " + to_string(a.kind) + " with " +
                                  to_string(b.kind) + ", which came before"};
}

std::unique_ptr<Aggregate> make_extreme(bool largest) { return std::make_unique<Extreme>(largest); }
std::unique_ptr<Aggregate> make_first() { return std::make_unique<First>(); }
std::unique_ptr<Aggregate> make_last() { return std::make_unique<Last>(); }
std::unique_ptr<Aggregate> make_lag(size_t n) { return std::make_unique<Lag>(n); }
std::unique_ptr<Aggregate> make_top(size_t limit) { return std::make_unique<Top>(limit); }
std::unique_ptr<Aggregate> make_collect(size_t limit) { return std::make_unique<Collect>(limit); }
std::unique_ptr<Aggregate> make_distinct() { return std::make_unique<Distinct>(); }

}  // namespace kutils::flow
