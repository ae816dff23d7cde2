// The timers of KeyedRows in the store: many keys in one row, so that a key that comes and goes costs no row (and
// no record of the changelog) for its timer alone.
//
// What is said here of a key is only that it is to be looked at: when its timer is due says its own row. So nothing
// is ever taken out of a row; it goes when all of its members are due, and until then some may be of keys that are
// gone or due later, which are looked at for nothing. A row is named after its first member.
//
// Where a key may be done long before its time, and come again (ktake), its timer has a row of its own, which goes with
// it: else timers would pile up until they are due.
//
// Keys whose timers were written and which are still in memory need none of it. Of those that are let go the timers
// that are due before the horizon stay in memory; rows beyond it are read when it is reached (many with one scan, for a
// scan walks over all that the store was given lately), and at a start.
//
// Store: kTimerRow due:ordered64 key -> members;  members := { later:varint key:bytes }, later than the one before.
// In format 2 each key had a row, whose value is empty.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/varint.h"
#include "flow/timers/timer_rows.h"
#include "state/state_error.h"
#include "state/state_format.h"
#include "state/store.h"

namespace kutils::flow {

class StoredTimers {
 public:
  struct Timer {
    int64_t due;
    std::string_view key;
    friend bool operator<(const Timer& a, const Timer& b) {
      return a.due != b.due ? a.due < b.due : a.key < b.key;
    }
  };

  enum class Rows { of_many_keys, of_one_key };

  explicit StoredTimers(state::Store& store, Rows rows = Rows::of_many_keys)
      : store_(store), most_members_(rows == Rows::of_one_key ? 1 : kMostMembers) {
    if (store_.in_memory()) return;
    is_all_ = false;
    horizon_ = std::string(1, state::kTimerRow);
    read_on();
  }

  // No key that was let go is to be looked at before; kNever: none. No look at the store.
  int64_t next_due() const {
    const int64_t ahead = at_ < ahead_.size() ? ahead_[at_].due : kNever;
    return is_all_ ? ahead : std::min(ahead, TimerKey::due(horizon_));
  }

  // Calls `load(key)` for each key that was let go and is due at `now`, perhaps for others.
  template <typename F>
  void fire(int64_t now, const F& load) {
    while (next_due() <= now) {
      for (; at_ < ahead_.size() && ahead_[at_].due <= now; ++at_) load(key_of(ahead_[at_]));
      if (!is_all_ && TimerKey::due(horizon_) <= now) read_on();
    }
    for (; !rows_.empty() && rows_.begin()->first <= now; rows_.erase(rows_.begin())) {
      row_bytes_ -= weight(rows_.begin()->second);
      gone_.push_back(rows_.begin()->second);
    }
  }

  bool has_row_each() const { return most_members_ == 1; }
  // The timer is in the store no longer, from the next write() on. REQUIRES: has_row_each().
  void take_back(const Timer& timer) {
    std::string row = TimerKey::of(timer.due, timer.key);
    if (rows_.erase({timer.due, row}) > 0) row_bytes_ -= weight(row);
    gone_.push_back(std::move(row));
  }

  // Before a commit, and before anything else is written for it (looks are dear behind writes): `timers` are in
  // the store. Sorts them.
  void write(std::vector<Timer>& timers) {
    std::sort(timers.begin(), timers.end());
    made_.clear();
    // A row should go soon after its first member is due: far apart ones do not share one.
    const int64_t span =
        timers.empty() ? 0 : std::max<int64_t>(kLeastSpan, (timers.back().due - timers.front().due) / kSpans);
    for (size_t from = 0, to; from < timers.size(); from = to) {
      size_t bytes = timers[from].key.size();
      const bool is_before = is_before_horizon(timers[from]);
      for (to = from + 1; to < timers.size() && to - from < most_members_; ++to) {
        bytes += timers[to].key.size();
        if (bytes > kMostBytes || timers[to].due - timers[from].due > span) break;
        // All of a row are in memory or none: let_go() tells them apart by their own times.
        if (is_before_horizon(timers[to]) != is_before) break;
      }
      while (from < to && !has_row_each() && is_name(timers[from])) ++from;
      if (from < to) make_row(timers.data() + from, timers.data() + to);
    }
    for (const std::string& row : gone_) store_.erase(row);
    gone_.clear();
    for (const auto& [row, members] : made_) store_.put(row, members);
    if (row_bytes_ > 2 * most_bytes()) forget();  // what is in memory is only found once more
  }

  // All keys leave the memory; `timers`: what the store has of them. Changes them.
  void let_go(std::vector<Timer>& timers) {
    timers.erase(std::remove_if(timers.begin(), timers.end(),
                                [&](const Timer& timer) { return !is_before_horizon(timer); }),
                 timers.end());
    std::sort(timers.begin(), timers.end());
    size_t bytes = (ahead_.size() - at_ + timers.size()) * sizeof(Ahead) + bytes_.size();
    for (const Timer& timer : timers) bytes += timer.key.size();
    if (bytes > 2 * most_bytes()) return forget();
    // What is ahead was let go before, and some of it again now.
    std::vector<Timer> all;
    all.reserve(ahead_.size() - at_ + timers.size());
    for (; at_ < ahead_.size(); ++at_) all.push_back({ahead_[at_].due, key_of(ahead_[at_])});
    const auto middle = static_cast<std::ptrdiff_t>(all.size());
    all.insert(all.end(), timers.begin(), timers.end());
    std::inplace_merge(all.begin(), all.begin() + middle, all.end());
    std::string kept;
    ahead_.clear();
    at_ = 0;
    for (size_t i = 0; i < all.size(); ++i) {
      if (i > 0 && !(all[i - 1] < all[i])) continue;
      ahead_.push_back({all[i].due, kept.size(), all[i].key.size()});
      kept.append(all[i].key);
    }
    bytes_.swap(kept);
  }

