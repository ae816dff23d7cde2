// What a stage with sliding windows keeps beside a key's records, in memory only, so that a record costs
// little however many there are: their times in order, and the merged states of runs of records.
//
// A window's result is made in the order of arrival. So runs are of records that arrived one after another:
// 16, then twice as many each. A window takes a run as a whole where all of it lies within, and looks into it
// where only a part does: a few dozen merges instead of one for each record.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "flow/window/sliding_rows.h"

namespace kutils::flow {

class SlidingIndex {
 public:
  // Of the records list[gone..]. All that are given later are the same list, grown at its end. `set` and the
  // list outlive it.
  SlidingIndex(const AggregateSet& set, const std::vector<Event>& list, size_t gone)
      : set_(set), list_(list), base_(gone), risks_(set.items().size()) {
    for (size_t i = gone; i < list.size(); ++i) add(i);
  }

  // list.back() was added.
  void appended() { add(list_.size() - 1); }

  // Records before `time` are of no more use.
  void forget_before(int64_t time) {
    while (from_ < times_.size() && times_[from_] < time) ++from_;
    if (from_ <= times_.size() / 2) return;
    times_.erase(times_.begin(), times_.begin() + static_cast<std::ptrdiff_t>(from_));
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

  // The records in [first, last] into `state`, in the order of arrival; returns the largest time of them. An
  // error: one refused to merge.
  std::optional<RecordError> collect(int64_t first, int64_t last, OwnedState& state, int64_t& largest) const {
    largest = kNoTime;
    Collector into{first, last, state, largest, std::nullopt};
    size_t done = 0;  // runs of the level below that are in runs looked at
    for (size_t level = levels_.size(); level-- > 0; done *= 2)
      for (; done < levels_[level].size(); ++done) visit(level, done, into);
    for (size_t i = base_ + done / 2 * kRun; i < list_.size(); ++i) visit(list_[i], into);
    return std::move(into.refused);
  }

 private:
  static constexpr size_t kRun = 16;
  struct Run {
    int64_t earliest, latest;
    std::optional<OwnedState> state;  // none: they do not merge, as a window of fewer may
  };
  struct Collector {
    int64_t first, last;
    OwnedState& state;
    int64_t& largest;
    std::optional<RecordError> refused;
  };

  void add(size_t at) {
    const Event& event = list_[at];
    times_.insert(
        std::upper_bound(times_.begin() + static_cast<std::ptrdiff_t>(from_), times_.end(), event.time),
        event.time);
    set_.add_risks(event.state.get(), risks_);
    const size_t end = at + 1 - base_;
    if (end % kRun != 0) return;
    Run run{std::numeric_limits<int64_t>::max(), kNoTime, OwnedState(set_)};
    for (size_t i = at + 1 - kRun; i <= at; ++i) join(run, list_[i].time, list_[i].time, &list_[i].state);
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
    if (run.state && (state == nullptr || set_.merge(run.state->get(), state->get()))) run.state.reset();
  }

  void visit(size_t level, size_t number, Collector& into) const {
    const Run& run = levels_[level][number];
    if (into.refused || run.latest < into.first || run.earliest > into.last) return;
    if (run.state && run.earliest >= into.first && run.latest <= into.last) {
      into.largest = std::max(into.largest, run.latest);
      into.refused = set_.merge(into.state.get(), run.state->get());
    } else if (level > 0) {
      visit(level - 1, 2 * number, into);
      visit(level - 1, 2 * number + 1, into);
    } else {
      for (size_t i = 0; i < kRun; ++i) visit(list_[base_ + number * kRun + i], into);
    }
  }
  void visit(const Event& event, Collector& into) const {
    if (into.refused || event.time < into.first || event.time > into.last) return;
    into.largest = std::max(into.largest, event.time);
    into.refused = set_.merge(into.state.get(), event.state.get());
  }

  const AggregateSet& set_;
  const std::vector<Event>& list_;
  const size_t base_;
  std::vector<int64_t> times_;  // sorted from from_ on
  size_t from_ = 0;
  std::vector<std::vector<Run>> levels_;  // [0]: runs of kRun records, then of twice as many each
  std::vector<MergeRisk> risks_;          // of all that was added
};

}  // namespace kutils::flow
