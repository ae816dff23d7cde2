// An aggregate function: what it keeps (a fixed number of bytes, made in memory that the caller gives) and
// how records, other states and deletions change it. Stateless itself, so that one object serves every row;
// one thread at a time.
//
// Merge order means something: `into` holds the earlier records, `from` the later ones.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/varint.h"
#include "expr/int128.h"
#include "flow/aggregate/scalar_value.h"

namespace kutils::flow {

// How near states are to refusing a merge: as long as it is none over all of them, any of them merge, in any
// order.
struct MergeRisk {
  double amount = 0;   // of the room that there is
  uint32_t kinds = 0;  // a bit for each sort of values that do not go together
  double settled = 0;  // the part of `amount` of which `whole` tells whether it fits
  expr::Int128 whole = 0;

  static constexpr uint32_t kNan = 1U << 30, kNans = 1U << 31;  // no two of them go together
  bool has_one_kind() const { return (kinds & (kinds - 1)) == 0; }
  bool is_none() const { return amount < 1 && has_one_kind(); }
  void add(const MergeRisk& other) {
    amount += other.amount;
    settled += other.settled;
    whole += other.whole;
    kinds |= other.kinds | ((kinds & other.kinds & kNan) != 0 ? kNans : 0);
  }
};

class Aggregate {
 public:
  virtual ~Aggregate() = default;

  // --- memory. `state` is aligned for anything.
  virtual size_t state_size() const = 0;
  virtual void init(void* state) const = 0;
  virtual void destroy(void* state) const = 0;

  // --- records. `argument` is never null: nulls are skipped before.
  // Whether it may be an argument at all, whatever the state.
  virtual std::optional<RecordError> check(const ScalarValue& /*argument*/) const { return std::nullopt; }
  // Whether add() (or subtract()) could fail for a checked argument, so that can_add() has to be asked.
  virtual bool may_refuse() const { return false; }
  virtual std::optional<RecordError> can_add(const void* /*state*/, const ScalarValue& /*argument*/) const {
    return std::nullopt;
  }
  virtual void add(void* state, const ScalarValue& argument) const = 0;
  // fold only: its argument is an expression over the value so far. AggregateSet asks for that value, has
  // what follows it worked out (Successor) and puts it in place; add() is not called.
  virtual bool folds() const { return false; }
  virtual std::string_view accumulated(const void* /*state*/) const { return {}; }
  virtual void replace(void* /*state*/, std::string_view /*value*/) const {}

  // --- other states. On an error `into` is in a valid but undefined state.
  virtual bool has_merge() const { return true; }
  virtual std::optional<RecordError> merge(void* into, const void* from) const = 0;
  // Adds the state's to `risk`. Who may refuse and does not say more is never without risk.
  virtual void add_risk(const void* /*state*/, MergeRisk& risk) const {
    if (may_refuse()) risk.amount = 1;
  }

  // As merge(), of states that are known to merge; `from` may be taken apart, so that it costs what the smaller one holds.
  virtual void absorb(void* into, void* from) const { (void)merge(into, from); }
  // As merge(), of states which together are known to be accepted: parts of them may pass a bound that the whole keeps. An
  // error: not this part alone.
  virtual std::optional<RecordError> merge_part(void* into, const void* from) const {
    return merge(into, from);
  }
  // Why states whose risks add up to this are refused, as far as that can be said of the sum.
  virtual std::optional<RecordError> refuses(const MergeRisk& /*all*/) const { return std::nullopt; }

  // --- a result that depends on the order of the records, or on which of equal ones came first, and is made of a few of
  // them: the first `limit` in order(). So it can be found whatever order they are looked at in.
  struct Choice {
    size_t limit = 1;
    bool newest = false;     // of equal ones the one that came last goes first
    bool only_best = false;  // those that are equal to the first, all of them
    bool is_all() const { return limit == std::numeric_limits<size_t>::max() && !only_best; }
  };
  virtual std::optional<Choice> choice() const { return std::nullopt; }
  // Of states of one record each. Whether there is a value in it; positive: `a` goes before `b`.
  virtual bool has_value(const void* /*one*/) const { return true; }
  virtual int order(const void* /*a*/, const void* /*b*/) const { return 0; }

