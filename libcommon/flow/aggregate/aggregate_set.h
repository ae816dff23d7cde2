// The aggregates of one list, `n=count(), total=sum(x) if y > 3`, as one state of a fixed size.
//
// An AggregateSet knows names and functions, not expressions: those are AggregateArguments' (arguments.h). A
// stopped tool's state can so be read without compiling anything. One thread uses a set; states may be many.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "flow/aggregate/aggregate.h"

namespace kutils::expr {
struct Options;
class ComparisonLog;
}  // namespace kutils::expr

namespace kutils::flow {

// The list as written by the user, of aggregates alone. Throws usage_error that names the place. `options`: for
// what is evaluated at once, fold's INIT. (In kutils_grouping.)
std::vector<AggregateItem> parse_aggregates(std::string_view list, std::string_view what,
                                            const expr::Options& options);
std::vector<AggregateItem> parse_aggregates(std::string_view list, std::string_view what);

// A column of a row: an aggregate, or what is computed from the row (row_shape.h).
struct RowColumn {
  std::string name;
  std::string expression;  // over the row; empty: the aggregate of this name
};
// What is shown of the aggregates of a row, and when.
struct RowColumns {
  std::vector<RowColumn> list = {};  // empty: all aggregates
  std::string having = {};           // a condition over the row; empty: always
  std::string delete_if = {};        // the condition for which a row is deleted; empty: never
  std::shared_ptr<expr::ComparisonLog> comparisons = {};  // of the run; null: not watched
};

struct RowPlan {
  std::vector<AggregateItem> aggregates;  // those that no column shows, and expressions need, last
  RowColumns columns;
};

// The list as written by the user, in which `a=s/n` and `a=sum(x)/count()` are columns computed from the
// others; --having and --delete-if. `fields`: what else the row has, in front of the columns. Throws
// usage_error.
RowPlan parse_row(std::string_view list, std::string_view having, const std::vector<std::string>& fields,
                  std::string_view what, const expr::Options& options, std::string_view delete_if = {});

// What follows a fold's value so far for the present record; values are bytes (expr/value_bytes.h). One
// record may be folded into several states (hopping windows): each result is kept under its state until the
// next record.
class Successor {
 public:
  virtual ~Successor() = default;
  virtual std::optional<RecordError> work_out(const void* state, std::string_view accumulated) = 0;
  // REQUIRES: work_out() succeeded for this state and record.
  virtual std::string_view result(const void* state) = 0;
};

// One item's argument for one record.
struct Argument {
  bool present = false;  // false: null, or the condition does not hold
  ScalarValue scalar;
  Successor* successor = nullptr;  // fold: instead of the scalar
};

class AggregateSet {
 public:
  // Throws usage_error: unknown function, wrong parameters, a name used twice. `in_front`: what keeps the records
  // before their group sees them (Aggregate::front()).
  explicit AggregateSet(std::vector<AggregateItem> items, bool in_front = false);
  explicit AggregateSet(RowPlan plan) : AggregateSet(std::move(plan.aggregates)) {
    columns_ = std::move(plan.columns);
  }
  AggregateSet(const AggregateSet&) = delete;
  AggregateSet& operator=(const AggregateSet&) = delete;

  const std::vector<AggregateItem>& items() const { return items_; }
  const RowColumns& columns() const { return columns_; }  // for who shows rows: row_shape.h
  const Aggregate& function(size_t item) const { return *slots_[item].aggregate; }
  // Throw usage_error that names the aggregate which cannot. `who` is what needs it: "session windows".
  void require_merge(std::string_view who) const;
  void require_subtract(std::string_view who) const;

  size_t state_size() const { return state_size_; }  // a multiple of 16
  bool may_refuse() const { return may_refuse_; }    // whether add() or merge() can fail
  void init(char* state) const;
  void destroy(char* state) const;

  // All or nothing: after an error the state is as it was.
  std::optional<RecordError> add(char* state, std::span<const Argument> arguments) const;
  std::optional<RecordError> can_add(const char* state, std::span<const Argument> arguments) const;
  void add_checked(char* state, std::span<const Argument> arguments) const;  // REQUIRES: can_add()
  std::optional<RecordError> subtract(char* state, std::span<const Argument> arguments) const;
  // `into` holds the earlier records. On an error it is to be thrown away.
  std::optional<RecordError> merge(char* into, const char* from) const;
  void absorb(char* into, char* from) const;                            // Aggregate::absorb()
  void add_risks(const char* state, std::span<MergeRisk> risks) const;  // one for each aggregate

  // Of those that can take a merge back (Aggregate::has_unmerge()), of those whose result is made of chosen records
  // (Aggregate::choice()), and of the others.
  enum class Part { unmerging, chosen, others };
  bool has(Part part) const;
  Part part_of(size_t item) const { return slots_[item].part; }
  std::optional<RecordError> merge_part(Part part, char* into,
                                        const char* from) const;  // Aggregate::merge_part()
  std::optional<RecordError> merge(size_t item, char* into, const char* from) const;
  bool has_value(size_t item, const char* one) const {
    return function(item).has_value(one + slots_[item].offset);
  }
  int order(size_t item, const char* a, const char* b) const {
    return function(item).order(a + slots_[item].offset, b + slots_[item].offset);
  }
  std::optional<RecordError> merge(Part part, char* into, const char* from) const;
  void unmerge(char* into, const char* from) const;  // Part::unmerging
  void subtract_last(char* state,
                     std::span<const Argument> arguments) const;  // Part::unmerging: they were added
  void reset(Part part, char* state) const;
  void encode(Part part, const char* state, std::string& out) const;
  void decode(Part part, char* state, Reader& in) const;

  // `from` is a state of `front`, the set in front of this one.
  std::optional<RecordError> merge_front(char* into, const AggregateSet& front, const char* from) const;
  double reach(std::span<const Argument> arguments) const;  // of all of them together

  // `"n":1,"total":2.5`
  void result(const char* state, std::string& json) const;
  void result(size_t item, const char* state, std::string& json) const;  // `"n":1`
  void encode(const char* state, std::string& out) const;
  void decode(char* state, Reader& in) const;  // into a state that init() made

 private:
  struct Slot {
    std::unique_ptr<Aggregate> aggregate;
    size_t offset;
    std::string label;  // `"name":`
    bool may_refuse;
    bool folds;
    Part part;
  };
  std::vector<AggregateItem> items_;
  RowColumns columns_;
  std::vector<Slot> slots_;
  size_t state_size_ = 0;
  bool may_refuse_ = false;
};

// A state on its own, outside of a row.
class OwnedState {
 public:
  explicit OwnedState(const AggregateSet& set) : set_(&set), memory_(new char[set.state_size() + 1]) {
    set.init(memory_.get());
  }
  OwnedState(OwnedState&&) = default;
  OwnedState& operator=(OwnedState&& other) noexcept {
    std::swap(set_, other.set_);
    std::swap(memory_, other.memory_);
    return *this;
  }
  ~OwnedState() {
    if (memory_) set_->destroy(memory_.get());
  }
  char* get() { return memory_.get(); }
  const char* get() const { return memory_.get(); }

 private:
  const AggregateSet* set_;
  std::unique_ptr<char[]> memory_;  // operator new[] aligns for any scalar
};

}  // namespace kutils::flow
