// CEL's lists and sets extensions.
#include <algorithm>

#include "expr/operators.h"
#include "expr/registry.h"

namespace kutils::expr {
namespace {

using Arguments = const Value*;

// A set of values by equality: open addressing over pointers, gone with the call. Values of one hash that are
// unequal (NaN is, to itself) make it slow, so each place that is looked at counts.
class ValueSet {
 public:
  ValueSet(Context& context, const ListValue& list) : context_(context) {
    while (mask_ + 1 < 2 * list.size) mask_ = 2 * mask_ + 1;
    context.charge((mask_ + 1) * sizeof(const Value*));
    context.steps(list.size);
    context.work_through(list.weight);
    places_.resize(mask_ + 1);
  }
  // False: an equal one is there. Values that differ from themselves (NaN) are always new.
  bool insert(const Value& value) {
    size_t at = hash(value) & mask_;
    for (; places_[at]; at = (at + 1) & mask_) {
      context_.steps();
      if (equals(*places_[at], value)) return false;
    }
    places_[at] = &value;
    return true;
  }
  bool has(const Value& value) const {
    context_.steps(1 + weight(value) / kStepBytes);
    for (size_t at = hash(value) & mask_; places_[at]; at = (at + 1) & mask_) {
      context_.steps();
      if (equals(*places_[at], value)) return true;
    }
    return false;
  }

