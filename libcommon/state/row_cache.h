// Applied rows in memory, in front of a partition's database: those not yet written to it, and those read or
// written lately.
//
// Encoded rows in an arena behind an open hash table (linear probing; 8 bytes a slot, a row's header is 4
// bytes), because a memtable's skip list costs several times as much per row, in time and in memory. Rows
// that the database has are let go by the clock algorithm (second chance) when the limit is reached; dirty
// ones never are. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "state/backend.h"

namespace kutils::state {

class RowCache {
 public:
  // Larger ones are not taken.
  static constexpr size_t kMaxRowBytes = 32'000;

  // `limit`: bytes of rows and table together, roughly; dirty rows may exceed it. `complete`: the database is
  // empty.
  RowCache(size_t limit, bool complete) : limit_(limit), complete_(complete) {}
  void set_limit(size_t limit) {
    limit_ = limit;
  }  // holds from the next put(); what is too much goes at trim()
  RowCache(const RowCache&) = delete;
  RowCache& operator=(const RowCache&) = delete;

  enum class Known { no, absent, present };
  // `value` is valid until the next put(), forget() or trim(): not ended by clean(), which another thread may
  // cause while it is read (RocksBackend::cursor()).
  Known find(std::string_view key, std::string_view& value);
  // The key will be asked for or put soon: its slot is fetched into the processor's cache.
  void load_ahead(std::string_view key) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash_of(key) & (slots_.size() - 1)]);
  }
  // A NULL value deletes. `dirty`: the database does not have it. REQUIRES: key and value together at most
  // kMaxRowBytes.
  void put(std::string_view key, MaybeBytes value, bool dirty);
  // The database has another value than the one here, if there is one.
  void forget(std::string_view key);

  size_t dirty() const { return dirty_; }
  // Bytes put since all was clean.
  size_t dirty_bytes() const { return dirty_bytes_; }
  // All dirty rows, in no order. Valid until the next put().
  void collect_dirty(std::vector<Change>& out) const;
  // Those of them with a key in [from, to); an empty `to`: to the end.
  void collect_dirty(std::string_view from, std::string_view to, std::vector<Change>& out) const;
  // The database has them now.
  void clean();
  // After clean(): lets all go where it is more than the limit or worn.
  void trim();
  size_t memory() const { return chunks_.size() * kChunkUnits * 8 + slots_.size() * sizeof(Slot); }
  size_t size() const { return used_; }

 private:
  struct Row {
    uint16_t key_size;
    uint16_t value_size;  // kDeleted: none
  };
  // `at` counts 8 bytes from the arena's start, plus 1; 0: empty.
  struct Slot {
    uint32_t at = 0;
    uint32_t hash : 30;
    uint32_t dirty : 1;
    uint32_t referenced : 1;
  };
  static constexpr uint16_t kDeleted = UINT16_MAX;
  static constexpr size_t kChunkUnits = 8 * 1024;  // of 8 bytes; the largest row fits

  static uint32_t hash_of(std::string_view key);
  static size_t units(size_t key_size, size_t value_size) {
    return (sizeof(Row) + key_size + value_size + 7) / 8;
  }
  static size_t units_of(const Row& row) {
    return units(row.key_size, row.value_size == kDeleted ? 0 : row.value_size);
  }
  static char* bytes_of(Row& row) { return reinterpret_cast<char*>(&row + 1); }
  static const char* bytes_of(const Row& row) { return reinterpret_cast<const char*>(&row + 1); }
  static std::string_view key_of(const Row& row) { return {bytes_of(row), row.key_size}; }
  static MaybeBytes value_of(const Row& row);
  Row& row(uint32_t at) const;
  size_t find_slot(std::string_view key,
                   uint32_t hash) const;  // the row's, or the empty one where it belongs
  void set(Slot& slot, std::string_view key, MaybeBytes value);
  uint32_t allocate(size_t units);
  uint32_t take_free(size_t units);  // 0: none fits
  uint32_t take_part(size_t units);
  void release(uint32_t at);
  void erase_slot(size_t slot);
  bool let_one_go();
  void make_room();
  void grow();
  void clear();

  size_t limit_;
  bool complete_;  // what is not here is nowhere
  std::vector<Slot> slots_;
  size_t used_ = 0;
  size_t dirty_ = 0;
  size_t dirty_bytes_ = 0;
  size_t hand_ = 0;
  std::vector<std::unique_ptr<uint64_t[]>> chunks_;
  size_t next_unit_ = kChunkUnits;           // in the last chunk
  size_t free_units_ = 0;                    // of rows that were let go
  std::vector<std::vector<uint32_t>> free_;  // by units
};

}  // namespace kutils::state
