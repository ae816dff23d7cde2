// Decoded rows by key, in front of the store: a hash table whose rows lie in one arena, each with its
// aggregates' state and its key. Rows keep their address until clear(). One thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "flow/aggregate/aggregate_set.h"

namespace kutils::flow {

struct Row {
  size_t hash;
  int64_t time;  // largest time of its records
  uint32_t key_size;
  uint32_t heap;     // what its state has outside of the table, as weigh() was told
  bool exists;       // false: deleted, or only looked up
  bool stored;       // the store may hold a row that must be erased when this one goes
  bool dirty;        // differs from the store
  bool changed;      // not yet emitted
  bool key_is_text;  // show the key as a JSON string; else it is JSON already
  uint16_t records;  // in front of an internal topic: how many it stands for (combine_stage.h)
};

class RowTable {
 public:
  // `beside`: bytes that each row has for its owner, at first 0, trivially copied.
  explicit RowTable(const AggregateSet& set, size_t beside = 0)
      : set_(set), state_offset_((sizeof(Row) + beside + 15) / 16 * 16) {}
  ~RowTable() { destroy_states(); }
  RowTable(const RowTable&) = delete;
  RowTable& operator=(const RowTable&) = delete;

  char* beside(Row* row) const { return reinterpret_cast<char*>(row) + sizeof(Row); }
  char* state(Row* row) const { return reinterpret_cast<char*>(row) + state_offset_; }
  std::string_view key(const Row* row) const {
    return {reinterpret_cast<const char*>(row) + state_offset_ + set_.state_size(), row->key_size};
  }

  // The row, and whether it is new: then its state is initialised, everything else false and 0.
  std::pair<Row*, bool> find_or_add(std::string_view key) {
    if ((rows_.size() + 1) * 2 > slots_.size()) grow();
    const size_t hash = std::hash<std::string_view>{}(key);
    const size_t mask = slots_.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      Row* row = slots_[at];
      if (row == nullptr) {
        row = make(key, hash);
        slots_[at] = row;
        return {row, true};
      }
      if (row->hash == hash && this->key(row) == key) return {row, false};
    }
  }
  // Another row with the key of `row`, which the table finds from now on in its place; `row` stays among rows().
  Row* add_another(const Row* row) {
    if ((rows_.size() + 1) * 2 > slots_.size()) grow();
    const size_t mask = slots_.size() - 1;
    size_t at = row->hash & mask;
    while (slots_[at] != row) at = (at + 1) & mask;
    return slots_[at] = make(key(row), row->hash);
  }
  // Null: it is not here.
  Row* find(std::string_view key) const {
    if (rows_.empty()) return nullptr;
    const size_t hash = std::hash<std::string_view>{}(key);
    const size_t mask = slots_.size() - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
      Row* row = slots_[at];
      if (row == nullptr || (row->hash == hash && this->key(row) == key)) return row;
    }
  }
  // What states hold elsewhere (collect, fold, distinct) counts too: about as much as their encoded form is
  // longer than they are.
  void weigh(Row* row, size_t encoded) {
    const size_t heap = encoded > set_.state_size() ? encoded - set_.state_size() : 0;
    memory_ += heap - row->heap;
    row->heap = static_cast<uint32_t>(heap);
  }
  const std::vector<Row*>& rows() const { return rows_; }
  size_t size() const { return rows_.size(); }
  size_t memory() const { return memory_; }
  // Of its memory `keep` bytes stay, roughly: the next large transaction may be another partition's.
  void clear(size_t keep) {
    destroy_states();
    rows_.clear();
    if (memory_ > keep) {
      std::vector<Row*>().swap(rows_);
      std::vector<Row*>().swap(slots_);
    } else {
      std::fill(slots_.begin(), slots_.end(), nullptr);
    }
    arena_.reset(keep);
    memory_ = 0;
  }

 private:
  Row* make(std::string_view key, size_t hash) {
    const size_t size = state_offset_ + set_.state_size() + key.size();
    memory_ += size + 2 * sizeof(Row*);
    Row* row = reinterpret_cast<Row*>(arena_.allocate(size));
    *row = Row{};
    std::memset(beside(row), 0, state_offset_ - sizeof(Row));
    row->hash = hash;
    row->key_size = static_cast<uint32_t>(key.size());
    if (!key.empty()) std::memcpy(state(row) + set_.state_size(), key.data(), key.size());
    set_.init(state(row));
    rows_.push_back(row);
    return row;
  }
  void grow() {
    slots_.assign(slots_.empty() ? 8 : slots_.size() * 2, nullptr);
    const size_t mask = slots_.size() - 1;
    for (Row* row : rows_) {
      size_t at = row->hash & mask;
      // Of several with one key (add_another()) the newest is found.
      while (slots_[at] != nullptr && !(slots_[at]->hash == row->hash && key(slots_[at]) == key(row)))
        at = (at + 1) & mask;
      slots_[at] = row;
    }
  }
  void destroy_states() {
    for (Row* row : rows_) set_.destroy(state(row));
  }

  const AggregateSet& set_;
  const size_t state_offset_;
  Arena arena_;
  std::vector<Row*> rows_;
  std::vector<Row*> slots_;  // a power of two, at most half full
  size_t memory_ = 0;
};

// A row's value in the store: flags:u8 (1: the key is text) time:signed aggregates. kutils-state(5).
inline void encode_row(const AggregateSet& set, bool key_is_text, int64_t time, const char* state,
                       std::string& out) {
  out.push_back(key_is_text ? 1 : 0);
  put_signed(out, time);
  set.encode(state, out);
}

}  // namespace kutils::flow
