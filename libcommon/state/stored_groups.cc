#include "state/stored_groups.h"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <optional>

#include <sys/stat.h>

#include "base/error.h"

namespace kutils::state {
namespace {

namespace fs = std::filesystem;

void add_files(const fs::path& directory, StoredPartitionInfo& info) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    struct stat file {};
    if (::lstat(it->path().c_str(), &file) != 0 || !S_ISREG(file.st_mode)) continue;
    info.bytes += int64_t{file.st_blocks} * 512;
    if (it->path().filename() == "lock") continue;
    info.used_ms =
        std::max(info.used_ms, int64_t{file.st_mtim.tv_sec} * 1000 + file.st_mtim.tv_nsec / 1'000'000);
  }
}

StoredPartitionInfo info_of(const std::string& state_dir, const std::string& group, int32_t partition) {
  StoredPartitionInfo info;
  info.number = partition;
  for (const std::string& directory : partition_directories(state_dir, group, partition))
    add_files(directory, info);
  const std::string newest = newest_directory(state_dir, group, partition);
  info.mark = read_mark(newest).kind;
  try {
    if (!PartitionLock::try_read(newest)) {
      info.holder = lock_holder(newest);
      if (info.holder == 0) info.holder = -1;
    }
  } catch (const Error&) {
    // Another user's: who holds it is not ours to know.
  }
  return info;
}

Error cannot_delete(const std::string& path, const std::string& why) {
  return Error(ExitCode::delivery, "cannot delete " + path + ": " + why);
}

}  // namespace

int64_t StoredGroupInfo::bytes() const {
  return std::accumulate(partitions.begin(), partitions.end(), int64_t{0},
                         [](int64_t sum, const auto& one) { return sum + one.bytes; });
}
int64_t StoredGroupInfo::used_ms() const {
  int64_t newest = 0;
  for (const auto& one : partitions) newest = std::max(newest, one.used_ms);
  return newest;
}

std::vector<StoredGroupInfo> list_stored_groups(const std::string& state_dir) {
  std::vector<StoredGroupInfo> groups;
  for (const std::string& name : stored_groups(state_dir)) {
    StoredGroupInfo& group = groups.emplace_back();
    group.name = name;
    group.owner = owner_of(state_dir, name);
    for (const int32_t partition : stored_partitions(state_dir, name))
      group.partitions.push_back(info_of(state_dir, name, partition));
  }
  return groups;
}

bool delete_stored_group(const std::string& state_dir, const std::string& name) {
  const fs::path directory = group_directory(state_dir, name);
  if (!fs::exists(directory)) return false;
  // Held until all is gone: of a running process nothing is touched.
  std::vector<std::string> directories;
  std::vector<PartitionLock> locks;
  for (const int32_t partition : all_partitions(state_dir, name)) {
    for (std::string& one : partition_directories(state_dir, name, partition)) {
      auto lock = PartitionLock::try_acquire(one);
      if (!lock) {
        const int pid = lock_holder(one);
        throw usage_error("the state in " + one + " is in use by " +
                              (pid > 0 ? "process " + std::to_string(pid) : std::string("a running process")),
                          "stop the tool first");
      }
      locks.push_back(std::move(*lock));
      directories.push_back(std::move(one));
    }
  }
  std::error_code error;
  for (const std::string& one : directories) {
    // A database of which files are missing must not be taken for whole: it is taken out of its place at once.
    const fs::path database = database_directory(one), gone = one + "/deleted";
    if (fs::exists(database)) {
      write_mark(one, {Mark::Kind::restoring});
      fs::remove_all(gone, error);
      fs::rename(database, gone, error);
      if (error) throw cannot_delete(database.string(), error.message());
    }
  }
  // Lower numbers first: the highest one has the partition's state (layout.h).
  for (const std::string& one : directories) {
    fs::remove_all(one, error);
    if (error) throw cannot_delete(one, error.message());
  }
  fs::remove_all(directory, error);
  if (error) throw cannot_delete(directory.string(), error.message());
  return true;
}

}  // namespace kutils::state
