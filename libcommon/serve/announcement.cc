#include "serve/announcement.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace kutils::serve {
namespace {

std::string directory(const std::string& state_dir) {
  return state_dir + "/slots/.serving";
}  // no group is called so

// Whether the process that made the file has ended, however it ended.
bool is_left_over(const std::string& path) {
  FileLock lock(path);
  return !lock.is_locked_by_other();
}

}  // namespace

Announcement::Announcement(const std::string& state_dir, const HttpAddress& address) try {
  if (state_dir.empty()) return;
  make_directories(directory(state_dir));
  const std::string path = directory(state_dir) + "/" + std::to_string(::getpid());
  auto lock = std::make_unique<FileLock>(path);
  if (!lock->try_lock()) return;  // of another container's process with this number
  std::ofstream(path, std::ios::trunc) << to_string(address) << '\n';
  path_ = path;
  lock_ = std::move(lock);
} catch (const Error&) {
  // Said in the contract.
}

Announcement::~Announcement() {
  if (lock_) ::unlink(path_.c_str());
}

std::vector<HttpAddress> announced(const std::string& state_dir) {
  std::vector<HttpAddress> out;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(directory(state_dir), failed)) {
    const std::string path = entry.path().string();
    try {
      if (is_left_over(path)) continue;
      std::ifstream file(path);
      std::string text;
      if (std::getline(file, text)) out.push_back(parse_http_address("--http", text));
    } catch (const Error&) {
      // Another user's, or written at this moment.
    }
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return to_string(a) < to_string(b); });
  return out;
}

}  // namespace kutils::serve
