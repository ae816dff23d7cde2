// Which of many objects is due next, by its time, then its key: the timers of KeyedRows in memory.
//
// A heap of four children a place, whose objects know their places, so that each can be taken out. Adding one that is
// due after those that are here, as most are, costs a comparison and no allocation. One thread.
//
// Node needs: std::string key; int64_t due, the same as long as it is here; uint32_t place, which is the heap's.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace kutils::flow {

template <typename Node>
class DueHeap {
 public:
  bool empty() const { return entries_.empty(); }
  // REQUIRES: !empty().
  int64_t next_due() const { return entries_.front().due; }
  Node& next() const { return *entries_.front().node; }

  // REQUIRES: it is not here.
  void add(Node& node) {
    entries_.push_back({node.due, &node});
    rise(entries_.size() - 1);
  }
  // REQUIRES: it is here.
  void erase(Node& node) {
    const size_t at = node.place;
    const Entry last = entries_.back();
    entries_.pop_back();
    if (at == entries_.size()) return;
    entries_[at] = last;
    if (at > 0 && sooner(last, entries_[parent(at)])) {
      rise(at);
    } else {
      sink(at);
    }
  }
  // Of the memory at most `keep` bytes stay.
  void clear(size_t keep) {
    entries_.clear();
    if (entries_.capacity() * sizeof(Entry) > keep) std::vector<Entry>().swap(entries_);
  }

 private:
  struct Entry {
    int64_t due;
    Node* node;
  };
  static constexpr size_t kChildren = 4;

  static size_t parent(size_t at) { return (at - 1) / kChildren; }
  static bool sooner(const Entry& a, const Entry& b) {
    return a.due != b.due ? a.due < b.due : a.node->key < b.node->key;
  }
  void put(size_t at, const Entry& entry) {
    entries_[at] = entry;
    entry.node->place = static_cast<uint32_t>(at);
  }
  void rise(size_t at) {
    const Entry entry = entries_[at];
    for (; at > 0 && sooner(entry, entries_[parent(at)]); at = parent(at)) put(at, entries_[parent(at)]);
    put(at, entry);
  }
  void sink(size_t at) {
    const Entry entry = entries_[at];
    for (;;) {
      const size_t first = at * kChildren + 1;
      if (first >= entries_.size()) break;
      size_t best = first;
      for (size_t i = first + 1; i < std::min(first + kChildren, entries_.size()); ++i)
        if (sooner(entries_[i], entries_[best])) best = i;
      if (!sooner(entries_[best], entry)) break;
      put(at, entries_[best]);
      at = best;
    }
    put(at, entry);
  }

  std::vector<Entry> entries_;
};

}  // namespace kutils::flow
