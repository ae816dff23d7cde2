// Where a test's state lies on disk, and a clock that never stands still.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/clock.h"

namespace kutils::testing {

class TickingClock final : public Clock {
 public:
  int64_t wall_ms() const override { return ++ms_; }
  int64_t steady_us() const override { return (us_ += 1000); }

 private:
  mutable int64_t ms_ = 1'000'000;
  mutable int64_t us_ = 0;
};

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

}  // namespace kutils::testing
