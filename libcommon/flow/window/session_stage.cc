// Sessions: [first, last] of a key's records that are at most `gap` apart.
//
// A key's open sessions are one value (KeyedRows), in order of time; they are more than `gap` apart from each
// other. A record merges the open ones in its reach, in order of their ends, then counts itself. A closed one
// within reach is not touched. Combined records (combine_sessions.h) are as one that reaches from the first to the
// last of them.
#include <algorithm>

#include "flow/aggregate/combined.h"
#include "flow/aggregate/keyed_rows.h"
#include "flow/window/closed_rows.h"
#include "flow/window/session_rows.h"
#include "flow/window/window_stage.h"

namespace kutils::flow {
namespace {

class SessionStage final : public WindowStage {
 public:
  SessionStage(WindowOptions options, const AggregateSet& set, std::unique_ptr<RecordReader> reader,
               state::Store& store)
      : WindowStage(std::move(options), set, std::move(reader), store),
        gap_(options_.window.size),
        rows_(store, SessionCodec(set), options_.cache_bytes),
        closed_(store, options_.expires > 0) {}

 protected:
  Result<bool> take(const Record& record, const GroupedRecord& grouped, int64_t now, Emitter& out) override {
    SessionSpan span{grouped.time, grouped.time};
    if (grouped.combined) {
      if (grouped.combined->records() == 0) {
        move_on(grouped, out);
        return true;
      }
      span = *grouped.combined->session();
    }
    Rows::Node* node = &rows_.load(grouped.key);
    size_t first = 0, count = 0;
    reach(*node, span, now, first, count);
    if (count == 0 && is_closed(span.last, now)) {
      move_on(grouped, out);
      return false;
    }
    if (count == 1) {
      if (auto refused = can_add(set_, node->value.list[first].state.get(), grouped)) return *refused;
      move_on(grouped, out);
      node = &rows_.load(grouped.key);
      reach(*node, span, now, first, count);
      Session& session = node->value.list[first];
      const int64_t old_first = session.first, old_last = session.last;
      add_checked(set_, session.state.get(), grouped);
      session.first = std::min(session.first, span.first);
      session.last = std::max(session.last, span.last);
      if (session.first != old_first || session.last != old_last) {
        retract(record, *node, old_first, old_last, session.emitted, out);
        session.emitted = false;
      }
      changed(record, *node, session, out);
      return true;
    }
    Session merged{span.first, span.last, false, false, OwnedState(set_)};
    for (size_t i = first; i < first + count; ++i) {
      const Session& session = node->value.list[i];
      if (auto refused = set_.merge(merged.state.get(), session.state.get())) return *refused;
      merged.first = std::min(merged.first, session.first);
      merged.last = std::max(merged.last, session.last);
    }
    if (auto refused = can_add(set_, merged.state.get(), grouped)) return *refused;
    add_checked(set_, merged.state.get(), grouped);
    move_on(grouped, out);
    node = &rows_.load(grouped.key);
    reach(*node, span, now, first, count);  // earlier ones may have closed
    Sessions& sessions = node->value;
    if (sessions.list.empty()) sessions.key_is_text = grouped.key_is_text;
    const auto from = sessions.list.begin() + static_cast<std::ptrdiff_t>(first);
    for (auto old = from; old != from + static_cast<std::ptrdiff_t>(count); ++old)
      retract(record, *node, old->first, old->last, old->emitted, out);
    sessions.list.erase(from, from + static_cast<std::ptrdiff_t>(count));
    const auto at =
        sessions.list.insert(sessions.list.begin() + static_cast<std::ptrdiff_t>(first), std::move(merged));
    changed(record, *node, *at, out);
    return true;
  }

  void close_until(int64_t now, Emitter& out) override {
    rows_.fire(now, [&](Rows::Node& node) {
      std::vector<Session>& list = node.value.list;
      for (const Session& session : list) {
        if (!is_closed(session.last, now)) continue;
        if (options_.emit == Emit::close || session.changed) {
          flush_retractions(out);
          emit(nullptr, node, session, out);
        }
        closed_.put(set_, node.key, node.value.key_is_text, session.first, session.last, session.last,
                    session.state.get());
      }
      list.erase(
          std::remove_if(list.begin(), list.end(), [&](const Session& s) { return is_closed(s.last, now); }),
          list.end());
      return next_close(node.value);
    });
    closed_.expire(now - gap_ - options_.grace - options_.expires);
  }

