// What keeps applied rows: RocksDB or memory. Ordered by key bytes. One thread uses a backend.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace kutils::state {

// A row to write; a NULL value deletes it.
struct Change {
  std::string_view key;
  MaybeBytes value;
};

// Walks over rows as they were when it was made or last sought.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual void seek(std::string_view key) = 0;  // to the first row with this key or a later one
  virtual bool valid() = 0;                     // throws like Backend::get
  virtual void next() = 0;
  virtual std::string_view key() const = 0;  // until next() or seek()
  virtual std::string_view value() const = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  // Valid until the next call. Throws CorruptState, Error(delivery) if the disk cannot be read.
  virtual std::optional<std::string_view> get(std::string_view key) = 0;
  // Rows with these keys are asked for next: who reads from a disk reads those that it does not have in memory together,
  // which costs less than one by one. `keys`, in any order, may be changed, and gone afterwards. Throws as get().
  virtual void read_ahead(std::vector<std::string_view>& /*keys*/) {}
  // Sees the rows as they are now, whatever is written later. On disk any thread may ask for one and use it
  // while the backend lives.
  virtual std::unique_ptr<Cursor> cursor() = 0;
  // All or nothing. `changes` may be gone afterwards. Throws CorruptState, Error(delivery) if the disk is
  // full.
  virtual void write(std::span<const Change> changes) = 0;
  // What was written survives a kill when this returns.
  virtual void flush() = 0;
  virtual bool in_memory() const = 0;
  // Bytes that may stay in memory from commit to commit, in front of this backend: the more partitions are
  // open, the fewer. Changes as others come and go.
  virtual size_t memory_share() const { return size_t{4} << 20; }
  // Bytes of all rows, roughly; for metrics and progress.
  virtual uint64_t approximate_rows() = 0;
};

std::unique_ptr<Backend> make_memory_backend();

}  // namespace kutils::state
