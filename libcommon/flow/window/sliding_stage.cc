// Sliding windows [start, start + d], both ends in: each distinct set of a key's records that lie within d
// appears once.
//
// The windows follow from the records: one ends at each record ([0, d] if it is earlier than d), one starts 1
// ms after each record if a record lies in it. So a key's records are kept (each as an aggregate of one), for
// as long as an open window can cover them, and a window's result is made from them in the order of arrival:
// whatever order they came in, a window holds all that it covers.
#include <algorithm>

#include "flow/aggregate/keyed_rows.h"
#include "flow/window/closed_rows.h"
#include "flow/window/sliding_index.h"
#include "flow/window/sliding_rows.h"
#include "flow/window/window_stage.h"

namespace kutils::flow {
namespace {

class SlidingStage final : public WindowStage {
 public:
  SlidingStage(WindowOptions options, const AggregateSet& set, std::unique_ptr<RecordReader> reader,
               state::Store& store)
      : WindowStage(std::move(options), set, std::move(reader), store),
        reach_(options_.window.size),
        windows_{options_.window.size},
        rows_(store, EventCodec(set), options_.cache_bytes),
        closed_(store, options_.expires > 0) {}

 protected:
  Result<bool> take(const Record& record, const GroupedRecord& grouped, int64_t now, Emitter& out) override {
    const int64_t time = grouped.time;
    if (is_closed(time, now)) {  // also the last window that could hold it, the one that starts with it
      move_on(grouped, out);
      return false;
    }
    Event event{time, OwnedState(set_)};
    if (auto refused = set_.add(event.state.get(), grouped.arguments)) return *refused;
    Rows::Node* node = &rows_.load(grouped.key);
    if (auto refused = check(node->value, event, now)) return *refused;
    move_on(grouped, out);
    node = &rows_.load(grouped.key);
    Events& events = node->value;
    if (events.empty()) events.key_is_text = grouped.key_is_text;
    // After move_on(), which only closes windows: those are not among the open ones.
    const bool makes_right = makes_right_window(index_of(events), time);
    if (options_.emit == Emit::update) touched(index_of(events), time, makes_right, now, starts_);
    events.list.push_back(std::move(event));
    index_of(events).appended();
    events.closed_until = now;
    rows_.touch(*node);
    rows_.arm(*node, next_look(events, now));
    if (options_.emit == Emit::update) {
      for (const int64_t start : starts_) emit(&record, *node, start, out);
    } else if (options_.emit == Emit::commit) {
      if (events.changed.empty()) changed_.push_back(node->key);
      events.changed.insert(time);
      if (makes_right) events.made.insert(time + 1);
    }
    return true;
  }

  void close_until(int64_t now, Emitter& out) override {
    rows_.fire(now, [&](Rows::Node& node) {
      Events& events = node.value;
      SlidingIndex& index = index_of(events);
      windows_.starts_between(index.times(), last_closed(events.closed_until), last_closed(now), closing_);
      for (const int64_t start : closing_) {
        if (options_.emit == Emit::close || has_changed(events, start)) emit(nullptr, node, start, out);
        if (options_.expires == 0) continue;
        const SlidingIndex::Window window = window_of(events, start);
        closed_.put(set_, node.key, events.key_is_text, start, start + reach_, window.newest, window.state);
      }
      events.made.erase(events.made.begin(), events.made.upper_bound(last_closed(now)));
      events.closed_until = now;
      // A record is there for as long as a window can be open that starts after it.
      index.forget_before(last_closed(now));
      std::vector<Event>& list = events.list;
      while (events.gone < list.size() && list[events.gone].time < last_closed(now)) ++events.gone;
      if (events.gone > list.size() / 2) {
        list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(events.gone));
        events.gone = 0;
        events.index.reset();
      }
      return next_look(events, now);
    });
    closed_.expire(now - options_.grace - options_.expires);
  }

  int64_t last_close() override {
    int64_t last = kNoTime;
    rows_.for_each([&](const Events& events) {
      windows_.all_starts(events, closing_);
      if (!closing_.empty() && !is_closed(closing_.back(), clock_.now()))
        last = std::max(last, closing_.back() + reach_ + 1 + options_.grace);
    });
    return last;
  }

  void emit_changes(Emitter& out) override {
    for (const std::string& key : changed_) {
      Rows::Node* node = rows_.find_loaded(key);
      if (node == nullptr) continue;
      Events& events = node->value;
      if (events.changed.empty()) continue;  // closed since, and others came
      const int64_t now = events.closed_until;
      windows_.starts_between(index_of(events).times(),
                              std::max(last_closed(now), *events.changed.begin() - reach_ - 1),
                              *events.changed.rbegin(), starts_);
      starts_.insert(starts_.end(), events.made.begin(), events.made.end());
      SlidingWindows::finish(starts_);
      for (const int64_t start : starts_)
        if (has_changed(events, start)) emit(nullptr, *node, start, out);
      events.changed.clear();
      events.made.clear();
    }
    changed_.clear();
  }

