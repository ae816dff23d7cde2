// What state needs of a database on disk, so that only who opens one loads RocksDB: the engine is a shared
// library of its own (libkutils_rocksdb.so), which lies beside the tools' common one and is loaded when the
// first is made. A program that is linked with the target kutils_rocksdb_engine has it already.
// Thread-safe; what open() gives is for one thread.
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
// Loads it too. All memory together stays near `cache_bytes`.
std::unique_ptr<DatabaseEngine> make_database_engine(size_t cache_bytes);

// Beside the database in `directory`, on the same file system: rows on their way into it.
inline std::string spill_file(const std::string& directory) { return directory + ".new"; }

}  // namespace kutils::state

// The one function that is looked up by its name in the library. The caller owns the result.
extern "C" kutils::state::DatabaseEngine* kutils_make_rocksdb_engine(size_t cache_bytes);