  int64_t last_close() override {
    int64_t last = kNoTime;
    rows_.for_each([&](const Sessions& sessions) {
      for (const Session& session : sessions.list)
        last = std::max(last, session.last + gap_ + 1 + options_.grace);
    });
    return last;
  }

  void emit_changes(Emitter& out) override {
    flush_retractions(out);
    for (const std::string& key : changed_) {
      Rows::Node* node = rows_.find_loaded(key);
      if (node == nullptr) continue;  // closed since
      for (Session& session : node->value.list) {
        if (!session.changed) continue;
        session.changed = false;
        session.emitted = true;
        emit(nullptr, *node, session, out);
      }
    }
    changed_.clear();
  }

  void write_back() override { rows_.write_back(); }

 public:
  size_t dirty_rows() const override { return rows_.dirty(); }

 private:
  using Rows = KeyedRows<Sessions, SessionCodec>;
  struct Retraction {
    std::string key;
    bool key_is_text;
    int64_t first, last;
  };

  bool is_closed(int64_t last, int64_t now) const { return last + gap_ + 1 + options_.grace <= now; }

  // The open sessions that `span` touches: `count` from `first` on. With none, `first` is where its own would
  // stand.
  void reach(const Rows::Node& node, const SessionSpan& span, int64_t now, size_t& first,
             size_t& count) const {
    const std::vector<Session>& list = node.value.list;
    first = 0;
    // Closed ones (about to be removed) stand before all open ones.
    while (first < list.size() && (list[first].last + gap_ < span.first || is_closed(list[first].last, now)))
      ++first;
    count = 0;
    while (first + count < list.size() && list[first + count].first - gap_ <= span.last) ++count;
  }

  int64_t next_close(const Sessions& sessions) const {
    int64_t next = kNever;
    for (const Session& session : sessions.list)
      next = std::min(next, session.last + gap_ + 1 + options_.grace);
    return next;
  }

  void retract(const Record& record, const Rows::Node& node, int64_t first, int64_t last, bool was_emitted,
               Emitter& out) {
    if (options_.emit == Emit::update) {
      output_.retract(&record, {node.key, node.value.key_is_text, first, last}, out);
    } else if (options_.emit == Emit::commit && was_emitted) {
      retractions_.push_back({node.key, node.value.key_is_text, first, last});
    }
  }

  void changed(const Record& record, Rows::Node& node, Session& session, Emitter& out) {
    rows_.touch(node);
    rows_.arm(node, session.last + gap_ + 1 + options_.grace);
    if (options_.emit == Emit::update) {
      emit(&record, node, session, out);
    } else if (options_.emit == Emit::commit && !session.changed) {
      session.changed = true;
      changed_.push_back(node.key);
    }
  }

  void emit(const Record* origin, const Rows::Node& node, const Session& session, Emitter& out) {
    output_.emit(origin, {node.key, node.value.key_is_text, session.first, session.last}, session.last,
                 session.state.get(), out);
  }

  void flush_retractions(Emitter& out) {
    for (const Retraction& old : retractions_)
      output_.retract(nullptr, {old.key, old.key_is_text, old.first, old.last}, out);
    retractions_.clear();
  }

  const int64_t gap_;
  Rows rows_;
  ClosedRows closed_;
  std::vector<std::string> changed_;
  std::vector<Retraction> retractions_;
};

}  // namespace

std::unique_ptr<Stage> make_session_stage(WindowOptions options, const AggregateSet& set,
                                          std::unique_ptr<RecordReader> reader, state::Store& store) {
  options.format.bounds_in_key = true;
  return std::make_unique<SessionStage>(std::move(options), set, std::move(reader), store);
}

}  // namespace kutils::flow
