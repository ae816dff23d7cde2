// The times of a key's records in order, each with its record's place; one more at any time costs little.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>

namespace kutils::flow {

class OrderedTimes {
 public:
  struct One {
    int64_t time;
    size_t place;
  };

 private:
  struct Sooner {
    using is_transparent = void;
    bool operator()(const One& a, const One& b) const { return a.time < b.time; }
    bool operator()(const One& a, int64_t b) const { return a.time < b; }
    bool operator()(int64_t a, const One& b) const { return a < b.time; }
  };
  using Set = std::multiset<One, Sooner>;

 public:
  using iterator = Set::const_iterator;

  void insert(int64_t time, size_t place) { set_.insert(set_.end(), {time, place}); }
  void forget_before(int64_t time) { set_.erase(set_.begin(), from(time)); }

  bool empty() const { return set_.empty(); }
  iterator begin() const { return set_.begin(); }
  iterator end() const { return set_.end(); }
  iterator from(int64_t time) const { return set_.lower_bound(time); }  // the first that is not before
  iterator after(int64_t time) const { return set_.upper_bound(time); }
  bool has(int64_t time) const { return set_.find(time) != set_.end(); }
  // The largest one before `end`.
  std::optional<int64_t> last_before(iterator end) const {
    if (end == begin()) return std::nullopt;
    return std::prev(end)->time;
  }

 private:
  Set set_;  // of equal times in the order in which they came
};

}  // namespace kutils::flow
