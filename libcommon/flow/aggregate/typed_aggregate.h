// The memory part of an aggregate whose state is a plain C++ type.
#pragma once

#include <algorithm>
#include <new>
#include <utility>
#include <vector>

#include "flow/aggregate/aggregate.h"

namespace kutils::flow {

template <typename State>
class TypedAggregate : public Aggregate {
 public:
  static_assert(alignof(State) <= alignof(std::max_align_t));
  size_t state_size() const override { return sizeof(State); }
  void init(void* state) const override { new (state) State(); }
  void destroy(void* state) const override { of(state).~State(); }

 protected:
  static State& of(void* state) { return *std::launder(reinterpret_cast<State*>(state)); }
  static const State& of(const void* state) { return *std::launder(reinterpret_cast<const State*>(state)); }
};

// Of an aggregate for which a null argument is a value as others: it is not skipped.
struct TakesNull {};

// Two lists in order into one of at most `limit`, of equal ones `into`'s first: one insert for each of `from` would be the
// square of their size.
template <typename T, typename Before>
void merge_in_order(std::vector<T>& into, const std::vector<T>& from, size_t limit, const Before& before) {
  std::vector<T> merged;
  merged.reserve(std::min(limit, into.size() + from.size()));
  auto own = into.begin();
  for (auto other = from.begin(); merged.size() < limit && (own != into.end() || other != from.end());) {
    if (other == from.end() || (own != into.end() && !before(*other, *own))) {
      merged.push_back(std::move(*own++));
    } else {
      merged.push_back(*other++);
    }
  }
  into = std::move(merged);
}

RecordError needs_number(std::string_view function, const ScalarValue& argument);
RecordError sum_overflow(std::string_view function);
// Numbers, strings, booleans and timestamps do not compare with each other, and NaN not even with itself.
void add_kind(const ScalarValue& scalar, MergeRisk& risk);
RecordError no_order(std::string_view function, const ScalarValue& a, const ScalarValue& b);

}  // namespace kutils::flow
