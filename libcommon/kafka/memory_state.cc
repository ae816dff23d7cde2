#include "kafka/memory_state.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/error.h"

namespace kutils::kafka {
namespace {

std::string mark_of(const std::string& directory) { return directory + "/in-memory-broker"; }

constexpr const char* kPrefix = "kbroker-";

std::string lock_of(const std::string& directory) { return directory + "/lock"; }

bool is_ours(const std::string& directory) {
  struct stat about {};
  return lstat(directory.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == geteuid();
}

// The mark is made last: a directory without it is being made.
void remove_left_behind(const std::string& parent) {
  std::error_code ignored;
  for (auto at = std::filesystem::directory_iterator(parent, ignored);
       at != std::filesystem::directory_iterator(); at.increment(ignored)) {
    const std::string directory = at->path().string();
    if (at->path().filename().string().rfind(kPrefix, 0) != 0 || !is_ours(directory) ||
        !file_exists(mark_of(directory)))
      continue;
    try {
      if (FileLock dead(lock_of(directory)); dead.try_lock()) std::filesystem::remove_all(directory, ignored);
    } catch (const Error&) {
      continue;  // not worth ending for
    }
  }
}

}  // namespace

MemoryStateDir::MemoryStateDir(const std::string& bootstrap_servers) {
  const char* parent = std::getenv("TMPDIR");
  path_ = parent && *parent ? parent : "/tmp";
  remove_left_behind(path_);
  path_ += std::string("/") + kPrefix + "XXXXXX";
  if (!mkdtemp(path_.data())) {
    const std::string why = system_message("make", path_, errno);
    path_.clear();
    throw Error(ExitCode::delivery, why);
  }
  lock_.emplace(lock_of(path_)).try_lock();
  write_file_atomically(mark_of(path_), bootstrap_servers);
}

MemoryStateDir::~MemoryStateDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

bool is_memory_state_dir(const std::string& directory, const std::string& bootstrap_servers) {
  return !directory.empty() && read_file(mark_of(directory)) == bootstrap_servers;
}

}  // namespace kutils::kafka
