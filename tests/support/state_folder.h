// Where a test's state lies on disk, and what is in it.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include "state/layout.h"
#include "state/partition_store.h"

namespace kutils::testing {

// What stands on the disk, made once and then laid down where a test runs.
class Folder {
 public:
  Folder()
      : path_((std::filesystem::is_directory("/dev/shm") ? std::filesystem::path("/dev/shm")
                                                         : std::filesystem::temp_directory_path()) /
              ("kutils-stateful-" + std::to_string(getpid()) + "-" + std::to_string(made()++))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  void become(const Folder& other) {
    clear();
    std::filesystem::copy(other.path_, path_, std::filesystem::copy_options::recursive);
  }
  void clear() {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }

 private:
  static int& made() {
    static int number = 0;
    return number;
  }
  std::filesystem::path path_;
};

inline std::map<std::string, std::string> without_meta(std::map<std::string, std::string> rows) {
  std::erase_if(rows, [](const auto& row) { return row.first[0] == '\0'; });
  return rows;
}

// The applied rows of a partition's state.
inline std::map<std::string, std::string> stored_rows(const Folder& disk, const std::string& group,
                                                      size_t partition) {
  state::StateEnvironment environment(size_t{1} << 20);
  state::PartitionStore rows(environment,
                             state::partition_directory(disk.path(), group, static_cast<int32_t>(partition)));
  std::map<std::string, std::string> found;
  const auto cursor = rows.backend().cursor();
  for (cursor->seek({}); cursor->valid(); cursor->next()) found.emplace(cursor->key(), cursor->value());
  return without_meta(std::move(found));
}

}  // namespace kutils::testing
