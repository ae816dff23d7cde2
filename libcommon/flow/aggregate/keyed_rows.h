// One value per key (a key's sessions, a key's sliding events, a value held back), decoded in memory in front
// of the store, with one timer each that fires when stream time reaches it.
//
// The timer is lazy: a key that stays active is not re-armed for each record; when it fires, the owner says
// when to look again. Values and timers are written before each commit and let go when they take too much
// memory; then the timer's row in the store brings the key back. The next of these rows are read ahead, many
// with one scan: a scan sorts what the transaction has written, and has the store write what it holds back. In
// an in-memory store nothing is written.
//
// Store: kKeyRow (or another prefix) key -> due:signed value;  kTimerRow due key -> (empty).
//
// T needs: bool empty() const. Codec: void encode(const T&, std::string&) const; void decode(Reader&, T&)
// const; T make() const.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/varint.h"
#include "flow/timers/timer_rows.h"
#include "state/state_error.h"
#include "state/state_format.h"
#include "state/store.h"

namespace kutils::flow {

template <typename T, typename Codec>
class KeyedRows {
 public:
  struct Node {
    std::string key;
    T value;
    int64_t due = kNever;         // armed for this time
    int64_t fired = kNever;       // what it was armed for when fire() looks at it
    int64_t stored_due = kNever;  // the timer row in the store
    bool stored = false;
    bool dirty = false;
    size_t size = 0;  // encoded, when last written
  };

  KeyedRows(state::Store& store, Codec codec, size_t cache_bytes, char row_prefix = state::kKeyRow)
      : store_(store), codec_(std::move(codec)), cache_bytes_(cache_bytes), row_prefix_(row_prefix) {
    if (store_.in_memory()) return;
    ahead_is_all_ = false;
    horizon_ = std::string(1, state::kTimerRow);
    read_ahead();
  }

  // Valid until the next fire() or write_back(). A node that stays empty is let go then.
  Node& load(std::string_view key) {
    const auto found = nodes_.find(key);
    if (found != nodes_.end()) return *found->second;
    auto node = std::make_unique<Node>(Node{std::string(key), codec_.make()});
    if (!store_.in_memory()) {
      row_key(key);
      if (const auto bytes = store_.get(key_)) {
        Reader in(*bytes);
        node->due = node->stored_due = in.signed_varint();
        codec_.decode(in, node->value);
        if (!in.ok() || !in.at_end()) throw state::CorruptState("a row of a key in the state is broken");
        node->stored = true;
        if (node->due != kNever) timers_.insert(node.get());
      }
    }
    Node& result = *node;
    nodes_.emplace(std::string_view(result.key), std::move(node));
    if (!result.stored) mark(result);
    return result;
  }
  // nullptr: not in memory.
  Node* find_loaded(std::string_view key) {
    const auto found = nodes_.find(key);
    return found == nodes_.end() ? nullptr : found->second.get();
  }
  // The value was changed. (In memory only what may be empty is looked at again.)
  void touch(Node& node) {
    if (!store_.in_memory()) mark(node);
  }
  // Fires at `due` or before.
  void arm(Node& node, int64_t due) {
    if (due >= node.due) return;
    if (node.due != kNever) timers_.erase(&node);
    node.due = due;
    timers_.insert(&node);
  }
  size_t dirty() const { return dirty_.size(); }
  // When the first timer is due; kNever: there is none. No look at the store.
  int64_t next_due() const {
    return timers_.empty() ? next_stored() : std::min(next_stored(), (*timers_.begin())->due);
  }

  // Calls `look(node)` for every key whose timer is due, in order of due time, then key; it returns when to
  // look again.
  template <typename F>
  void fire(int64_t now, const F& look) {
    if (next_stored() <= now) load_due(now);
    while (!timers_.empty() && (*timers_.begin())->due <= now) {
      Node& node = **timers_.begin();
      timers_.erase(timers_.begin());
      node.fired = std::exchange(node.due, kNever);
      const int64_t next = look(node);
      mark(node);
      if (next != kNever) arm(node, next);
    }
    if (store_.in_memory()) prune();
  }

  // In no order.
  template <typename F>
  void for_each_loaded(const F& look) const {
    for (const auto& [key, node] : nodes_) look(std::as_const(*node));
  }
  // Looks at every value, also those in the store alone.
  template <typename F>
  void for_each(const F& look) {
    for (const auto& [key, node] : nodes_) look(std::as_const(node->value));
    if (store_.in_memory()) return;
    const std::string from(1, row_prefix_), to(1, static_cast<char>(row_prefix_ + 1));
    store_.scan(from, to, [&](std::string_view key, std::string_view bytes) {
      if (nodes_.find(key.substr(1)) != nodes_.end()) return true;
      T value = codec_.make();
      Reader in(bytes);
      in.signed_varint();  // when its timer is due
      codec_.decode(in, value);
      if (!in.ok() || !in.at_end()) throw state::CorruptState("a row of a key in the state is broken");
      look(std::as_const(value));
      return true;
    });
  }

