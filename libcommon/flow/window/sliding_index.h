// What a stage with sliding windows keeps beside a key's records, in memory only, so that a record costs
// little however many there are and whatever order they come in: their times in order, merged states of runs of
// records (sliding_runs.h), one window, and where sums are large those of all windows.
//
// Runs do not help where a merge costs as much as the states hold (distinct). Those aggregates can take records
// back: the window that was asked for last is kept, and moved to the next one by what leaves it and what enters.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/error.h"
#include "flow/window/sliding_rows.h"
#include "flow/window/sliding_runs.h"
#include "flow/window/window_sums.h"

namespace kutils::flow {

class SlidingIndex {
 public:
  // Of the records list[gone..]. All that are given later are the same list, grown at its end. `set` and the
  // list outlive it.
  SlidingIndex(const AggregateSet& set, const std::vector<Event>& list, size_t gone);

  // list.back() was added.
  void appended() { add(list_.size() - 1); }

  // Records before `time` are of no more use.
  void forget_before(int64_t time);
  const OrderedTimes& times() const { return times_; }

  // Whether the windows of length `reach` that start after `closed` take the record in, whichever they are: sure of
  // it, or of why not; not sure: they are to be asked one by one.
  struct Verdict {
    bool is_sure;
    std::optional<RecordError> refused;
  };
  Verdict judge(const Event& event, int64_t reach, int64_t closed);

  // Why the records in [first, last], and behind them `added` where it is given, do not merge.
  std::optional<RecordError> refuses(int64_t first, int64_t last, const Event* added);

  // The records in [first, last] in the order of arrival, until the next call of anything here. Throws Error: they do
  // not merge.
  struct Window {
    const char* state;
    int64_t newest;  // the largest time of a record
  };
  Window window(int64_t first, int64_t last);

 private:
  using Part = AggregateSet::Part;
  // The sums of one aggregate in all windows that its records make; those without a record are 0.
  struct Sums {
    size_t item;
    WindowSums windows;
  };

  void add(size_t place);
  void enters(size_t place) { (void)set_.merge(Part::unmerging, window_.get(), list_[place].state.get()); }
  void leaves(size_t place) { set_.unmerge(window_.get(), list_[place].state.get()); }
  template <typename F>
  void for_each(int64_t first, int64_t last, const F& take) const;
  void move_to(int64_t first, int64_t last);

  Sums& sums_of(size_t item, int64_t reach);
  expr::Int128 sum(size_t item, int64_t first, int64_t last);
  void add_windows(Sums& sums, int64_t time);

  const AggregateSet& set_;
  const bool moves_;  // whether it has aggregates whose window moves on
  const std::vector<Event>& list_;
  OrderedTimes times_;
  SlidingRuns runs_;
  OwnedState window_;  // the window asked for last; of what moves, the records in [first_, last_]
  int64_t first_ = 0, last_ = -1;
  std::vector<MergeRisk> risks_;
  int64_t reach_ = 0;       // of sums_
  std::vector<Sums> sums_;  // once needed
};

}  // namespace kutils::flow
