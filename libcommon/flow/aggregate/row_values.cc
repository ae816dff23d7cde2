#include "flow/aggregate/row_values.h"

#include <limits>
#include <map>
#include <string>
#include <utility>

#include "flow/aggregate/typed_aggregate.h"

namespace kutils::flow {
namespace {

constexpr size_t kMaxBytes = size_t{256} << 10;

// What a row is ordered by, and what is shown of it: JSON text.
struct Value {
  OwnedScalar key;
  std::string shown;
};

struct Before {
  bool operator()(const Value& a, const Value& b) const {
    const ScalarValue left = a.key.view(), right = b.key.view();
    const int kinds = rank(left) - rank(right);
    if (kinds != 0) return kinds < 0;
    const int order = compare(left, right).value_or(0);
    return order != 0 ? order < 0 : a.shown < b.shown;
  }
  // Kinds that have no order between them: for collect, which takes all.
  static int rank(const ScalarValue& value) { return value.is_number() ? -1 : static_cast<int>(value.kind); }
};

struct Values {
  std::map<Value, int64_t, Before> rows;  // with how many rows have it
  size_t bytes = 0;                       // about what they take in the state
};

class OfRows final : public TypedAggregate<Values> {
 public:
  OfRows(RowValues what, size_t limit) : what_(what), limit_(limit) {}

  std::optional<RecordError> check(const ScalarValue& argument) const override {
    if (what_ == RowValues::collect || key_of(argument).kind != ScalarValue::Kind::json) return std::nullopt;
    return RecordError{Reason::wrong_type, std::string(name()) +
                                               "() compares numbers, strings, booleans or timestamps, not a "
                                               "list or object"};
  }
  bool compares() const override { return what_ != RowValues::collect; }
  bool may_refuse() const override { return true; }
  std::optional<RecordError> can_add(const void* state, const ScalarValue& argument) const override {
    return can_take(of(state), value_of(argument));
  }
  void add(void* state, const ScalarValue& argument) const override {
    take(of(state), value_of(argument), 1);
  }
  bool has_subtract() const override { return true; }
  void subtract(void* state, const ScalarValue& argument) const override {
    Values& values = of(state);
    const auto found = values.rows.find(value_of(argument));
    if (found == values.rows.end() || --found->second > 0) return;
    values.bytes -= size_of(found->first);
    values.rows.erase(found);
  }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    for (const auto& [value, count] : of(from).rows) {
      if (auto refused = can_take(of(into), value)) return refused;
      take(of(into), Value(value), count);
    }
    return std::nullopt;
  }
  void result(const void* state, std::string& json) const override {
    const auto& rows = of(state).rows;
    const bool is_list = what_ == RowValues::top || what_ == RowValues::collect ||
                         what_ == RowValues::top_by || what_ == RowValues::max_all_by;
    if (!is_list) {
      json += rows.empty()       ? "null"
              : takes_smallest() ? rows.begin()->first.shown
                                 : largest(rows)->first.shown;
      return;
    }
    json += '[';
    size_t left = limit_;
    const auto append = [&](const auto& row) {
      for (int64_t i = 0; i < row.second && left > 0; ++i, --left) {
        if (left != limit_) json += ',';
        json += row.first.shown;
      }
    };
    if (what_ == RowValues::collect) {
      for (auto at = rows.begin(); at != rows.end() && left > 0; ++at) append(*at);
    } else if (!rows.empty()) {
      // From the largest key on, those of one key in their order.
      for (auto end = rows.end(); end != rows.begin() && left > 0;) {
        const auto begin = first_of_key(rows, std::prev(end));
        for (auto at = begin; at != end && left > 0; ++at) append(*at);
        if (what_ == RowValues::max_all_by) break;
        end = begin;
      }
    }
    json += ']';
  }
  void encode(const void* state, std::string& out) const override {
    put_varint(out, of(state).rows.size());
    for (const auto& [value, count] : of(state).rows) {
      flow::encode(value.key.view(), out);
      if (goes_by_key()) put_bytes(out, value.shown);
      put_signed(out, count);
    }
  }
  void decode(void* state, Reader& in) const override {
    for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
      Value value;
      value.key = decode_scalar(in);
      if (goes_by_key()) {
        value.shown = in.bytes();
      } else {
        append_json(value.key.view(), value.shown);
      }
      take(of(state), std::move(value), in.signed_varint());
    }
  }

 private:
  using Rows = std::map<Value, int64_t, Before>;

  const char* name() const {
    static const char* const kNames[] = {"min",    "max",    "top",        "collect",
                                         "min_by", "max_by", "max_all_by", "top_by"};
    return kNames[static_cast<size_t>(what_)];
  }
  bool goes_by_key() const { return what_ >= RowValues::min_by; }
  bool takes_smallest() const { return what_ == RowValues::min || what_ == RowValues::min_by; }

  static Rows::const_iterator first_of_key(const Rows& rows, Rows::const_iterator of_it) {
    return rows.lower_bound(Value{of_it->first.key, {}});  // no text goes before the empty one
  }
  static Rows::const_iterator largest(const Rows& rows) { return first_of_key(rows, std::prev(rows.end())); }

  const ScalarValue& key_of(const ScalarValue& argument) const {
    return goes_by_key() && argument.key != nullptr ? *argument.key : argument;
  }
  Value value_of(const ScalarValue& argument) const {
    Value value;
    value.key = key_of(argument);
    append_json(argument, value.shown);
    return value;
  }
  static size_t size_of(const Value& value) { return value.key.view().text.size() + value.shown.size() + 12; }

  std::optional<RecordError> can_take(const Values& values, const Value& value) const {
    if (what_ != RowValues::collect && !values.rows.empty()) {
      const ScalarValue key = value.key.view(), other = values.rows.begin()->first.key.view();
      if (!compare(key, other)) return no_order(name(), key, other);
    }
    if (values.bytes + size_of(value) <= kMaxBytes || values.rows.count(value) > 0) return std::nullopt;
    return RecordError{Reason::overflow,
                       std::string(name()) +
                           "() of a table's rows keeps their values: those of this group would "
                           "take more than 256 KiB"};
  }
  void take(Values& values, Value value, int64_t count) const {
    const size_t bytes = size_of(value);
    const auto [at, is_new] = values.rows.try_emplace(std::move(value), 0);
    at->second += count;
    if (is_new) values.bytes += bytes;
  }

  const RowValues what_;
  const size_t limit_;
};

}  // namespace

std::unique_ptr<Aggregate> make_row_values(RowValues what, size_t limit) {
  if (what == RowValues::max_all_by) limit = std::numeric_limits<size_t>::max();
  return std::make_unique<OfRows>(what, limit);
}

}  // namespace kutils::flow
