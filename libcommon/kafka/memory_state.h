// The state directory of one in-memory broker: state is worth nothing once its topics are gone, so kbroker
// makes a directory, says in it whose it is, and removes it at its end. Tools keep state on disk for an
// in-memory broker only in its own directory (rule 29).
#pragma once

#include <optional>
#include <string>

#include "base/fs.h"

namespace kutils::kafka {

// Made by the constructor, in $TMPDIR or /tmp; removed with all that is in it by the destructor. Throws
// Error(delivery). What brokers that were killed have left there is removed, too: who lives holds a lock in
// its directory.
class MemoryStateDir {
 public:
  explicit MemoryStateDir(const std::string& bootstrap_servers);
  ~MemoryStateDir();
  MemoryStateDir(const MemoryStateDir&) = delete;
  MemoryStateDir& operator=(const MemoryStateDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::optional<FileLock> lock_;
};

bool is_memory_state_dir(const std::string& directory, const std::string& bootstrap_servers);

}  // namespace kutils::kafka
