// Records of several partitions in order of time (rule 28b): of those that wait, the oldest first. A
// tool that brings partitions together reads them so, for whatever comes next takes what is out of order for
// late. Only a record more than a day ahead of most of those behind it does not hold these up: it goes when they
// are due, as far as its line shows, for it would keep all of its partition back until the other partitions are
// read. (Whatever is less far ahead waits for its time: who goes early for the sake of an older one behind it
// meets other records than those of its time.) Pure logic over lines of waiting messages; who has the messages
// fills the lines.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace kutils::kafka {

constexpr int64_t kFarAheadMs = 24 * 3'600'000;

// Filled where it is empty or short; its memory stays.
template <typename Message>
class TimeLine {
 public:
  bool empty() const { return first_ == waiting_.size(); }
  // What is behind the first one is to be seen, and is not.
  bool is_short() const { return first_ + kShort >= waiting_.size() && !empty(); }
  // When the first one is due.
  int64_t time() const {
    const std::optional<int64_t> due = has_far_ ? due_if_far_ahead() : std::nullopt;
    return due ? *due : waiting_[first_].time;
  }
  const Message& front() const { return waiting_[first_].message; }
  void push(int64_t time, Message message) {
    if (first_ > 0) {  // those left move to the beginning of the memory
      waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
      forget_largest();
    }
    note(time);
    waiting_.push_back({time, std::move(message)});
  }
  Message pop() {
    Message message = std::move(waiting_[first_].message);
    if (++first_ == waiting_.size()) {
      waiting_.clear();
      first_ = 0;
      forget_largest();
    }
    return message;
  }

 private:
  static constexpr size_t kShort = 5;
  struct Waiting {
    int64_t time;
    Message message;
  };
  static bool is_far(int64_t time, int64_t ahead_of) { return ahead_of < time - kFarAheadMs; }
  void note(int64_t time) {
    largest_ = std::max(largest_, time);
    has_far_ |= is_far(largest_, time);
  }
  void forget_largest() {
    largest_ = 0;
    has_far_ = false;
    for (const Waiting& one : waiting_) note(one.time);
  }
  // The time of the first one that it would hold up.
  std::optional<int64_t> due_if_far_ahead() const {
    const int64_t own = waiting_[first_].time;
    const size_t others = waiting_.size() - first_ - 1;
    size_t behind = 0;
    std::optional<int64_t> due;
    for (size_t at = first_ + 1; at < waiting_.size(); ++at)
      if (is_far(own, waiting_[at].time) && behind++ == 0) due = waiting_[at].time;
    return others > 1 && 2 * behind > others ? due : std::nullopt;
  }

  std::vector<Waiting> waiting_;
  size_t first_ = 0;
  int64_t largest_ = 0;
  bool has_far_ = false;  // one of them may be far ahead of one behind it
};

// Which line has the oldest: a heap of the first times of lines, so that a turn from line to line looks at
// few of them. Of equal times the line that stands first goes first, whoever's turn it was: what depended on
// that would depend on where a batch ended.
class OldestLine {
 public:
  void clear() { heap_.clear(); }
  bool empty() const { return heap_.empty(); }
  void add(int64_t time, size_t line) {
    heap_.push_back({time, line});
    for (size_t at = heap_.size() - 1; at > 0 && heap_[at] < heap_[(at - 1) / 2]; at = (at - 1) / 2)
      std::swap(heap_[at], heap_[(at - 1) / 2]);
  }
  size_t line() const { return heap_.front().line; }
  // The largest time with which line() still goes before the others.
  int64_t until() const {
    int64_t time = std::numeric_limits<int64_t>::max();
    for (size_t at = 1; at < heap_.size() && at <= 2; ++at)
      time = std::min(time, heap_[at].time - (heap_[at].line < heap_.front().line ? 1 : 0));
    return time;
  }
  // Of line().
  void set_time(int64_t time) {
    heap_.front().time = time;
    sink();
  }
  void remove() {
    heap_.front() = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) sink();
  }

 private:
  struct First {
    int64_t time;
    size_t line;
    bool operator<(const First& other) const {
      return time != other.time ? time < other.time : line < other.line;
    }
  };
  void sink() {
    for (size_t at = 0;;) {
      size_t least = 2 * at + 1;
      if (least >= heap_.size()) return;
      if (least + 1 < heap_.size() && heap_[least + 1] < heap_[least]) ++least;
      if (!(heap_[least] < heap_[at])) return;
      std::swap(heap_[at], heap_[least]);
      at = least;
    }
  }

  std::vector<First> heap_;
};

// Hands out up to `most` messages of `lines`, which have a member `line`. `fill(one)` is called where a line
// is empty; false: it is to be waited for, and nothing more is handed out. `look_ahead(one)` where a line is
// short: it adds the messages that have arrived. Returns how many were handed out. A line's turn is `run` messages, or more while they are the oldest. `oldest` is only memory.
template <typename Lines, typename Fill, typename LookAhead, typename Give>
size_t take_in_order_of_time(const Lines& lines, size_t most, OldestLine& oldest, const Fill& fill,
                             const LookAhead& look_ahead, const Give& give, size_t run = 1) {
  if (most == 0) return 0;
  oldest.clear();
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i]->line.empty() && !fill(*lines[i])) return 0;
    if (lines[i]->line.is_short()) look_ahead(*lines[i]);
    if (!lines[i]->line.empty()) oldest.add(lines[i]->line.time(), i);
  }
  size_t taken = 0;
  while (!oldest.empty()) {
    auto& one = *lines[oldest.line()];
    const int64_t until = oldest.until();
    const size_t turn_ends = taken + run;
    do {
      give(one, one.line.pop());
      if (++taken == most) return taken;
      if (one.line.is_short()) look_ahead(one);
      if (one.line.empty() && !fill(one)) return taken;
    } while (!one.line.empty() && (taken < turn_ends || one.line.time() <= until));
    if (one.line.empty()) {
      oldest.remove();
    } else {
      oldest.set_time(one.line.time());
    }
  }
  return taken;
}

}  // namespace kutils::kafka
