// The open transaction's writes of one partition, in front of its backend.
//
// Writes are appended to an arena; the hash index for reads and the order for scans are made only when asked
// for, so that a stage that writes its rows once per commit pays for neither. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/arena.h"
#include "state/backend.h"

namespace kutils::state {

class Overlay {
 public:
  // A key in two parts, so that callers need not join them. Copies key and value. A NULL value deletes.
  void put(char prefix, std::string_view key, MaybeBytes value);
  // nullptr: not written in this transaction.
  const Change* find(std::string_view key);
  // All changes, sorted by key, the last of each key only. Valid until the next put() or clear().
  std::span<const Change> sorted();
  // The same, without a copy: what is to be done next is clear(). They are valid until then.
  void take_sorted(std::vector<Change>& out);
  // Of its memory at most `keep` bytes stay: the next large transaction may be another partition's.
  void clear(size_t keep);
  bool empty() const { return changes_.empty(); }
  size_t size() const { return changes_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  void remove_duplicates();

  Arena arena_;
  std::vector<Change> changes_;
  std::unordered_map<std::string_view, uint32_t> index_;
  bool indexed_ = false;  // index_ covers changes_, whose keys are unique
  bool sorted_ = false;   // changes_ is sorted and its keys are unique
  size_t bytes_ = 0;
};

}  // namespace kutils::state