 private:
  // Rows of timers leave the memory, and those of keys that were let go.
  void forget() {
    for (const auto& [last, row] : rows_) {
      if (!is_all_ && horizon_ <= row) continue;
      horizon_ = row;
      is_all_ = false;
    }
    rows_.clear();
    ahead_.clear();
    bytes_.clear();
    at_ = row_bytes_ = 0;
  }

  struct Ahead {
    int64_t due;
    size_t from, size;  // of the key in bytes_
  };
  std::string_view key_of(const Ahead& one) const {
    return std::string_view(bytes_).substr(one.from, one.size);
  }

  static constexpr size_t kMostMembers = 64;
  static constexpr size_t kMostBytes = 4096;   // of keys
  static constexpr int64_t kLeastSpan = 1000;  // ms
  static constexpr int64_t kSpans = 64;

  size_t most_bytes() const { return store_.memory_share() / 8; }
  bool is_before_horizon(const Timer& timer) const {
    if (is_all_) return true;
    const int64_t due = TimerKey::due(horizon_);
    return timer.due != due ? timer.due < due : timer.key < TimerKey::key(horizon_);
  }
  static size_t weight(std::string_view row) { return row.size() + 96; }  // in rows_, roughly

  // Calls `member(due, key)` for each. Returns when the last is due.
  template <typename F>
  static int64_t read_row(std::string_view row, std::string_view members, const F& member) {
    int64_t due = TimerKey::due(row);
    member(due, TimerKey::key(row));
    for (Reader in(members); !in.at_end();) {
      due = static_cast<int64_t>(static_cast<uint64_t>(due) + in.varint());
      const std::string_view key = in.bytes();
      if (!in.ok()) throw state::CorruptState("a row of timers in the state is broken");
      member(due, key);
    }
    return due;
  }

  // Whether a row of the store begins with this timer. Such a row is not rewritten: it would grow with each commit that
  // sets the timer again.
  bool is_name(const Timer& timer) {
    const std::string row = TimerKey::of(timer.due, timer.key);
    if (std::find(gone_.begin(), gone_.end(), row) == gone_.end()) return store_.get(row).has_value();
    // This commit was about to delete the row, since all of its timers were due.
    gone_.erase(std::remove(gone_.begin(), gone_.end(), row), gone_.end());
    return false;
  }

  // Of [from, to), which is in order and not empty; the first names no row.
  void make_row(const Timer* from, const Timer* to) {
    std::string row = TimerKey::of(from->due, from->key);
    std::string members;
    int64_t last = from->due;
    for (const Timer* one = from + 1; one != to; ++one) {
      put_varint(members, static_cast<uint64_t>(one->due) - static_cast<uint64_t>(last));
      put_bytes(members, one->key);
      last = one->due;
    }
    if (is_all_ || row < horizon_) {
      row_bytes_ += weight(row);
      rows_.emplace(last, row);
    }
    made_.emplace_back(std::move(row), std::move(members));
  }

  // The next rows, from the horizon on.
  void read_on() {
    // Of what was read before, that is left which is due later than the horizon.
    std::string kept;
    for (size_t i = at_; i < ahead_.size(); ++i) {
      const std::string_view key = key_of(ahead_[i]);
      ahead_[i - at_] = {ahead_[i].due, kept.size(), key.size()};
      kept.append(key);
    }
    ahead_.resize(ahead_.size() - at_);
    at_ = 0;
    bytes_.swap(kept);

    const std::string from = std::move(horizon_);
    const size_t most = most_bytes();
    size_t read = 0;
    is_all_ = true;
    // Not from the first row on: a database walks over each one that has gone, again and again.
    store_.scan(from, TimerKey::end(), [&](std::string_view row, std::string_view members) {
      if (read > most) {
        TimerKey::due(row);  // that it has one
        horizon_ = row;
        is_all_ = false;
        return false;
      }
      const int64_t last = read_row(row, members, [&](int64_t due, std::string_view key) {
        ahead_.push_back({due, bytes_.size(), key.size()});
        bytes_.append(key);
        read += key.size() + sizeof(Ahead);
      });
      read += weight(row);
      row_bytes_ += weight(row);
      rows_.emplace(last, row);
      return true;
    });
    std::sort(ahead_.begin(), ahead_.end(), [this](const Ahead& a, const Ahead& b) {
      return Timer{a.due, key_of(a)} < Timer{b.due, key_of(b)};
    });
  }

  state::Store& store_;
  const size_t most_members_;
  // Rows before the horizon, by when their last member is due.
  std::set<std::pair<int64_t, std::string>> rows_;
  size_t row_bytes_ = 0;
  // Members of those of them that were read, in order of due: done before at_.
  std::vector<Ahead> ahead_;
  std::string bytes_;
  size_t at_ = 0;
  std::string horizon_;
  bool is_all_ = true;  // there are no rows beyond, and horizon_ says nothing
  std::vector<std::string> gone_;
  std::vector<std::pair<std::string, std::string>> made_;
};

}  // namespace kutils::flow
