// What a stage with sliding windows keeps beside a key's records, in memory only, so that a record costs
// little however many there are: their times in order, merged states of runs of records, and one window.
//
// A window's result is made in the order of arrival. So runs are of records that arrived one after another:
// 16, then twice as many each. A window takes a run as a whole where all of it lies within, and looks into it
// where only a part does: a few dozen merges instead of one for each record.
//
// That does not help where a merge costs as much as the states hold (distinct). Those aggregates can take records
// back: the window that was asked for last is kept, and moved to the next one by what leaves it and what enters.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "flow/window/sliding_rows.h"

namespace kutils::flow {

class SlidingIndex {
 public:
  // Of the records list[gone..]. All that are given later are the same list, grown at its end. `set` and the
  // list outlive it.
  SlidingIndex(const AggregateSet& set, const std::vector<Event>& list, size_t gone)
      : set_(set),
        moves_(set.has(Part::unmerging)),
        merges_(set.has(Part::others)),
        list_(list),
        base_(gone),
        window_(set),
        risks_(set.items().size()) {
    for (size_t i = gone; i < list.size(); ++i) add(i);
  }

  // list.back() was added.
  void appended() { add(list_.size() - 1); }

  // Records before `time` are of no more use.
  void forget_before(int64_t time) {
    if (first_ < time && moves_) {
      for (size_t i = from(first_), end = std::min(behind(last_), from(time)); i < end; ++i) leaves(i);
      first_ = time;
    }
    while (from_ < times_.size() && times_[from_] < time) ++from_;
    if (from_ <= times_.size() / 2) return;
    times_.erase(times_.begin(), times_.begin() + static_cast<std::ptrdiff_t>(from_));
    if (moves_) places_.erase(places_.begin(), places_.begin() + static_cast<std::ptrdiff_t>(from_));
    from_ = 0;
  }
  // In order.
  std::span<const int64_t> times() const { return std::span(times_).subspan(from_); }

  // Whether no window can refuse to take the record in, whichever records it holds.
  bool takes_safely(const Event& event) const {
    if (!set_.may_refuse()) return true;
    std::vector<MergeRisk> risks = risks_;
    set_.add_risks(event.state.get(), risks);
    return std::all_of(risks.begin(), risks.end(), [](const MergeRisk& risk) { return risk.is_none(); });
  }

  // Why the records in [first, last], and behind them `added` where it is given, do not merge.
  std::optional<RecordError> refuses(int64_t first, int64_t last, const Event* added) {
    if (auto refused = merge_runs(first, last)) return refused;
    return added == nullptr ? std::nullopt : set_.merge(Part::others, window_.get(), added->state.get());
  }

  // The records in [first, last] in the order of arrival, until the next call of anything here. Throws Error: they do
  // not merge.
  struct Window {
    const char* state;
    int64_t newest;  // the largest time of a record
  };
  Window window(int64_t first, int64_t last) {
    if (const auto refused = merge_runs(first, last))
      throw Error(ExitCode::bad_record, "a sliding window cannot be computed: " + refused->message);
    if (moves_) move_to(first, last);
    const size_t end = behind(last);
    const bool is_empty = end == from_ || times_[end - 1] < first;
    return {window_.get(), is_empty ? kNoTime : times_[end - 1]};
  }

 private:
  using Part = AggregateSet::Part;
  static constexpr size_t kRun = 16;
  struct Run {
    int64_t earliest, latest;
    std::optional<OwnedState> state;  // none: they do not merge, as a window of fewer may
  };
  struct Collector {
    int64_t first, last;
    std::optional<RecordError> refused;
  };

  // Where in times_ the records from `time` on begin, and those after it.
  size_t from(int64_t time) const { return at(std::lower_bound(begin(), times_.end(), time)); }
  size_t behind(int64_t time) const { return at(std::upper_bound(begin(), times_.end(), time)); }
  std::vector<int64_t>::const_iterator begin() const {
    return times_.begin() + static_cast<std::ptrdiff_t>(from_);
  }
  size_t at(std::vector<int64_t>::const_iterator one) const {
    return static_cast<size_t>(one - times_.begin());
  }

  void add(size_t place) {
    const Event& event = list_[place];
    const auto at = static_cast<std::ptrdiff_t>(behind(event.time));
    times_.insert(times_.begin() + at, event.time);
    if (moves_) {
      places_.insert(places_.begin() + at, place);
      if (first_ <= event.time && event.time <= last_) enters(static_cast<size_t>(at));
    }
    set_.add_risks(event.state.get(), risks_);
    if (merges_) add_to_runs(place);
  }