  void write_back() {
    if (store_.in_memory()) return prune();
    for (Node* node : dirty_) {
      node->dirty = false;
      const bool gone = node->value.empty();
      if (gone) unarm(*node);
      if (node->due != node->stored_due) {
        if (node->stored_due != kNever) store_.erase(TimerKey::of(node->stored_due, node->key));
        if (node->due != kNever) store_.put(TimerKey::of(node->due, node->key), {});
        node->stored_due = node->due;
      }
      row_key(node->key);
      memory_ -= node->size;
      node->size = 0;
      if (!gone) {
        value_.clear();
        put_signed(value_, node->due);
        codec_.encode(node->value, value_);
        store_.put(key_, value_);
        node->size = value_.size() + node->key.size() + 2 * sizeof(Node);
        memory_ += node->size;
      } else if (node->stored) {
        store_.erase(key_);
      }
      node->stored = !gone;
      if (gone) let_go(*node);
    }
    dirty_.clear();
    if (memory_ <= std::min(cache_bytes_, store_.memory_share())) return;
    keep_ahead();
    timers_.clear();
    nodes_.clear();
    memory_ = 0;
  }

 private:
  struct Sooner {
    bool operator()(const Node* a, const Node* b) const {
      return a->due != b->due ? a->due < b->due : a->key < b->key;
    }
  };

  void mark(Node& node) {
    if (node.dirty) return;
    node.dirty = true;
    dirty_.push_back(&node);
  }
  void let_go(Node& node) {
    const auto found = nodes_.find(std::string_view(node.key));
    const std::unique_ptr<Node> last_reference = std::move(found->second);  // the map's key lies in it
    nodes_.erase(found);
  }
  void unarm(Node& node) {
    if (node.due == kNever) return;
    timers_.erase(&node);
    node.due = kNever;
  }
  void prune() {
    for (Node* node : dirty_) {
      node->dirty = false;
      if (!node->value.empty()) continue;
      unarm(*node);
      let_go(*node);
    }
    dirty_.clear();
  }
  void row_key(std::string_view key) { key_.assign(1, row_prefix_).append(key); }
  // No timer in the store of a key that is not loaded is due before.
  int64_t next_stored() const {
    if (ahead_at_ < ahead_.size()) return TimerKey::due(ahead_[ahead_at_]);
    return ahead_is_all_ ? kNever : TimerKey::due(horizon_);
  }
  void load_due(int64_t now) {
    for (;;) {
      for (; ahead_at_ < ahead_.size() && TimerKey::due(ahead_[ahead_at_]) <= now; ++ahead_at_)
        load(TimerKey::key(ahead_[ahead_at_]));
      if (next_stored() > now) return;
      read_ahead();
    }
  }
  // The next timer rows of the store, from the horizon on. REQUIRES: those before it are done.
  void read_ahead() {
    ahead_.clear();
    ahead_at_ = 0;
    ahead_is_all_ = true;
    size_t bytes = 0;
    const size_t most = ahead_bytes();
    // Not from the first timer row on: a database walks over each one that has fired, again and again.
    const std::string from = std::move(horizon_);
    store_.scan(from, TimerKey::end(), [&](std::string_view row, std::string_view) {
      TimerKey::due(row);  // that it has one
      if (bytes > most) {
        horizon_ = row;
        ahead_is_all_ = false;
        return false;
      }
      bytes += row.size() + sizeof(std::string);
      ahead_.emplace_back(row);
      return true;
    });
  }
  // All keys are about to be let go: their timers before the horizon are only known here.
  void keep_ahead() {
    ahead_.erase(ahead_.begin(), ahead_.begin() + static_cast<std::ptrdiff_t>(ahead_at_));
    ahead_at_ = 0;
    const auto is_known = [&](int64_t due) { return ahead_is_all_ || due <= TimerKey::due(horizon_); };
    for (const Node* node : timers_) {
      if (!is_known(node->due)) break;
      if (node->stored_due == kNever) continue;
      std::string row = TimerKey::of(node->stored_due, node->key);
      if (ahead_is_all_ || row < horizon_) ahead_.push_back(std::move(row));
    }
    std::sort(ahead_.begin(), ahead_.end());
    ahead_.erase(std::unique(ahead_.begin(), ahead_.end()), ahead_.end());
    size_t bytes = 0;
    const size_t most = ahead_bytes();
    for (size_t i = 0; i < ahead_.size(); ++i) {
      if (bytes > most) {
        horizon_ = ahead_[i];
        ahead_is_all_ = false;
        ahead_.resize(i);
        break;
      }
      bytes += ahead_[i].size() + sizeof(std::string);
    }
  }
  size_t ahead_bytes() const { return store_.memory_share() / 8; }

  state::Store& store_;
  Codec codec_;
  const size_t cache_bytes_;
  const char row_prefix_;
  std::unordered_map<std::string_view, std::unique_ptr<Node>> nodes_;
  std::set<Node*, Sooner> timers_;
  std::vector<Node*> dirty_;
  // Rows of timers in the store. Of keys that are not loaded all before the row horizon_ stand from ahead_at_ on,
  // in order; some may be of keys that are loaded or gone, which are looked at for nothing.
  std::vector<std::string> ahead_;
  size_t ahead_at_ = 0;
  bool ahead_is_all_ = true;  // there are no others, and horizon_ says nothing
  std::string horizon_;
  size_t memory_ = 0;
  std::string key_;
  std::string value_;
};

}  // namespace kutils::flow
