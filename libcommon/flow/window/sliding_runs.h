// A key's records in runs, for windows of any place and length over them.
//
// A run is of records that came one after another, 16, 32, 64 ... of them, each run as long as all behind it or longer. In it
// they stand in order of time, under a tree of what 16, 32, ... neighbours merge to. So a window is a few dozen pieces, whole
// nodes and single records, whatever order the records came in, and a record is sorted in at most log n times. Two runs that
// do not overlap in time become one by putting them side by side.
//
// Aggregates that need the order of arrival have their part in the states of those nodes alone whose records came in order of
// time; of the others they are found by choosing (Aggregate::choice()).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "flow/window/sliding_rows.h"

namespace kutils::flow {

class SlidingRuns {
 public:
  // Of the records list[base..]; `set` and the list outlive it, and the list grows at its end only.
  SlidingRuns(const AggregateSet& set, const std::vector<Event>& list, size_t base);

  // list[place] was added.
  void append(size_t place);

  // Merges the records in [first, last] into `window`, whose parts `others` and `chosen` are made anew: as in the order of
  // arrival. An error: they do not merge.
  std::optional<RecordError> merge(int64_t first, int64_t last, char* window);
  // Adds theirs up, one for each aggregate.
  void add_risks(int64_t first, int64_t last, std::vector<MergeRisk>& risks) const;
  // As merge(), one by one as they came: for its message, where they are known not to merge.
  std::optional<RecordError> refusal(int64_t first, int64_t last) const;

 private:
  using Part = AggregateSet::Part;
  static constexpr size_t kRun = 16;
  struct Placed {
    int64_t time;
    size_t place;
  };
  struct Node {
    bool in_order = true;  // of time, of arrival too
    size_t first_place = 0, last_place = 0;
    std::optional<OwnedState> state;  // none: they do not merge, as a window of fewer may
    std::vector<MergeRisk> risks;     // if the set may refuse
    mutable std::vector<std::optional<std::vector<size_t>>>
        chosen;  // for each aggregate, once needed: places
  };
  struct Run {
    std::vector<Placed> records;            // in order of time
    std::vector<std::vector<Node>> levels;  // [0]: of kRun records each, then of twice as many
  };
  struct Piece {
    const Run* run = nullptr;  // nullptr: the record at `number`
    size_t level = 0, number = 0;
  };

  template <typename Usable, typename Take>
  void cover(int64_t first, int64_t last, const Usable& usable, const Take& take) const;
  bool came_in_order() const;

  Run first_run(size_t place) const;
  Run combine(Run before, Run behind) const;
  Node leaf(const Run& run, size_t number) const;
  Node join(const Node& left, const Node& right) const;
  void take(Node& node, const char* state, bool chosen) const;

  const std::vector<size_t>& chosen_of(const Run& run, size_t level, size_t number, size_t item) const;
  void choose(size_t item, std::vector<size_t>& places) const;
  std::optional<RecordError> merge_chosen(size_t item, char* window);

  const char* state(size_t place) const { return list_[place].state.get(); }
  size_t in_runs() const { return runs_.empty() ? 0 : ends_.back(); }

  const AggregateSet& set_;
  const std::vector<Event>& list_;
  const size_t base_;
  const bool has_states_, may_refuse_;
  std::vector<Run> runs_;
  std::vector<size_t> ends_;  // of each: how many records it and those before hold
  std::vector<Piece> pieces_;
  std::vector<size_t> places_;
};

}  // namespace kutils::flow
