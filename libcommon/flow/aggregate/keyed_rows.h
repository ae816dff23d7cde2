// One value per key (a key's sessions, a key's sliding events, a value held back), decoded in memory in front
// of the store, with one timer each that fires when stream time reaches it.
//
// The timer is lazy: a key that stays active is not re-armed for each record; when it fires, the owner says
// when to look again. Values and timers are written before each commit and let go when they take too much
// memory; then the timer in the store brings the key back (stored_timers.h). In an in-memory store nothing is
// written.
//
// Store: kKeyRow (or another prefix) key -> due:signed value;  kTimerRow, for many keys (stored_timers.h).
//
// T needs: bool empty() const. Codec: void encode(const T&, std::string&) const; void decode(Reader&, T&)
// const; T make() const.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/varint.h"
#include "flow/aggregate/due_heap.h"
#include "flow/aggregate/node_table.h"
#include "flow/timers/stored_timers.h"
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
    int64_t stored_due = kNever;  // of its timer in the store
    int64_t later_due = kNever;   // of one that was stored before that, and is due later
    bool stored = false;
    bool dirty = false;
    size_t size = 0;                // encoded, when last written
    uint32_t hash = 0, number = 0;  // the table's
    uint32_t place = 0;             // the heap's
  };

  KeyedRows(state::Store& store, Codec codec, size_t cache_bytes, char row_prefix = state::kKeyRow,
            StoredTimers::Rows timer_rows = StoredTimers::Rows::of_many_keys)
      : store_(store),
        codec_(std::move(codec)),
        cache_bytes_(cache_bytes),
        row_prefix_(row_prefix),
        stored_(store, timer_rows) {}

  // Valid until the next fire() or write_back(). A node that stays empty is let go then.
  Node& load(std::string_view key) {
    const uint32_t hash = nodes_.hash_of(key);
    if (Node* const found = nodes_.find(key, hash)) return *found;
    Node& node = nodes_.add(Node{std::string(key), codec_.make()}, hash);
    if (!store_.in_memory()) {
      row_key(key);
      if (const auto bytes = store_.get(key_)) {
        Reader in(*bytes);
        node.due = node.stored_due = in.signed_varint();
        codec_.decode(in, node.value);
        if (!in.ok() || !in.at_end()) throw state::CorruptState("a row of a key in the state is broken");
        node.stored = true;
        if (node.due != kNever) timers_.add(node);
      }
    }
    if (!node.stored) mark(node);
    return node;
  }
  // Names keys that load() will be asked for soon, and reads all that were named (Store::will_get()).
  void will_load(std::string_view key) {
    if (store_.in_memory() || find_loaded(key) != nullptr) return;
    row_key(key);
    store_.will_get(key_);
  }
  void read_ahead() { store_.read_ahead(); }
  // nullptr: not in memory.
  Node* find_loaded(std::string_view key) { return nodes_.find(key, nodes_.hash_of(key)); }
  // The value was changed. (In memory only what may be empty is looked at again.)
  void touch(Node& node) {
    if (!store_.in_memory()) mark(node);
  }
  // Fires at `due` or before.
  void arm(Node& node, int64_t due) {
    if (due >= node.due) return;
    if (node.due != kNever) timers_.erase(node);
    node.due = due;
    timers_.add(node);
  }
  size_t dirty() const { return dirty_.size(); }
  // When the first timer is due; kNever: there is none. No look at the store.
  int64_t next_due() const {
    return timers_.empty() ? stored_.next_due() : std::min(stored_.next_due(), timers_.next_due());
  }

  // Calls `look(node)` for every key whose timer is due, in order of due time, then key; it returns when to
  // look again.
  template <typename F>
  void fire(int64_t now, const F& look) {
    stored_.fire(now, [&](std::string_view key) { load(key); });
    while (!timers_.empty() && timers_.next_due() <= now) {
      Node& node = timers_.next();
      timers_.erase(node);
      node.fired = std::exchange(node.due, kNever);
      if (node.stored_due <= now) {  // its row goes
        node.stored_due = node.later_due > now ? node.later_due : kNever;
        node.later_due = kNever;
      }
      const int64_t next = look(node);
      mark(node);
      if (next != kNever) arm(node, next);
    }
    if (store_.in_memory()) prune();
  }

  // In no order.
  template <typename F>
  void for_each_loaded(const F& look) const {
    nodes_.for_each([&](const Node& node) { look(node); });
  }
  // Looks at every value, also those in the store alone.
  template <typename F>
  void for_each(const F& look) {
    nodes_.for_each([&](const Node& node) { look(node.value); });
    if (store_.in_memory()) return;
    const std::string from(1, row_prefix_), to(1, static_cast<char>(row_prefix_ + 1));
    store_.scan(from, to, [&](std::string_view key, std::string_view bytes) {
      if (find_loaded(key.substr(1)) != nullptr) return true;
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
    changed_.clear();
    for (Node* node : dirty_) {
      if (node->value.empty()) unarm(*node);
      if (node->due == node->stored_due) continue;
      if (stored_.has_row_each() && node->stored_due != kNever)
        stored_.take_back({node->stored_due, node->key});
      else if (node->due < node->stored_due && node->stored_due != kNever)
        node->later_due = node->stored_due;
      if (node->due != kNever) changed_.push_back({node->due, node->key});
      node->stored_due = node->due;
    }
    stored_.write(changed_);
    for (size_t i = 0; i < dirty_.size(); ++i) {
      if (i + kAhead < dirty_.size()) __builtin_prefetch(dirty_[i + kAhead]);
      Node* const node = dirty_[i];
      node->dirty = false;
      const bool gone = node->value.empty();
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
      if (gone) nodes_.erase(*node);
    }
    dirty_.clear();
    if (memory_ <= std::min(cache_bytes_, store_.memory_share())) return;
    changed_.clear();
    nodes_.for_each([&](const Node& node) {
      if (node.stored_due != kNever) changed_.push_back({node.stored_due, node.key});
    });
    stored_.let_go(changed_);
    timers_.clear(store_.memory_share() / 8);
    nodes_.clear(store_.memory_share() / 2);
    memory_ = 0;
  }

 private:
  static constexpr size_t kAhead = 4;  // nodes on their way to the processor

  void mark(Node& node) {
    if (node.dirty) return;
    node.dirty = true;
    dirty_.push_back(&node);
  }
  void unarm(Node& node) {
    if (node.due == kNever) return;
    timers_.erase(node);
    node.due = kNever;
  }
  void prune() {
    for (Node* node : dirty_) {
      node->dirty = false;
      if (!node->value.empty()) continue;
      unarm(*node);
      nodes_.erase(*node);
    }
    dirty_.clear();
  }
  void row_key(std::string_view key) { key_.assign(1, row_prefix_).append(key); }

  state::Store& store_;
  Codec codec_;
  const size_t cache_bytes_;
  const char row_prefix_;
  NodeTable<Node> nodes_;
  DueHeap<Node> timers_;
  std::vector<Node*> dirty_;
  StoredTimers stored_;
  std::vector<StoredTimers::Timer> changed_;
  size_t memory_ = 0;
  std::string key_;
  std::string value_;
};

}  // namespace kutils::flow