 private:
  Context& context_;
  size_t mask_ = 7;
  std::vector<const Value*> places_;
};

bool contains_all(Context& context, const ListValue& list, const ListValue& wanted) {
  ValueSet set(context, list);
  for (const Value& item : list) set.insert(item);
  return std::all_of(wanted.begin(), wanted.end(), [&](const Value& item) { return set.has(item); });
}
Value sets_contains(Context& context, Arguments a, size_t) {
  return Value::boolean(contains_all(context, a[0].as_list(), a[1].as_list()));
}
Value sets_equivalent(Context& context, Arguments a, size_t) {
  return Value::boolean(contains_all(context, a[0].as_list(), a[1].as_list()) &&
                        contains_all(context, a[1].as_list(), a[0].as_list()));
}
Value sets_intersects(Context& context, Arguments a, size_t) {
  ValueSet set(context, a[0].as_list());
  for (const Value& item : a[0].as_list()) set.insert(item);
  return Value::boolean(std::any_of(a[1].as_list().begin(), a[1].as_list().end(),
                                    [&](const Value& item) { return set.has(item); }));
}

Value slice(Context& context, Arguments a, size_t) {
  const ListValue& list = a[0].as_list();
  const int64_t begin = a[1].as_int();
  const int64_t end = a[2].as_int();
  if (begin < 0 || end < 0) return context.fail("slice(): a negative index");
  if (begin > end) return context.fail("slice(): the end lies before the start");
  if (static_cast<uint64_t>(end) > list.size)
    return context.fail("slice(): the end lies beyond a list of " + std::to_string(list.size));
  return context.list(list.items + begin, static_cast<size_t>(end - begin));
}

void flatten_into(const ListValue& list, int64_t depth, std::vector<Value>& out, Context& context) {
  for (const Value& item : list) {
    context.steps();
    if (item.kind() == Kind::list && depth > 0) {
      flatten_into(item.as_list(), depth - 1, out, context);
    } else {
      out.push_back(item);
    }
  }
}
Value flatten(Context& context, Arguments a, size_t n) {
  const int64_t depth = n == 2 ? a[1].as_int() : 1;
  if (depth < 0) return context.fail("flatten(): a negative depth");
  std::vector<Value> out;
  flatten_into(a[0].as_list(), depth, out, context);
  return context.list(out);
}

Value distinct(Context& context, Arguments a, size_t) {
  const ListValue& list = a[0].as_list();
  ValueSet set(context, list);
  std::vector<Value> out;
  for (const Value& item : list) {
    if (set.insert(item)) out.push_back(item);
  }
  return context.list(out);
}

Value sort(Context& context, Arguments a, size_t) {
  const ListValue& list = a[0].as_list();
  auto* items = context.allocate_array<Value>(list.size);
  for (size_t i = 0; i < list.size; ++i) {
    if (!compare(list.items[0], list.items[i]))
      return context.fail(Reason::wrong_type,
                          "sort(): the items must have an order and be of one type, not " +
                              std::string(friendly_name(list.items[0].kind())) + " and " +
                              std::string(friendly_name(list.items[i].kind())));
    items[i] = list.items[i];
  }
  context.steps(list.size);
  context.sorting(list.size, list.weight);
  std::stable_sort(items, items + list.size, precedes);
  return context.list(items, list.size);
}

Value range(Context& context, Arguments a, size_t) {
  const int64_t n = a[0].as_int();
  if (n < 0) return context.fail("lists.range(): a negative size");
  context.steps(static_cast<uint64_t>(n));
  auto* items = context.allocate_array<Value>(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) items[i] = Value::integer(i);
  return context.list(items, static_cast<size_t>(n));
}

Value reverse(Context& context, Arguments a, size_t) {
  const ListValue& list = a[0].as_list();
  auto* items = context.allocate_array<Value>(list.size);
  for (size_t i = 0; i < list.size; ++i) items[i] = list.items[list.size - 1 - i];
  return context.list(items, list.size);
}

Value first(Context& context, Arguments a, size_t) {
  const ListValue& list = a[0].as_list();
  return list.size == 0 ? Context::none() : context.some(list.items[0]);
}

// How many items of the list n are; an error for a negative n.
Value part(Context& context, std::string_view name, const ListValue& list, int64_t n, bool at_end,
           bool without) {
  if (n < 0) return context.fail(std::string(name) + "(): a negative number of items");
  size_t count = std::min(static_cast<size_t>(n), list.size);
  if (without) count = list.size - count;
  return context.list(list.items + (at_end ? list.size - count : 0), count);
}
Value take(Context& context, Arguments a, size_t) {
  return part(context, "take", a[0].as_list(), a[1].as_int(), false, false);
}
Value drop(Context& context, Arguments a, size_t) {
  return part(context, "drop", a[0].as_list(), a[1].as_int(), true, true);
}
Value last_items(Context& context, Arguments a, size_t) {
  return part(context, "last", a[0].as_list(), a[1].as_int(), true, false);
}

// As the aggregates of these names: nulls do not count.
Value sum_of(Context& context, const ListValue& list, std::string_view name, int64_t& n) {
  Value sum = Value::integer(0);
  context.steps(list.size);
  for (const Value& item : list) {
    if (item.is_null()) continue;
    const bool fits = item.is_number() ? !is_beyond_double(item) : item.kind() == Kind::duration;
    if (!fits)
      return context.fail(
          Reason::wrong_type,
          std::string(name) + "(): the items must be numbers or durations, not " +
              (item.is_number() ? "too large for a double" : std::string(friendly_name(item.kind()))));
    sum = n++ == 0 ? item : arithmetic(Operator::add, sum, item, context);
    if (sum.is_error()) return sum;
  }
  return sum;
}
Value sum(Context& context, Arguments a, size_t) {
  int64_t n = 0;
  return sum_of(context, a[0].as_list(), "sum", n);
}
Value avg(Context& context, Arguments a, size_t) {
  int64_t n = 0;
  const Value total = sum_of(context, a[0].as_list(), "avg", n);
  if (total.is_error() || n == 0) return n == 0 && !total.is_error() ? Value::null() : total;
  switch (total.kind()) {
    case Kind::duration:
      return Value::duration(total.duration_ns() / n);
    case Kind::integer:
      return Value::real(static_cast<double>(total.as_int()) / static_cast<double>(n));
    case Kind::unsigned_integer:
      return Value::real(static_cast<double>(total.as_uint()) / static_cast<double>(n));
    default:
      return Value::real(total.as_double() / static_cast<double>(n));
  }
}

Value merge(Context& context, Arguments a, size_t) {
  const MapValue& first = a[0].as_map();
  const MapValue& second = a[1].as_map();
  context.steps(first.size + second.size);
  auto* entries = context.allocate_array<MapEntry>(first.size + second.size);
  std::copy(first.begin(), first.end(), entries);
  std::copy(second.begin(), second.end(), entries + first.size);
  return context.map(entries, first.size + second.size, true);
}

Value last(Context& context, Arguments a, size_t) {
  const ListValue& list = a[0].as_list();
  return list.size == 0 ? Context::none() : context.some(list.items[list.size - 1]);
}

}  // namespace

std::span<const Function> list_functions() {
  static const std::vector<Function> kTable = {
      {"slice",
       Form::method,
       {{kList, {kList, kInt, kInt}, slice}},
       "LIST.slice(FROM, TO) -> list",
       "the items from FROM up to, not including, TO",
       "[1, 2, 3, 4].slice(1, 3) == [2, 3]"},
      {"flatten",
       Form::method,
       {{kList, {kList}, flatten}, {kList, {kList, kInt}, flatten}},
       "LIST.flatten([DEPTH]) -> list",
       "the list with lists in it replaced by their items, DEPTH levels deep (1)",
       "[1, [2, [3]]].flatten() == [1, 2, [3]]"},
      {"distinct",
       Form::method,
       {{kList, {kList}, distinct}},
       "LIST.distinct() -> list",
       "the list without repeated items",
       "[1, 2, 1.0].distinct() == [1, 2]"},
      {"sort",
       Form::method,
       {{kList, {kList}, sort}},
       "LIST.sort() -> list",
       "the items in ascending order",
       "[3, 1, 2].sort() == [1, 2, 3]"},
      {"reverse",
       Form::method,
       {{kList, {kList}, reverse}},
       "LIST.reverse() -> list",
       "the items in reverse order",
       "[1, 2].reverse() == [2, 1]"},
      {"first",
       Form::method,
       {{kOptional, {kList}, first}},
       "LIST.first() -> optional",
       "an optional of the first item; empty for an empty list",
       "[1, 2].first().value() == 1"},
      {"last",
       Form::method,
       {{kOptional, {kList}, last}, {kList, {kList, kInt}, last_items}},
       "LIST.last() -> optional, LIST.last(N) -> list",
       "an optional of the last item; with N, a list of the last N items, all of a shorter list (addition)",
       "[1, 2].last().value() == 2 && [1, 2, 3].last(2) == [2, 3]"},
      {"take",
       Form::method,
       {{kList, {kList, kInt}, take}},
       "LIST.take(N) -> list",
       "the first N items, all of a shorter list",
       "[1, 2, 3].take(2) == [1, 2] && [1].take(2) == [1]",
       true},
      {"drop",
       Form::method,
       {{kList, {kList, kInt}, drop}},
       "LIST.drop(N) -> list",
       "all but the first N items",
       "[1, 2, 3].drop(2) == [3] && [1].drop(2) == []",
       true},
      {"sum",
       Form::method,
       {{kNumbers | kDuration, {kList}, sum}},
       "LIST.sum() -> number or duration",
       "the sum of the items; nulls are skipped; 0 for an empty list",
       "[1, 2, null, 3].sum() == 6",
       true},
      {"avg",
       Form::method,
       {{kDouble | kDuration | kNull, {kList}, avg}},
       "LIST.avg() -> double or duration",
       "the mean of the items; nulls are skipped; null for an empty list",
       "[1, 2, null].avg() == 1.5",
       true},
      {"merge",
       Form::method,
       {{kMap, {kMap, kMap}, merge}},
       "MAP.merge(MAP) -> map",
       "the entries of both maps; for a key in both, the second map's value",
       "{'a': 1, 'b': 2}.merge({'b': 3}) == {'a': 1, 'b': 3}",
       true},
      {"lists.range",
       Form::function,
       {{kList, {kInt}, range}},
       "lists.range(N) -> list",
       "the numbers from 0 to N - 1",
       "lists.range(3) == [0, 1, 2]"},
      {"sets.contains",
       Form::function,
       {{kBool, {kList, kList}, sets_contains}},
       "sets.contains(LIST, LIST) -> bool",
       "whether the first holds every item of the second",
       "sets.contains([1, 2, 3], [3.0, 2u])"},
      {"sets.equivalent",
       Form::function,
       {{kBool, {kList, kList}, sets_equivalent}},
       "sets.equivalent(LIST, LIST) -> bool",
       "whether each holds every item of the other",
       "sets.equivalent([1, 2], [2, 1, 1])"},
      {"sets.intersects",
       Form::function,
       {{kBool, {kList, kList}, sets_intersects}},
       "sets.intersects(LIST, LIST) -> bool",
       "whether they share an item",
       "sets.intersects([1, 2], [2, 3])"},
  };
  return kTable;
}

}  // namespace kutils::expr
