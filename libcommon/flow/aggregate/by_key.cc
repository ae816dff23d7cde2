#include "flow/aggregate/by_key.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>
#include <vector>

#include "flow/aggregate/typed_aggregate.h"

namespace kutils::flow {
namespace {

struct Entry {
  OwnedScalar key;
  OwnedScalar value;
};

// The entries that go before all others, in their order; equal keys in the order of their records.
class ValuesByKey final : public TypedAggregate<std::vector<Entry>> {
 public:
  ValuesByKey(ByKey what, size_t limit) : what_(what), limit_(limit) {}

  std::optional<RecordError> check(const ScalarValue& argument) const override {
    if (!argument.key || argument.key->kind != ScalarValue::Kind::json) return std::nullopt;
    return RecordError{Reason::wrong_type,
                       std::string(name()) +
                           "() needs a key that is a number, string, boolean or timestamp, not a "
                           "list or object"};
  }
  bool compares() const override { return true; }
  bool is_ordered() const override { return true; }
  bool may_refuse() const override { return true; }
  std::optional<RecordError> can_add(const void* state, const ScalarValue& argument) const override {
    return argument.key ? can_take(of(state), *argument.key) : std::nullopt;
  }
  void add(void* state, const ScalarValue& argument) const override {
    if (argument.key) take(of(state), *argument.key, argument);
  }
  std::optional<RecordError> merge(void* into, const void* from) const override {
    if (of(from).empty()) return std::nullopt;
    if (auto refused = can_take(of(into), of(from).front().key.view())) return refused;  // as for all of them
    if (of(into).empty()) {
      of(into) = of(from);
    } else if (what_ == ByKey::max_all) {
      const int order_of_other = order(from, into);
      if (order_of_other > 0) of(into) = of(from);
      if (order_of_other == 0) of(into).insert(of(into).end(), of(from).begin(), of(from).end());
    } else if (what_ == ByKey::top && of(from).size() > 1) {
      merge_in_order(of(into), of(from), limit_, [this](const Entry& a, const Entry& b) {
        return order(a.key.view(), b.key.view()) > 0;
      });
    } else {
      for (const Entry& one : of(from)) take(of(into), one.key.view(), one.value.view());
    }
    return std::nullopt;
  }
  // All keys compare, so that one speaks for them.
  void absorb(void* into, void* from) const override {
    std::vector<Entry>&a = of(into), &b = of(from);
    if (a.empty() || b.empty() || what_ != ByKey::max_all)
      return a.empty() ? a.swap(b) : (void)merge(into, from);
    const int order_of_b = order(b.front().key.view(), a.front().key.view());
    if (order_of_b < 0) return;
    if (order_of_b > 0) return a.swap(b);
    if (a.size() < b.size()) {
      b.insert(b.begin(), std::make_move_iterator(a.begin()), std::make_move_iterator(a.end()));
      a.swap(b);
    } else {
      a.insert(a.end(), std::make_move_iterator(b.begin()), std::make_move_iterator(b.end()));
    }
  }
  void add_risk(const void* state, MergeRisk& risk) const override {
    if (!of(state).empty()) add_kind(of(state).front().key.view(), risk);
  }
  std::optional<Choice> choice() const override {
    if (what_ == ByKey::top) return Choice{limit_};
    if (what_ == ByKey::max_all) return Choice{std::numeric_limits<size_t>::max(), false, true};
    return Choice{1, what_ == ByKey::last};
  }
  bool has_value(const void* one) const override { return !of(one).empty(); }
  int order(const void* a, const void* b) const override {
    return order(of(a).front().key.view(), of(b).front().key.view());
  }
  void result(const void* state, std::string& json) const override {
    const std::vector<Entry>& entries = of(state);
    if (what_ != ByKey::top && what_ != ByKey::max_all) {
      append_json(entries.empty() ? ScalarValue() : entries.front().value.view(), json);
      return;
    }
    json += '[';
    for (const Entry& one : entries) {
      if (&one != &entries.front()) json += ',';
      append_json(one.value.view(), json);
    }
    json += ']';
  }
  void encode(const void* state, std::string& out) const override {
    put_varint(out, of(state).size());
    for (const Entry& one : of(state)) {
      flow::encode(one.key.view(), out);
      flow::encode(one.value.view(), out);
    }
  }
  void decode(void* state, Reader& in) const override {
    for (uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
      Entry one;
      one.key = decode_scalar(in);
      one.value = decode_scalar(in);
      of(state).push_back(std::move(one));
    }
  }

 private:
  const char* name() const {
    static const char* const kNames[] = {"max_by", "min_by", "max_all_by", "first_by", "last_by", "top_by"};
    return kNames[static_cast<size_t>(what_)];
  }
  // Positive: `a` goes before `b`.
  int order(const ScalarValue& a, const ScalarValue& b) const {
    const int larger = compare(a, b).value_or(0);
    return what_ == ByKey::min || what_ == ByKey::first ? -larger : larger;
  }
  std::optional<RecordError> can_take(const std::vector<Entry>& entries, const ScalarValue& key) const {
    if (entries.empty() || compare(key, entries.front().key.view())) return std::nullopt;
    return no_order(name(), key, entries.front().key.view());
  }
  void take(std::vector<Entry>& entries, const ScalarValue& key, const ScalarValue& value) const {
    if (what_ == ByKey::top) {
      const auto at = std::upper_bound(
          entries.begin(), entries.end(), key,
          [this](const ScalarValue& a, const Entry& b) { return order(a, b.key.view()) > 0; });
      if (at == entries.end() && entries.size() == limit_) return;
      entries.insert(at, Entry{key, value});
      if (entries.size() > limit_) entries.pop_back();
      return;
    }
    const int before = entries.empty() ? 1 : order(key, entries.front().key.view());
    if (before > 0 || (before == 0 && what_ == ByKey::last)) entries.clear();
    if (entries.empty() || (before == 0 && what_ == ByKey::max_all)) entries.push_back(Entry{key, value});
  }

  const ByKey what_;
  const size_t limit_;
};

}  // namespace

std::unique_ptr<Aggregate> make_by_key(ByKey what, size_t limit) {
  return std::make_unique<ValuesByKey>(what, limit);
}

}  // namespace kutils::flow
