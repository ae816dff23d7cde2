// Sessions: [first, last] of a key's records that are at most `gap` apart.
//
// A key's open sessions are one value (KeyedRows), in order of time; they are more than `gap` apart from each
// other. A record merges the open ones in its reach, in order of their ends, then counts itself. A closed one
// within reach is not touched. Combined records (combine_sessions.h) are as one that reaches from the first to the
// last of them.
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

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
    Reached reached = reach(*node, span, now);
    if (reached.count == 0 && is_closed(span.last, now)) {
      move_on(grouped, out);
      return false;
    }
    if (reached.count == 1) {
      if (auto refused = can_add(set_, reached.first->second.state.get(), grouped)) return *refused;
      move_on(grouped, out);
      node = &rows_.load(grouped.key);
      Session& session = reach(*node, span, now).first->second;
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
    // The new one alone, or what several of them become with it.
    Session merged{span.first, span.last, false, false, OwnedState(set_)};
    if (reached.count == 0 || !merge_safely(reached, grouped)) {
      for (auto one = reached.first; one != reached.end; ++one)
        if (auto refused = set_.merge(merged.state.get(), one->second.state.get())) return *refused;
      if (auto refused = can_add(set_, merged.state.get(), grouped)) return *refused;
      move_on(grouped, out);
      node = &rows_.load(grouped.key);
      reached = reach(*node, span, now);  // earlier ones may have closed
    } else {
      // In place: of a long one and a short one a copy would cost the length.
      move_on(grouped, out);
      node = &rows_.load(grouped.key);
      reached = reach(*node, span, now);
      for (auto one = reached.first; one != reached.end; ++one)
        set_.absorb(merged.state.get(), one->second.state.get());
    }
    add_checked(set_, merged.state.get(), grouped);
    Sessions& sessions = node->value;
    if (sessions.list.empty()) sessions.key_is_text = grouped.key_is_text;
    for (auto one = reached.first; one != reached.end; ++one) {
      const Session& old = one->second;
      merged.first = std::min(merged.first, old.first);
      merged.last = std::max(merged.last, old.last);
      retract(record, *node, old.first, old.last, old.emitted, out);
    }
    const auto behind = sessions.list.erase(reached.first, reached.end);
    const auto at = sessions.list.emplace_hint(behind, span.first, std::move(merged));
    changed(record, *node, at->second, out);
    return true;
  }

  void close_until(int64_t now, Emitter& out) override {
    rows_.fire(now, [&](Rows::Node& node) {
      List& list = node.value.list;
      auto open = list.begin();
      for (; open != list.end() && is_closed(open->second.last, now); ++open) {
        const Session& session = open->second;
        if (options_.emit == Emit::close || session.changed) {
          flush_retractions(out);
          emit(nullptr, node, session, out);
        }
        closed_.put(set_, node.key, node.value.key_is_text, session.first, session.last, session.last,
                    session.state.get());
      }
      list.erase(list.begin(), open);
      return next_close(node.value);
    });
    closed_.expire(now - gap_ - options_.grace - options_.expires);
  }

  int64_t last_close() override {
    int64_t last = kNoTime;
    rows_.for_each([&](const Sessions& sessions) {
      if (!sessions.list.empty())
        last = std::max(last, sessions.list.rbegin()->second.last + gap_ + 1 + options_.grace);
    });
    return last;
  }

  void emit_changes(Emitter& out) override {
    flush_retractions(out);
    for (const std::string& key : changed_) {
      Rows::Node* node = rows_.find_loaded(key);
      if (node == nullptr) continue;  // closed since
      node->value.is_noted = false;
      for (auto& [time, session] : node->value.list) {
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
  using List = std::map<int64_t, Session>;
  struct Reached {
    List::iterator first, end;
    size_t count;
  };
  struct Retraction {
    std::string key;
    bool key_is_text;
    int64_t first, last;
  };

  bool is_closed(int64_t last, int64_t now) const { return last + gap_ + 1 + options_.grace <= now; }

  // The open sessions that `span` touches.
  Reached reach(Rows::Node& node, const SessionSpan& span, int64_t now) const {
    List& list = node.value.list;
    auto first = list.lower_bound(span.first - gap_);
    if (first != list.begin() && std::prev(first)->second.last + gap_ >= span.first) --first;
    // Closed ones (about to be removed) stand before all open ones.
    while (first != list.end() && is_closed(first->second.last, now)) ++first;
    Reached reached{first, first, 0};
    for (; reached.end != list.end() && reached.end->second.first - gap_ <= span.last; ++reached.end)
      ++reached.count;
    return reached;
  }

  // Whether those reached and the record merge, for sure.
  bool merge_safely(const Reached& reached, const GroupedRecord& grouped) const {
    if (!set_.may_refuse()) return true;
    OwnedState added(set_);
    if (can_add(set_, added.get(), grouped)) return false;
    add_checked(set_, added.get(), grouped);
    std::vector<MergeRisk> risks(set_.items().size());
    set_.add_risks(added.get(), risks);
    for (auto one = reached.first; one != reached.end; ++one) set_.add_risks(one->second.state.get(), risks);
    return std::all_of(risks.begin(), risks.end(), [](const MergeRisk& risk) { return risk.is_none(); });
  }

  int64_t next_close(const Sessions& sessions) const {
    return sessions.list.empty() ? kNever : sessions.list.begin()->second.last + gap_ + 1 + options_.grace;
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
      if (!node.value.is_noted) changed_.push_back(node.key);
      node.value.is_noted = true;
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