  void write_back() override { rows_.write_back(); }

 public:
  size_t dirty_rows() const override { return rows_.dirty(); }

 private:
  using Rows = KeyedRows<Events, EventCodec>;

  bool is_closed(int64_t start, int64_t now) const { return start <= last_closed(now); }
  // The last start of a window that is closed at `now`.
  int64_t last_closed(int64_t now) const {
    return now == kNoTime ? kNoTime : now - reach_ - 1 - options_.grace;
  }

  SlidingIndex& index_of(Events& events) {
    if (!events.index) {
      events.index = std::make_shared<SlidingIndex>(set_, events.list, events.gone);
      events.index->forget_before(last_closed(events.closed_until));
    }
    return *events.index;
  }

  // Whether a record at `time`, which is not in the index, makes the window that starts after it.
  bool makes_right_window(const SlidingIndex& index, int64_t time) const {
    const OrderedTimes& times = index.times();
    const auto next = times.after(time);
    if (next == times.end() || next->time > time + 1 + reach_) return false;  // nothing would be in it
    return !times.has(time) && !times.has(time + 1 + reach_);
  }

  // Open windows whose set of records or existence a record at `time` changes. The index does not hold it
  // yet.
  void touched(const SlidingIndex& index, int64_t time, bool makes_right, int64_t now,
               std::vector<int64_t>& starts) const {
    windows_.starts_between(index.times(), std::max(last_closed(now), time - reach_ - 1), time, starts);
    // The window that would start after a record exists only if one lies in it, as this one does.
    const auto before = index.times().last_before(index.times().from(time));
    if (before && *before + 1 + reach_ >= time) starts.push_back(*before + 1);
    starts.push_back(windows_.left(time));
    if (makes_right) starts.push_back(time + 1);
    SlidingWindows::finish(starts);
    starts.erase(
        std::remove_if(starts.begin(), starts.end(), [&](int64_t start) { return is_closed(start, now); }),
        starts.end());
  }

  // --emit commit: whether the window is to be shown.
  bool has_changed(const Events& events, int64_t start) const {
    const auto at = events.changed.lower_bound(start);
    return (at != events.changed.end() && *at <= start + reach_) || events.made.count(start) > 0;
  }

  // Whether every touched window can take the record in.
  std::optional<RecordError> check(Events& events, const Event& added, int64_t now) {
    SlidingIndex& index = index_of(events);
    const SlidingIndex::Verdict verdict = index.judge(added, reach_, last_closed(now));
    if (verdict.is_sure) return verdict.refused;
    // The one that ends with it is there whenever it is open, and tells most that is wrong.
    const int64_t left = windows_.left(added.time);
    if (!is_closed(left, now))
      if (auto refused = index.refuses(left, left + reach_, &added)) return refused;
    touched(index, added.time, makes_right_window(index, added.time), now, starts_);
    for (const int64_t start : starts_) {
      const Event* more = windows_.covers(start, added.time) ? &added : nullptr;
      if (auto refused = index.refuses(start, start + reach_, more)) return refused;
    }
    return std::nullopt;
  }

  // The next stream time at which a window closes or a record is no longer needed.
  int64_t next_look(Events& events, int64_t now) {
    const OrderedTimes& times = index_of(events).times();
    const int64_t closed = last_closed(now);
    if (times.empty()) return kNever;
    // The window that ends at a record, of the first whose window is open; of those before it the one after.
    int64_t next = kNever;
    const auto open = closed < 0 ? times.begin() : times.after(closed + reach_);
    if (open != times.end()) next = windows_.left(open->time);
    if (open != times.begin()) next = std::min(next, times.begin()->time + 1);
    return next + reach_ + 1 + options_.grace;
  }

  SlidingIndex::Window window_of(Events& events, int64_t start) {
    return index_of(events).window(start, start + reach_);
  }

  void emit(const Record* origin, Rows::Node& node, int64_t start, Emitter& out) {
    const SlidingIndex::Window window = window_of(node.value, start);
    output_.emit(origin, {node.key, node.value.key_is_text, start, start + reach_}, window.newest,
                 window.state, out);
  }

  const int64_t reach_;
  const SlidingWindows windows_;
  Rows rows_;
  ClosedRows closed_;
  std::vector<std::string> changed_;
  std::vector<int64_t> starts_;  // those that the present record changes
  std::vector<int64_t> closing_;
};

}  // namespace

std::unique_ptr<Stage> make_sliding_stage(WindowOptions options, const AggregateSet& set,
                                          std::unique_ptr<RecordReader> reader, state::Store& store) {
  options.format.bounds_in_key = true;
  return std::make_unique<SlidingStage>(std::move(options), set, std::move(reader), store);
}

}  // namespace kutils::flow
