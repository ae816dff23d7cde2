// Records of several partitions in order of time (rule 28b): of those that wait, the oldest first. A tool
// that brings partitions together reads them so, for whatever comes next takes what is out of order for late. Pure
// logic over lines of waiting messages; who has the messages fills the lines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <vector>

namespace kutils::kafka {

template <typename Message>
class TimeLine {
 public:
  bool empty() const { return waiting_.empty(); }
  int64_t time() const { return waiting_.front().time; }
  const Message& front() const { return waiting_.front().message; }
  void push(int64_t time, Message message) { waiting_.push_back({time, std::move(message)}); }
  Message pop() {
    Message message = std::move(waiting_.front().message);
    waiting_.pop_front();
    return message;
  }

 private:
  struct Waiting {
    int64_t time;
    Message message;
  };
  std::deque<Waiting> waiting_;
};

// Hands out up to `most` messages of `lines`, which have a member `line`. `fill(one)` is called where a line is
// empty; false: it is to be waited for, and nothing more is handed out. Returns how many were.
template <typename Lines, typename Fill, typename Give>
size_t take_in_order_of_time(const Lines& lines, size_t most, const Fill& fill, const Give& give) {
  size_t taken = 0;
  while (taken < most) {
    typename Lines::value_type oldest{};
    int64_t until = std::numeric_limits<int64_t>::max();  // no other has an older one before this
    for (const auto& one : lines) {
      if (one->line.empty() && !fill(*one)) return taken;
      if (one->line.empty()) continue;
      if (!oldest || one->line.time() < oldest->line.time()) {
        if (oldest) until = oldest->line.time();
        oldest = one;
      } else if (one->line.time() < until) {
        until = one->line.time();
      }
    }
    if (!oldest) break;
    do {
      give(*oldest, oldest->line.pop());
      ++taken;
    } while (taken < most && !oldest->line.empty() && oldest->line.time() <= until);
  }
  return taken;
}

}  // namespace kutils::kafka
