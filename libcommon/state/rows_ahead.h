// Rows that were read together for the look-ups of a run of records (Backend::read_ahead()).
//
// Most of them are asked for once, in the run for which they were read. In the cache of rows each would put another one
// out, which costs as much as reading it. So they lie here, in a table as small as the run, and only who is read again
// goes to the cache: the rows that are asked for often stay there while a large table is walked through.
// One thread at a time.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace kutils::state {

class RowsAhead {
 public:
  // Forgets all. Of its memory at most `keep` bytes stay.
  void clear(size_t keep) {
    slots_.clear();
    rows_.clear();
    bytes_.clear();
    if (bytes_.capacity() > keep) std::string().swap(bytes_);
  }
  bool empty() const { return rows_.empty(); }
  // Begins a run of at most `count` rows. REQUIRES: it is empty.
  void expect(size_t count) {
    slots_.assign(std::bit_ceil(count * 2 + 1), 0);
    rows_.reserve(count);
  }
  // REQUIRES: expect() left room for it; there is no row of this key. NULL: the database has none.
  void add(std::string_view key, MaybeBytes value) {
    const size_t hash = hash_of(key);
    size_t at = hash & (slots_.size() - 1);
    while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
    rows_.push_back({hash, bytes_.size(), key.size(), value.size(), value.is_null()});
    slots_[at] = static_cast<uint32_t>(rows_.size());
    bytes_.append(key).append(value.is_null() ? std::string_view() : value.view());
  }
  // Whether it was added; `value`, which lives until the next add() or clear(), is NULL where the database has no row.
  bool find(std::string_view key, MaybeBytes& value) const {
    if (rows_.empty()) return false;
    const size_t hash = hash_of(key);
    for (size_t at = hash & (slots_.size() - 1); slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
      const Row& row = rows_[slots_[at] - 1];
      const std::string_view all = bytes_;
      if (row.hash != hash || all.substr(row.from, row.key_size) != key) continue;
      value = row.absent ? MaybeBytes() : MaybeBytes(all.substr(row.from + row.key_size, row.value_size));
      return true;
    }
    return false;
  }

 private:
  struct Row {
    size_t hash, from, key_size, value_size;
    bool absent;
  };
  static size_t hash_of(std::string_view key) { return std::hash<std::string_view>{}(key); }

  std::vector<uint32_t> slots_;  // number of a row, from 1; 0: empty
  std::vector<Row> rows_;
  std::string bytes_;
};

// Which keys were read lately, roughly: what is read a second time is worth a place in memory.
class ReadLately {
 public:
  // About `bytes` of memory, from the first call of again() on.
  void set_bytes(size_t bytes) { marks_wanted_ = std::bit_floor(bytes / sizeof(uint16_t) + 1); }
  // Notes a read of this key. Whether it was noted before, and not many others since.
  bool again(std::string_view key) {
    if (marks_.size() != marks_wanted_) marks_.assign(marks_wanted_, 0);
    const size_t hash = std::hash<std::string_view>{}(key);
    const auto mark = static_cast<uint16_t>(hash >> 48 | 1);
    return std::exchange(marks_[hash & (marks_.size() - 1)], mark) == mark;
  }

 private:
  size_t marks_wanted_ = 1;
  std::vector<uint16_t> marks_;
};

}  // namespace kutils::state
