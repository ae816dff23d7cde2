// The interface of a database on disk. It keeps RocksDB out of programs that open none: the engine is a
// shared library of its own (libkutils_rocksdb.so) beside the tools' common library, loaded when the first
// engine is made. A program that links the target kutils_rocksdb_engine needs no loading. Thread-safe; what
// open() gives is for one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "state/backend.h"

namespace kutils::state {

// The databases of a process: they share what bounds their memory.
class DatabaseEngine {
 public:
  virtual ~DatabaseEngine() = default;
  // As StateEnvironment's (state/environment.h).
  virtual std::unique_ptr<Backend> open(const std::string& directory) = 0;
  virtual std::unique_ptr<Backend> open_read_only(const std::string& directory) = 0;
};

// Loads the library, if that is not done yet. Throws Error(usage) if it is missing or is of another build.
void load_database_engine();
// Loads the library, too. The memory of all databases together stays near `cache_bytes`.
std::unique_ptr<DatabaseEngine> make_database_engine(size_t cache_bytes);

// The file with rows on their way into the database in `directory`, next to it on the same file system.
inline std::string spill_file(const std::string& directory) { return directory + ".new"; }

}  // namespace kutils::state

// The two functions that are looked up by their names in the library: which build it is of (base/build.h), and what
// makes an engine, which the caller owns.
extern "C" const char* kutils_rocksdb_build();
extern "C" kutils::state::DatabaseEngine* kutils_make_rocksdb_engine(size_t cache_bytes);
