#include "flow/window/sliding_runs.h"

#include <algorithm>
#include <utility>

namespace kutils::flow {

SlidingRuns::SlidingRuns(const AggregateSet& set, const std::vector<Event>& list, size_t base)
    : set_(set),
      list_(list),
      base_(base),
      has_states_(set.has(Part::others) || set.has(Part::chosen)),
      may_refuse_(set.may_refuse()) {}

// --- growing

void SlidingRuns::append(size_t place) {
  if (!has_states_ && !may_refuse_) return;
  const size_t count = place + 1 - base_;
  if (count % kRun != 0) return;
  runs_.push_back(first_run(place + 1 - kRun));
  ends_.push_back(count);
  while (runs_.size() > 1 && runs_[runs_.size() - 2].records.size() == runs_.back().records.size()) {
    Run behind = std::move(runs_.back());
    runs_.pop_back();
    runs_.back() = combine(std::move(runs_.back()), std::move(behind));
    ends_.erase(ends_.end() - 2);
  }
}

SlidingRuns::Run SlidingRuns::first_run(size_t place) const {
  Run run;
  for (size_t i = 0; i < kRun; ++i) run.records.push_back({list_[place + i].time, place + i});
  std::stable_sort(run.records.begin(), run.records.end(),
                   [](const Placed& a, const Placed& b) { return a.time < b.time; });
  run.levels.emplace_back().push_back(leaf(run, 0));
  return run;
}

SlidingRuns::Run SlidingRuns::combine(Run before, Run behind) const {
  Run both;
  const auto sooner = [](const Placed& a, const Placed& b) { return a.time < b.time; };
  const size_t old_levels = before.levels.size();
  if (before.records.back().time <= behind.records.front().time) {
    both = std::move(before);
    both.records.insert(both.records.end(), behind.records.begin(), behind.records.end());
    for (size_t level = 0; level < old_levels; ++level)
      for (Node& node : behind.levels[level]) both.levels[level].push_back(std::move(node));
  } else {
    both.records.resize(before.records.size() + behind.records.size());
    std::merge(before.records.begin(), before.records.end(), behind.records.begin(), behind.records.end(),
               both.records.begin(), sooner);
    both.levels.emplace_back();
    for (size_t i = 0; i < both.records.size() / kRun; ++i) both.levels[0].push_back(leaf(both, i));
  }
  while (both.levels.size() <= old_levels) {
    const std::vector<Node>& below = both.levels.back();
    std::vector<Node> level;
    for (size_t i = 0; i < below.size(); i += 2) level.push_back(join(below[i], below[i + 1]));
    both.levels.push_back(std::move(level));
  }
  return both;
}

SlidingRuns::Node SlidingRuns::leaf(const Run& run, size_t number) const {
  const Placed* const records = run.records.data() + number * kRun;
  Node node;
  node.first_place = records[0].place;
  node.last_place = records[kRun - 1].place;
  for (size_t i = 1; i < kRun; ++i) node.in_order &= records[i - 1].place < records[i].place;
  if (has_states_) node.state.emplace(set_);
  if (may_refuse_) node.risks.resize(set_.items().size());
  for (size_t i = 0; i < kRun; ++i) {
    take(node, state(records[i].place), node.in_order);
    if (may_refuse_) set_.add_risks(state(records[i].place), node.risks);
  }
  return node;
}

SlidingRuns::Node SlidingRuns::join(const Node& left, const Node& right) const {
  Node node;
  node.first_place = left.first_place;
  node.last_place = right.last_place;
  node.in_order = left.in_order && right.in_order && left.last_place < right.first_place;
  node.risks = left.risks;
  for (size_t i = 0; i < node.risks.size(); ++i) node.risks[i].add(right.risks[i]);
  if (!left.state || !right.state) return node;
  node.state.emplace(set_);
  take(node, left.state->get(), node.in_order);
  take(node, right.state->get(), node.in_order);
  return node;
}

void SlidingRuns::take(Node& node, const char* state, bool chosen) const {
  if (!node.state) return;
  char* const own = node.state->get();
  if (set_.merge_part(Part::others, own, state) || (chosen && set_.merge_part(Part::chosen, own, state)))
    node.state.reset();
}

// --- windows

// The largest nodes that lie within, from left to right, of each run in turn, and the records between them.
template <typename Usable, typename Take>
void SlidingRuns::cover(int64_t first, int64_t last, const Usable& usable, const Take& take) const {
  for (const Run& run : runs_) {
    const std::vector<Placed>& records = run.records;
    if (records.front().time > last || records.back().time < first) continue;
    auto at = static_cast<size_t>(
        std::lower_bound(records.begin(), records.end(), first,
                         [](const Placed& one, int64_t time) { return one.time < time; }) -
        records.begin());
    const auto end = static_cast<size_t>(
        std::upper_bound(records.begin(), records.end(), last,
                         [](int64_t time, const Placed& one) { return time < one.time; }) -
        records.begin());
    while (at < end) {
      const auto fits = [&](size_t level) {
        const size_t size = kRun << level;
        return level < run.levels.size() && at % size == 0 && at + size <= end;
      };
      size_t levels = 0;  // that have a node here
      while (fits(levels)) ++levels;
      while (levels > 0 && !usable(run.levels[levels - 1][at / (kRun << (levels - 1))])) --levels;
      if (levels == 0) {
        take(nullptr, 0, records[at++].place);
      } else {
        take(&run, levels - 1, at / (kRun << (levels - 1)));
        at += kRun << (levels - 1);
      }
    }
  }
  for (size_t i = base_ + in_runs(); i < list_.size(); ++i)
    if (first <= list_[i].time && list_[i].time <= last) take(nullptr, 0, i);
}

void SlidingRuns::add_risks(int64_t first, int64_t last, std::vector<MergeRisk>& risks) const {
  cover(
      first, last, [](const Node&) { return true; },
      [&](const Run* run, size_t level, size_t number) {
        if (run == nullptr) return set_.add_risks(state(number), risks);
        const Node& node = run->levels[level][number];
        for (size_t i = 0; i < risks.size(); ++i) risks[i].add(node.risks[i]);
      });
}

std::optional<RecordError> SlidingRuns::merge(int64_t first, int64_t last, char* window) {
  set_.reset(Part::others, window);
  set_.reset(Part::chosen, window);
  if (!has_states_) return std::nullopt;
  pieces_.clear();
  cover(
      first, last, [](const Node& node) { return node.state.has_value(); },
      [&](const Run* run, size_t level, size_t number) {
        pieces_.push_back({run, level, number});
      });
  const bool in_order = came_in_order();
  for (const Piece& piece : pieces_) {
    const char* const from = piece.run == nullptr ? state(piece.number)
                                                  : piece.run->levels[piece.level][piece.number].state->get();
    if (auto refused = set_.merge_part(Part::others, window, from)) return refused;
    if (!in_order) continue;
    if (auto refused = set_.merge_part(Part::chosen, window, from)) return refused;
  }
  if (in_order) return std::nullopt;
  for (size_t item = 0; item < set_.items().size(); ++item)
    if (set_.part_of(item) == Part::chosen)
      if (auto refused = merge_chosen(item, window)) return refused;
  return std::nullopt;
}

bool SlidingRuns::came_in_order() const {
  size_t behind = 0;
  for (const Piece& piece : pieces_) {
    size_t first = piece.number, last = piece.number;
    if (piece.run != nullptr) {
      const Node& node = piece.run->levels[piece.level][piece.number];
      if (!node.in_order) return false;
      first = node.first_place;
      last = node.last_place;
    }
    if (first < behind) return false;
    behind = last + 1;
  }
  return true;
}

std::optional<RecordError> SlidingRuns::refusal(int64_t first, int64_t last) const {
  OwnedState all(set_);
  for (size_t i = base_; i < list_.size(); ++i)
    if (first <= list_[i].time && list_[i].time <= last)
      if (auto refused = set_.merge(all.get(), state(i))) return refused;
  return std::nullopt;
}

// --- choosing

std::optional<RecordError> SlidingRuns::merge_chosen(size_t item, char* window) {
  places_.clear();
  for (const Piece& piece : pieces_) {
    if (piece.run == nullptr) {
      if (set_.has_value(item, state(piece.number))) places_.push_back(piece.number);
    } else {
      const std::vector<size_t>& chosen = chosen_of(*piece.run, piece.level, piece.number, item);
      places_.insert(places_.end(), chosen.begin(), chosen.end());
    }
  }
  choose(item, places_);
  for (const size_t place : places_)
    if (auto refused = set_.merge(item, window, state(place))) return refused;
  return std::nullopt;
}

const std::vector<size_t>& SlidingRuns::chosen_of(const Run& run, size_t level, size_t number,
                                                  size_t item) const {
  const Node& node = run.levels[level][number];
  node.chosen.resize(set_.items().size());
  if (node.chosen[item]) return *node.chosen[item];
  std::vector<size_t> places;
  if (level == 0) {
    for (size_t i = number * kRun; i < (number + 1) * kRun; ++i)
      if (set_.has_value(item, state(run.records[i].place))) places.push_back(run.records[i].place);
  } else {
    for (const size_t below : {2 * number, 2 * number + 1}) {
      const std::vector<size_t>& chosen = chosen_of(run, level - 1, below, item);
      places.insert(places.end(), chosen.begin(), chosen.end());
    }
  }
  choose(item, places);
  return node.chosen[item].emplace(std::move(places));
}

// Leaves those that the result is made of, in the order of arrival.
void SlidingRuns::choose(size_t item, std::vector<size_t>& places) const {
  const Aggregate::Choice choice = *set_.function(item).choice();
  const auto sooner = [&](size_t a, size_t b) {
    const int order = set_.order(item, state(a), state(b));
    return order != 0 ? order > 0 : choice.newest ? a > b : a < b;
  };
  if (choice.only_best && !places.empty()) {
    const size_t best = *std::min_element(places.begin(), places.end(), sooner);
    places.erase(std::remove_if(places.begin(), places.end(),
                                [&](size_t one) { return set_.order(item, state(one), state(best)) != 0; }),
                 places.end());
  } else if (places.size() > choice.limit) {
    const auto end = places.begin() + static_cast<std::ptrdiff_t>(choice.limit);
    std::nth_element(places.begin(), end - 1, places.end(), sooner);
    places.erase(end, places.end());
  }
  std::sort(places.begin(), places.end());
}

}  // namespace kutils::flow
