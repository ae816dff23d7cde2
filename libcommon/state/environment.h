// What all stores of a process share: one block cache and one write-buffer manager that together bound the
// memory of state (`--cache`), and the way to open a database. Making it loads RocksDB
// (state/database_engine.h). Owned by main, outlives every store. Thread-safe.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "state/backend.h"

namespace kutils::state {

class DatabaseEngine;

class StateEnvironment {
 public:
  explicit StateEnvironment(size_t cache_bytes = size_t{64} << 20);
  ~StateEnvironment();
  StateEnvironment(const StateEnvironment&) = delete;
  StateEnvironment& operator=(const StateEnvironment&) = delete;

  // Opens or makes the database in `directory`; the caller holds the partition's lock (state/layout.h).
  // Throws CorruptState if it is broken (then wipe and open again), Error(delivery) if the disk does not take
  // it.
  std::unique_ptr<Backend> open(const std::string& directory);
  // Reads what is there and writes nothing, not even a log; files that another process deletes meanwhile stay
  // readable. What was written after this call is not seen. Throws CorruptState, Error(delivery).
  std::unique_ptr<Backend> open_read_only(const std::string& directory);
  // Deletes the database, whatever state it is in.
  void wipe(const std::string& directory);
  size_t cache_bytes() const { return cache_bytes_; }

 private:
  const size_t cache_bytes_;
  const std::unique_ptr<DatabaseEngine> engine_;
};

}  // namespace kutils::state
