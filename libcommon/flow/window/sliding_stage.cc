// Sliding windows [start, start + d], both ends in: each distinct set of a key's records that lie within d
// appears once.
//
// The windows follow from the records: one ends at each record ([0, d] if it is earlier than d), one starts 1
// ms after each record if a record lies in it. So a key's records are kept (each as an aggregate of one), for
// as long as an open window can cover them, and a window's result is made from them in the order of arrival:
// whatever order they came in, a window holds all that it covers.
#include <algorithm>
#include <set>

#include "flow/aggregate/keyed_rows.h"
#include "flow/window/closed_rows.h"
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
      move_on(record, grouped, out);
      return false;
    }
    Event event{time, OwnedState(set_)};
    if (auto refused = set_.add(event.state.get(), grouped.arguments)) return *refused;
    Rows::Node* node = &rows_.load(grouped.key);
    touched(node->value, time, now, starts_);
    if (auto refused = check(node->value, event)) return *refused;
    move_on(record, grouped, out);
    node = &rows_.load(grouped.key);
    Events& events = node->value;
    if (events.list.empty()) events.key_is_text = grouped.key_is_text;
    events.list.push_back(std::move(event));
    events.closed_until = now;
    rows_.touch(*node);
    rows_.arm(*node, next_look(events, now));
    if (options_.emit == Emit::update) {
      for (const int64_t start : starts_) emit(&record, *node, start, out);
    } else if (options_.emit == Emit::commit) {
      if (events.changed.empty()) changed_.push_back(node->key);
      events.changed.insert(starts_.begin(), starts_.end());
    }
    return true;
  }

  void close_until(const Record* origin, int64_t now, Emitter& out) override {
    rows_.fire(now, [&](Rows::Node& node) {
      Events& events = node.value;
      windows_.all_starts(events, closing_);
      for (const int64_t start : closing_) {
        const bool was_closed = events.closed_until != kNoTime && is_closed(start, events.closed_until);
        if (was_closed || !is_closed(start, now)) continue;
        if (options_.emit == Emit::close || events.changed.erase(start) > 0) emit(origin, node, start, out);
        if (options_.expires > 0) {
          OwnedState state(set_);
          const int64_t last = windows_.collect(set_, events, start, state);
          closed_.put(set_, node.key, events.key_is_text, start, start + reach_, last, state.get());
        }
      }
      events.closed_until = now;
      std::vector<Event>& list = events.list;
      list.erase(std::remove_if(list.begin(), list.end(),
                                [&](const Event& e) { return is_closed(e.time + 1, now); }),
                 list.end());
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
      for (const int64_t start : node->value.changed) emit(nullptr, *node, start, out);
      node->value.changed.clear();
    }
    changed_.clear();
  }

  void write_back() override { rows_.write_back(); }

 public:
  size_t dirty_rows() const override { return rows_.dirty(); }

 private:
  using Rows = KeyedRows<Events, EventCodec>;

  bool is_closed(int64_t start, int64_t now) const { return start + reach_ + 1 + options_.grace <= now; }

  // Open windows whose set of records or existence a record at `time` changes. `events` does not hold it yet.
  void touched(const Events& events, int64_t time, int64_t now, std::vector<int64_t>& starts) const {
    starts.clear();
    starts.push_back(windows_.left(time));
    bool right_exists = false, right_has_record = false;
    for (const Event& event : events.list) {
      for (const int64_t start : {windows_.left(event.time), event.time + 1})
        if (windows_.covers(start, time)) starts.push_back(start);
      right_exists |= event.time == time || windows_.left(event.time) == time + 1;
      right_has_record |= windows_.covers(time + 1, event.time);
    }
    if (right_has_record && !right_exists) starts.push_back(time + 1);
    SlidingWindows::finish(starts);
    starts.erase(
        std::remove_if(starts.begin(), starts.end(), [&](int64_t start) { return is_closed(start, now); }),
        starts.end());
  }

  // Whether every touched window can take the record in.
  std::optional<RecordError> check(const Events& events, const Event& added) const {
    if (!set_.may_refuse()) return std::nullopt;
    for (const int64_t start : starts_) {
      OwnedState state(set_);
      for (const Event& event : events.list)
        if (windows_.covers(start, event.time))
          if (auto refused = set_.merge(state.get(), event.state.get())) return refused;
      if (windows_.covers(start, added.time))
        if (auto refused = set_.merge(state.get(), added.state.get())) return refused;
    }
    return std::nullopt;
  }

  // The next stream time at which a window closes or a record is no longer needed.
  int64_t next_look(const Events& events, int64_t now) const {
    int64_t next = kNever;
    for (const Event& event : events.list) {
      const int64_t start =
          is_closed(windows_.left(event.time), now) ? event.time + 1 : windows_.left(event.time);
      next = std::min(next, start + reach_ + 1 + options_.grace);
    }
    return next;
  }

  void emit(const Record* origin, const Rows::Node& node, int64_t start, Emitter& out) {
    OwnedState state(set_);
    const int64_t last = windows_.collect(set_, node.value, start, state);
    output_.emit(origin, {node.key, node.value.key_is_text, start, start + reach_}, last, state.get(), out);
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
