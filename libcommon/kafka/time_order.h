// Records of several partitions in order of time (rule 28b): of those that wait, the oldest first. A
// tool that brings partitions together reads them so, for whatever comes next takes what is out of order for
// late. A record holds up those behind it in its partition, so it goes when the oldest of them is due, as far
// as its line shows: one with a time far ahead of the others' would else keep all of its partition back until
// the other partitions are read. Pure logic over lines of waiting messages; who has the messages fills the lines.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace kutils::kafka {

// Filled where it is empty or has one message left; its memory stays.
template <typename Message>
class TimeLine {
 public:
  bool empty() const { return first_ == waiting_.size(); }
  bool has_one() const { return first_ + 1 == waiting_.size(); }
  // The smallest of those that wait: the first one's, where they are in order.
  int64_t time() const { return waiting_[first_].time; }
  const Message& front() const { return waiting_[first_].message; }
  void push(int64_t time, Message message) {
    if (first_ > 0) {  // those left move to the beginning of the memory
      waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
    for (size_t at = waiting_.size(); at > 0 && waiting_[at - 1].time > time; --at)
      waiting_[at - 1].time = time;
    waiting_.push_back({time, std::move(message)});
  }
  Message pop() {
    Message message = std::move(waiting_[first_].message);
    if (++first_ == waiting_.size()) {
      waiting_.clear();
      first_ = 0;
    }
    return message;
  }

 private:
  struct Waiting {
    int64_t time;  // the smallest from here on
    Message message;
  };
  std::vector<Waiting> waiting_;
  size_t first_ = 0;
};

// Which line has the oldest: a heap of the first times of lines, so that a turn from line to line looks at
// few of them. Of equal times the line that stands first goes first.
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
  // The first time of the others.
  int64_t next_time() const {
    int64_t time = std::numeric_limits<int64_t>::max();
    for (size_t at = 1; at < heap_.size() && at <= 2; ++at) time = std::min(time, heap_[at].time);
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
// is empty; false: it is to be waited for, and nothing more is handed out. `look_ahead(one)` where a line has one
// message left: it adds the messages that have arrived. Returns
// how many were handed out. A line's turn is `run` messages, or more while they are the oldest. `oldest` is only memory.
template <typename Lines, typename Fill, typename LookAhead, typename Give>
size_t take_in_order_of_time(const Lines& lines, size_t most, OldestLine& oldest, const Fill& fill,
                             const LookAhead& look_ahead, const Give& give, size_t run = 1) {
  if (most == 0) return 0;
  oldest.clear();
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i]->line.empty() && !fill(*lines[i])) return 0;
    if (lines[i]->line.has_one()) look_ahead(*lines[i]);
    if (!lines[i]->line.empty()) oldest.add(lines[i]->line.time(), i);
  }
  size_t taken = 0;
  while (!oldest.empty()) {
    auto& one = *lines[oldest.line()];
    const int64_t until = oldest.next_time();
    const size_t turn_ends = taken + run;
    do {
      give(one, one.line.pop());
      if (++taken == most) return taken;
      if (one.line.has_one()) look_ahead(one);
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