  // --- the window that moves
  void enters(size_t at) { set_.merge(Part::unmerging, window_.get(), list_[places_[at]].state.get()); }
  void leaves(size_t at) { set_.unmerge(window_.get(), list_[places_[at]].state.get()); }

  void move_to(int64_t first, int64_t last) {
    size_t left = from(first_), right = std::max(left, behind(last_));  // what it holds
    const size_t begin = from(first), end = behind(last);
    const auto apart = [](size_t a, size_t b) { return a < b ? b - a : a - b; };
    if (apart(left, begin) + apart(right, end) > end - begin) {
      set_.reset(Part::unmerging, window_.get());
      left = right = begin;
    }
    for (size_t i = left; i < std::min(begin, right); ++i) leaves(i);
    for (size_t i = std::max(end, left); i < right; ++i) leaves(i);
    for (size_t i = begin; i < std::min(left, end); ++i) enters(i);
    for (size_t i = std::max(right, begin); i < end; ++i) enters(i);
    first_ = first;
    last_ = last;
  }

  // --- the runs
  void add_to_runs(size_t place) {
    const size_t end = place + 1 - base_;
    if (end % kRun != 0) return;
    Run run{std::numeric_limits<int64_t>::max(), kNoTime, OwnedState(set_)};
    for (size_t i = place + 1 - kRun; i <= place; ++i)
      join(run, list_[i].time, list_[i].time, &list_[i].state);
    if (levels_.empty()) levels_.emplace_back();
    levels_[0].push_back(std::move(run));
    for (size_t level = 0; levels_[level].size() % 2 == 0; ++level) {
      if (level + 1 == levels_.size()) levels_.emplace_back();
      const Run& left = levels_[level][levels_[level].size() - 2];
      const Run& right = levels_[level].back();
      Run both{left.earliest, left.latest, OwnedState(set_)};
      join(both, left.earliest, left.latest, left.state ? &*left.state : nullptr);
      join(both, right.earliest, right.latest, right.state ? &*right.state : nullptr);
      levels_[level + 1].push_back(std::move(both));
    }
  }
  void join(Run& run, int64_t earliest, int64_t latest, const OwnedState* state) {
    run.earliest = std::min(run.earliest, earliest);
    run.latest = std::max(run.latest, latest);
    if (run.state && (state == nullptr || set_.merge(Part::others, run.state->get(), state->get())))
      run.state.reset();
  }

  // Into the window's state; an error: one refused to merge.
  std::optional<RecordError> merge_runs(int64_t first, int64_t last) {
    if (!merges_) return std::nullopt;
    set_.reset(Part::others, window_.get());
    Collector into{first, last, std::nullopt};
    size_t done = 0;  // runs of the level below that are in runs looked at
    for (size_t level = levels_.size(); level-- > 0; done *= 2)
      for (; done < levels_[level].size(); ++done) visit(level, done, into);
    for (size_t i = base_ + done / 2 * kRun; i < list_.size(); ++i) visit(list_[i], into);
    return std::move(into.refused);
  }
  void visit(size_t level, size_t number, Collector& into) {
    const Run& run = levels_[level][number];
    if (into.refused || run.latest < into.first || run.earliest > into.last) return;
    if (run.state && run.earliest >= into.first && run.latest <= into.last) {
      into.refused = set_.merge(Part::others, window_.get(), run.state->get());
    } else if (level > 0) {
      visit(level - 1, 2 * number, into);
      visit(level - 1, 2 * number + 1, into);
    } else {
      for (size_t i = 0; i < kRun; ++i) visit(list_[base_ + number * kRun + i], into);
    }
  }
  void visit(const Event& event, Collector& into) {
    if (into.refused || event.time < into.first || event.time > into.last) return;
    into.refused = set_.merge(Part::others, window_.get(), event.state.get());
  }

  const AggregateSet& set_;
  const bool moves_, merges_;  // whether it has aggregates of the one part, of the other
  const std::vector<Event>& list_;
  const size_t base_;
  std::vector<int64_t> times_;  // sorted from from_ on
  size_t from_ = 0;
  std::vector<size_t> places_;  // moves_: where in list_ the record of each time is
  OwnedState window_;           // the window asked for last; of what moves, the records in [first_, last_]
  int64_t first_ = 0, last_ = -1;
  std::vector<std::vector<Run>> levels_;  // [0]: runs of kRun records, then of twice as many each
  std::vector<MergeRisk> risks_;          // of all that was added
};

}  // namespace kutils::flow