  // --- records that are merged before their group sees them (combine_stage.h).
  bool combines() const { return has_merge() && !folds(); }
  // Whether the order of records tells: it is kept where a merge is of earlier ones with later ones.
  virtual bool is_ordered() const { return false; }
  // Whether it compares values: the group refuses one that has no order with those before.
  virtual bool compares() const { return false; }
  // Whether the group may refuse values of an amount: how much of its room this one takes, as MergeRisk.
  virtual double reach(const ScalarValue& /*argument*/) const { return 0; }
  // What keeps the values before the group sees them, where its own merge comes to other last digits than they
  // do one by one. Null: itself. merge_front(): what that kept, into a state of this.
  virtual std::unique_ptr<Aggregate> front() const { return nullptr; }
  virtual std::optional<RecordError> merge_front(void* into, const void* from) const {
    return merge(into, from);
  }

  // Takes back an add() of the same argument: rows of a table that change or leave.
  virtual bool has_subtract() const { return false; }
  virtual std::optional<RecordError> can_subtract(const void* /*state*/,
                                                  const ScalarValue& /*argument*/) const {
    return std::nullopt;
  }
  virtual void subtract(void* /*state*/, const ScalarValue& /*argument*/) const {}

  // Takes back a merge() of the same state, whatever came in between: what stays is what merges of the others alone,
  // in any order, come to; so does subtract() with its record. For those whose merge costs as much as the states hold; a window that moves on keeps what
  // stays in it. They never refuse.
  virtual bool has_unmerge() const { return false; }
  virtual void unmerge(void* /*into*/, const void* /*from*/) const {}

  virtual void result(const void* state, std::string& json) const = 0;
  virtual void encode(const void* state, std::string& out) const = 0;
  // `state` is initialised. Broken bytes make the reader fail.
  virtual void decode(void* state, Reader& in) const = 0;
};

// One aggregate of a list.
struct AggregateItem {
  std::string name;  // the output field
  std::string function;
  std::string argument;            // expression; empty for count()
  std::vector<double> parameters;  // p, n
  std::string condition;           // what follows `if`; empty: always
  std::string initial = {};        // fold: the expression of the first value so far
  std::string initial_value =
      {};                // its value (expr/value_bytes.h); empty: null, which is enough to read rows
  std::string key = {};  // max_by and its like: the expression that it goes by
  bool of_rows = false;  // over the rows of a table, which change and leave: AggregateFunction::make_of_rows
};

// One line per aggregate; --functions is made from it. To add one: a class, a line in aggregate_functions(),
// ktable(1) and kutils-state(5).
struct AggregateFunction {
  const char* name;
  const char* signature;
  const char* doc;
  size_t min_arguments;
  size_t max_arguments;
  std::unique_ptr<Aggregate> (*make)(const AggregateItem& item);  // throws usage_error
  bool folds =
      false;  // the arguments are INIT and EXPR; else the first is an expression, the rest are numbers
  bool goes_by_key = false;  // but for the last, which is an expression
  // What it is called with one argument more, which is a key: last(x, key) is last_by(x, key).
  const char* with_key = nullptr;
  // Over a table's rows, where what make() keeps cannot take a value back; null: make() does.
  std::unique_ptr<Aggregate> (*make_of_rows)(const AggregateItem& item) = nullptr;
};
std::span<const AggregateFunction> aggregate_functions();
const AggregateFunction* find_aggregate_function(std::string_view name);
std::unique_ptr<Aggregate> make_aggregate(const AggregateFunction& function, const AggregateItem& item);

}  // namespace kutils::flow
