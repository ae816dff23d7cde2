#include "flow/window/sliding_index.h"

#include <algorithm>
#include <limits>

namespace kutils::flow {

SlidingIndex::SlidingIndex(const AggregateSet& set, const std::vector<Event>& list, size_t gone)
    : set_(set), moves_(set.has(Part::unmerging)), list_(list), runs_(set, list, gone), window_(set) {
  for (size_t i = gone; i < list.size(); ++i) add(i);
}

void SlidingIndex::add(size_t place) {
  const Event& event = list_[place];
  times_.insert(event.time, place);
  if (moves_ && first_ <= event.time && event.time <= last_) enters(place);
  runs_.append(place);
  for (Sums& sums : sums_) {
    risks_.assign(set_.items().size(), {});
    set_.add_risks(event.state.get(), risks_);
    sums.windows.add(event.time - reach_, event.time, risks_[sums.item].whole);
    add_windows(sums, event.time);
  }
}

template <typename F>
void SlidingIndex::for_each(int64_t first, int64_t last, const F& take) const {
  if (first > last) return;
  for (auto at = times_.from(first); at != times_.end() && at->time <= last; ++at) take(at->place);
}

void SlidingIndex::forget_before(int64_t time) {
  if (first_ < time && moves_) {
    for_each(first_, std::min(last_, time - 1), [this](size_t place) { leaves(place); });
    first_ = time;
  }
  times_.forget_before(time);
}

// --- what is refused

SlidingIndex::Verdict SlidingIndex::judge(const Event& event, int64_t reach, int64_t closed) {
  if (!set_.may_refuse()) return {true, std::nullopt};
  const int64_t time = event.time;
  risks_.assign(set_.items().size(), {});
  runs_.add_risks(std::max(time - reach, closed + 1), time + 1 + reach, risks_);
  std::vector<MergeRisk> own(set_.items().size());
  set_.add_risks(event.state.get(), own);
  std::vector<size_t> large;
  for (size_t i = 0; i < own.size(); ++i) {
    risks_[i].add(own[i]);
    // A part that no sum settles, such as of doubles, or values that do not go together.
    if (!risks_[i].has_one_kind() || risks_[i].amount - risks_[i].settled >= 1) return {false, std::nullopt};
    if (risks_[i].settled >= 1) large.push_back(i);
  }
  for (const size_t item : large) {
    Sums& sums = sums_of(item, reach);
    const auto refused = [&](expr::Int128 whole) {
      MergeRisk all;
      all.whole = whole;
      return set_.function(item).refuses(all);
    };
    const expr::Int128 added = own[item].whole;
    if (const auto bounds = sums.windows.bounds(std::max(time - reach, closed + 1), time))
      for (const expr::Int128 sum : {bounds->smallest, bounds->largest})
        if (auto why = refused(sum + added)) return {true, std::move(why)};
    // Those that the record makes: the one that ends with it, and the one that starts behind it.
    const int64_t left = std::max<int64_t>(0, time - reach);
    if (left > closed)
      if (auto why = refused(sum(item, left, left + reach) + added)) return {true, std::move(why)};
    if (auto why = refused(sum(item, time + 1, time + 1 + reach))) return {true, std::move(why)};
  }
  return {true, std::nullopt};
}

expr::Int128 SlidingIndex::sum(size_t item, int64_t first, int64_t last) {
  std::vector<MergeRisk> risks(set_.items().size());
  runs_.add_risks(first, last, risks);
  return risks[item].whole;
}

SlidingIndex::Sums& SlidingIndex::sums_of(size_t item, int64_t reach) {
  for (Sums& sums : sums_)
    if (sums.item == item) return sums;
  reach_ = reach;
  Sums& sums = sums_.emplace_back(Sums{item, {}});
  for (const OrderedTimes::One& one : times_) add_windows(sums, one.time);
  return sums;
}

void SlidingIndex::add_windows(Sums& sums, int64_t time) {
  for (const int64_t start : {std::max<int64_t>(0, time - reach_), time + 1})
    if (!sums.windows.has(start)) sums.windows.insert(start, sum(sums.item, start, start + reach_));
}

std::optional<RecordError> SlidingIndex::refuses(int64_t first, int64_t last, const Event* added) {
  risks_.assign(set_.items().size(), {});
  runs_.add_risks(first, last, risks_);
  for (const MergeRisk& risk : risks_)
    if (!risk.has_one_kind())
      if (auto refused = runs_.refusal(first, last)) return refused;
  if (added != nullptr) set_.add_risks(added->state.get(), risks_);
  for (size_t i = 0; i < risks_.size(); ++i)
    if (auto refused = set_.function(i).refuses(risks_[i])) return refused;
  if (auto refused = runs_.merge(first, last, window_.get())) return refused;
  if (added == nullptr) return std::nullopt;
  for (const Part part : {Part::chosen, Part::others})
    if (auto refused = set_.merge_part(part, window_.get(), added->state.get())) return refused;
  return std::nullopt;
}

// --- windows

SlidingIndex::Window SlidingIndex::window(int64_t first, int64_t last) {
  if (const auto refused = runs_.merge(first, last, window_.get()))
    throw Error(ExitCode::bad_record, "a sliding window cannot be computed: " + refused->message);
  if (moves_) move_to(first, last);
  const auto newest = times_.last_before(times_.after(last));
  return {window_.get(), newest && *newest >= first ? *newest : kNoTime};
}

void SlidingIndex::move_to(int64_t first, int64_t last) {
  const auto leave = [this](size_t place) { leaves(place); };
  const auto enter = [this](size_t place) { enters(place); };
  if (last < first_ || last_ < first) {
    set_.reset(Part::unmerging, window_.get());
    for_each(first, last, enter);
  } else {
    for_each(first_, first - 1, leave);
    for_each(last + 1, last_, leave);
    for_each(first, first_ - 1, enter);
    for_each(last_ + 1, last, enter);
  }
  first_ = first;
  last_ = last;
}

}  // namespace kutils::flow
