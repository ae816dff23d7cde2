// The timers of one operator in one task: rows (due, key) -> payload of its store, in stream time or in wall
// time, which are fired in order of due, then key.
//
// They are state as any other: what is put or fired belongs to the open transaction, which carries positions
// (rule 1), so that no timer is lost or fired twice by a crash. After an abort the object is made again from
// the store, with its stage.
//
// The earliest rows lie in memory (the head), so that next_due() and fire() look at no database: it is read
// on, in order, where the head has been fired. Rows within the head that are fired in the transaction in which
// they were put never reach the store. Millions beyond it cost no memory.
//
// Store: kTimerRow due:ordered64 key -> payload.
#pragma once

#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/varint.h"
#include "state/state_error.h"
#include "state/state_format.h"
#include "state/store.h"

namespace kutils::flow {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// The rows' keys. KeyedRows keeps timers of keys that it has in memory, too, and uses these for the others.
struct TimerKey {
  static std::string of(int64_t due, std::string_view key) {
    std::string row(1, state::kTimerRow);
    put_ordered(row, due);
    return row.append(key);
  }
  static std::string end() { return std::string(1, state::kTimerRow + 1); }
  static int64_t due(std::string_view row) {
    if (row.size() < 9) throw state::CorruptState("a timer's key in the state is too short");
    return get_ordered(row.substr(1));
  }
  static std::string_view key(std::string_view row) { return row.substr(9); }
};

class TimerRows {
 public:
  // `head_bytes`: of the rows in memory, from commit to commit.
  explicit TimerRows(state::Store& store, size_t head_bytes = size_t{2} << 20)
      : store_(store), head_bytes_(head_bytes) {
    read_on();
  }

  // REQUIRES: there is no timer (due, key); due < kNever.
  void put(int64_t due, std::string_view key, std::string_view payload) {
    std::string row = TimerKey::of(due, key);
    ++changes_;
    if (!is_whole_ && row > horizon_) return store_.put(row, payload);
    bytes_ += row.size() + payload.size() + kRowBytes;
    if (!store_.in_memory()) unwritten_.push_back(row);
    head_.insert_or_assign(head_.end(), std::move(row), Waiting{std::string(payload), false});
  }
  // It is not to fire.
  void erase(int64_t due, std::string_view key) {
    const std::string row = TimerKey::of(due, key);
    ++changes_;
    const auto found = head_.find(row);
    if (found == head_.end()) return store_.erase(row);
    if (found->second.stored) store_.erase(row);
    bytes_ -= row.size() + found->second.payload.size() + kRowBytes;
    head_.erase(found);
    if (head_.empty()) read_on();
  }
  // When the next one is due; kNever: there is none. No look at the store.
  int64_t next_due() const { return head_.empty() ? kNever : TimerKey::due(head_.begin()->first); }

  // Calls `fired(due, key, payload)` for those that are due at `now`, at most `most`; each is gone before it
  // is called, which may put others. Returns how many.
  template <typename F>
  size_t fire(int64_t now, size_t most, const F& fired) {
    size_t count = 0;
    for (; count < most && next_due() <= now; ++count) {
      auto node = head_.extract(head_.begin());
      bytes_ -= node.key().size() + node.mapped().payload.size() + kRowBytes;
      ++changes_;
      if (node.mapped().stored) store_.erase(node.key());
      if (head_.empty()) read_on();
      fired(TimerKey::due(node.key()), TimerKey::key(node.key()), std::string_view(node.mapped().payload));
    }
    return count;
  }

  // Before each commit.
  void write_back() {
    changes_ = 0;
    if (store_.in_memory()) return;
    for (const std::string& row : unwritten_) {
      const auto found = head_.find(row);
      if (found == head_.end() || found->second.stored) continue;  // it has fired
      store_.put(row, found->second.payload);
      found->second.stored = true;
    }
    unwritten_.clear();
    if (bytes_ <= head_bytes_) return;
    // Half of it stays, so that this is not done for each commit.
    while (head_.size() > 1 && bytes_ > head_bytes_ / 2) {
      const auto last = std::prev(head_.end());
      bytes_ -= last->first.size() + last->second.payload.size() + kRowBytes;
      head_.erase(last);
    }
    is_whole_ = false;
    horizon_ = head_.rbegin()->first;
  }
  // Rows written or fired since the last write_back().
  size_t dirty() const { return changes_; }

 private:
  struct Waiting {
    std::string payload;
    bool stored;
  };
  static constexpr size_t kRowBytes = 128;  // of a node of the map, roughly

  // The next rows beyond the horizon. REQUIRES: head_ is empty.
  void read_on() {
    if (is_whole_) return;
    const std::string from = horizon_.empty() ? std::string(1, state::kTimerRow) : horizon_ + '\0';
    is_whole_ = true;
    store_.scan(from, TimerKey::end(), [&](std::string_view row, std::string_view payload) {
      TimerKey::due(row);  // that it has one
      if (bytes_ > head_bytes_ / 2) {
        is_whole_ = false;
        return false;
      }
      bytes_ += row.size() + payload.size() + kRowBytes;
      head_.emplace_hint(head_.end(), std::string(row), Waiting{std::string(payload), true});
      return true;
    });
    if (!is_whole_) horizon_ = head_.rbegin()->first;
  }

  state::Store& store_;
  const size_t head_bytes_;
  std::map<std::string, Waiting> head_;  // by row: in order of due
  // The store has no row that is not in head_; else head_ has all up to the row horizon_.
  bool is_whole_ = false;
  std::string horizon_;
  std::vector<std::string> unwritten_;  // rows of head_, perhaps fired since
  size_t bytes_ = 0;
  size_t changes_ = 0;
};

}  // namespace kutils::flow
