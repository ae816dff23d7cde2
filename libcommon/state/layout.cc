#include "state/layout.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "base/fs.h"

namespace kutils::state {

const char* const kOpenFilesHint =
    "each partition of state takes some eight open files: raise the limit (ulimit -Hn), or share the\n"
    "partitions among processes on several machines";

namespace {

std::string unescape(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    unsigned byte = 0;
    if (name[i] == '%' && i + 2 < name.size() &&
        std::from_chars(name.data() + i + 1, name.data() + i + 3, byte, 16).ptr == name.data() + i + 3) {
      out.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      out.push_back(name[i]);
    }
  }
  return out;
}

}  // namespace

std::string group_directory(const std::string& state_dir, std::string_view group) {
  return state_dir + "/" + file_name_of(group);
}

std::string partition_directory(const std::string& state_dir, std::string_view group, int32_t partition,
                                int number) {
  return group_directory(state_dir, group) + "/" + std::to_string(partition) +
         (number > 0 ? "." + std::to_string(number) : "");
}

namespace {

// PARTITION or PARTITION.N
struct DirectoryName {
  int32_t partition;
  int number;
};
std::optional<DirectoryName> parse_directory_name(const std::string& name) {
  DirectoryName parsed{-1, 0};
  const char* const end = name.data() + name.size();
  auto [stop, error] = std::from_chars(name.data(), end, parsed.partition);
  if (error != std::errc() || parsed.partition < 0) return std::nullopt;
  if (stop == end) return parsed;
  if (*stop != '.') return std::nullopt;
  const auto [last, wrong] = std::from_chars(stop + 1, end, parsed.number);
  if (wrong != std::errc() || last != end || parsed.number <= 0) return std::nullopt;
  return parsed;
}

// The numbers of the partition's directories, in order.
std::vector<int> directory_numbers(const std::string& state_dir, std::string_view group, int32_t partition) {
  std::vector<int> numbers;
  std::error_code error;
  for (std::filesystem::directory_iterator it(group_directory(state_dir, group), error), end;
       !error && it != end; it.increment(error)) {
    const auto name = parse_directory_name(it->path().filename().string());
    if (name && name->partition == partition) numbers.push_back(name->number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// Nothing but numbered directories, and whose they are: a group.
bool holds_partitions_only(const std::filesystem::path& directory) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error))
    if (const std::string name = it->path().filename().string();
        !parse_directory_name(name) && name != "cluster")
      return false;
  return !error;
}

// Nothing but what kutils makes there.
bool is_state_directory(const std::string& path) {
  std::error_code error;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.rfind("uuid", 0) != 0 && name != "slots" && !holds_partitions_only(it->path())) return false;
  }
  return !error;
}

}  // namespace

void claim_state_directory(const std::string& state_dir, std::string_view group) {
  try {
    make_directories(state_dir);
  } catch (const Error&) {
    return;  // whoever writes there says why not
  }
  if (is_state_directory(state_dir)) return make_private(state_dir);
  make_private(state_dir + "/uuid");
  make_private(state_dir + "/slots");
  make_private(group_directory(state_dir, group));
}

std::string claim_group_name(const std::string& state_dir, const std::string& group,
                             const std::string& cluster) {
  const std::string apart = group + "@" + cluster;
  if (std::filesystem::exists(group_directory(state_dir, apart))) return apart;
  const std::string owner = group_directory(state_dir, group) + "/cluster";
  // Two processes may come at once, so the file is written first and then given its name, which fails where
  // the other was faster.
  const std::string mine = owner + "." + std::to_string(::getpid()) + "." + std::to_string(::gettid());
  try {
    if (!std::filesystem::exists(owner)) {
      make_directories(group_directory(state_dir, group));
      write_file_atomically(mine, cluster + "\n", Sync::no);
      ::link(mine.c_str(), owner.c_str());
      ::unlink(mine.c_str());
    }
  } catch (const Error& error) {
    throw Error(ExitCode::delivery, error.what(), "choose another --state-dir");
  }
  const auto text = read_file(owner);
  return !text || *text == cluster + "\n" ? group : apart;
}

StateOwner owner_of(const std::string& state_dir, const std::string& name) {
  // The group is part of topics' names, which have no '@'.
  if (const size_t at = name.find('@'); at != std::string::npos)
    return {name.substr(0, at), name.substr(at + 1)};
  StateOwner owner{name, read_file(group_directory(state_dir, name) + "/cluster").value_or("")};
  while (!owner.cluster.empty() && owner.cluster.back() == '\n') owner.cluster.pop_back();
  return owner;
}

std::string database_directory(const std::string& partition_dir) { return partition_dir + "/db"; }

Mark read_mark(const std::string& partition_dir) {
  const auto text = read_file(partition_dir + "/mark");
  if (!text) return {};
  constexpr std::string_view kComplete = "complete ";
  if (*text == "restoring\n") return {Mark::Kind::restoring};
  Mark mark{Mark::Kind::complete};
  const char* end = text->data() + text->size();
  if (text->rfind(kComplete, 0) == 0) {
    const auto [stop, error] = std::from_chars(text->data() + kComplete.size(), end, mark.changelog_offset);
    if (error == std::errc() && stop + 1 == end && *stop == '\n') return mark;
  }
  return {Mark::Kind::working};
}

void write_mark(const std::string& partition_dir, Mark mark) {
  const std::string text = mark.kind == Mark::Kind::complete
                               ? "complete " + std::to_string(mark.changelog_offset)
                           : mark.kind == Mark::Kind::restoring ? "restoring"
                                                                : "working";
  try {
    write_file_atomically(partition_dir + "/mark", text + "\n", Sync::no);
  } catch (const Error& error) {
    const bool is_limit =
        std::string_view(error.what()).find(std::strerror(EMFILE)) != std::string_view::npos;
    throw Error(ExitCode::delivery, error.what(),
                is_limit ? kOpenFilesHint : "make room on the disk, or choose another --state-dir");
  }
}

std::string newest_directory(const std::string& state_dir, std::string_view group, int32_t partition) {
  const std::vector<int> numbers = directory_numbers(state_dir, group, partition);
  return partition_directory(state_dir, group, partition, numbers.empty() ? 0 : numbers.back());
}

std::vector<int32_t> stored_partitions(const std::string& state_dir, std::string_view group) {
  std::vector<int32_t> partitions;
  std::error_code error;
  for (std::filesystem::directory_iterator it(group_directory(state_dir, group), error), end;
       !error && it != end; it.increment(error)) {
    const auto name = parse_directory_name(it->path().filename().string());
    // A directory that replaces another is the valid one from its creation on: the replaced one is obsolete.
    if (name && (name->number > 0 || std::filesystem::exists(it->path() / "db")))
      partitions.push_back(name->partition);
  }
  std::sort(partitions.begin(), partitions.end());
  partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
  return partitions;
}

std::vector<int32_t> all_partitions(const std::string& state_dir, std::string_view group) {
  std::vector<int32_t> partitions;
  std::error_code error;
  for (std::filesystem::directory_iterator it(group_directory(state_dir, group), error), end;
       !error && it != end; it.increment(error)) {
    if (const auto name = parse_directory_name(it->path().filename().string()))
      partitions.push_back(name->partition);
  }
  std::sort(partitions.begin(), partitions.end());
  partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
  return partitions;
}

std::vector<std::string> partition_directories(const std::string& state_dir, std::string_view group,
                                               int32_t partition) {
  std::vector<std::string> directories;
  for (const int number : directory_numbers(state_dir, group, partition))
    directories.push_back(partition_directory(state_dir, group, partition, number));
  return directories;
}

std::vector<std::string> stored_groups(const std::string& state_dir) {
  std::vector<std::string> groups;
  std::error_code error;
  for (std::filesystem::directory_iterator it(state_dir, error), end; !error && it != end;
       it.increment(error)) {
    const std::string group = unescape(it->path().filename().string());
    if (!stored_partitions(state_dir, group).empty()) groups.push_back(group);
  }
  std::sort(groups.begin(), groups.end());
  return groups;
}

int lock_holder(const std::string& partition_dir) {
  struct stat info {};
  if (::stat((partition_dir + "/lock").c_str(), &info) != 0) return 0;
  // 1: FLOCK  ADVISORY  WRITE 708 08:01:917513 0 EOF
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream words(line);
    std::string number, kind, how, what, file;
    int pid = 0;
    if (!(words >> number >> kind >> how >> what >> pid >> file) || kind != "FLOCK") continue;
    if (pid > 0 && file.substr(file.rfind(':') + 1) == std::to_string(info.st_ino)) return pid;
  }
  return 0;
}

std::optional<PartitionLock> PartitionLock::try_read(const std::string& partition_dir) {
  const int fd = ::open((partition_dir + "/lock").c_str(), O_RDONLY | O_CLOEXEC);
  // A state that was copied may have no lock file; nobody works on it.
  if (fd < 0 && errno == ENOENT) return PartitionLock(-1);
  if (fd >= 0 && ::flock(fd, LOCK_SH | LOCK_NB) == 0) return PartitionLock(fd);
  const int why = errno;
  if (fd >= 0) ::close(fd);
  if (why == EWOULDBLOCK) return std::nullopt;
  throw Error(ExitCode::usage, "cannot read the state in " + partition_dir + ": " + std::strerror(why));
}

std::optional<PartitionLock> PartitionLock::try_acquire(const std::string& partition_dir) {
  const auto fail = [&](const std::string& why) {
    return Error(ExitCode::delivery, "cannot lock the state in " + partition_dir + ": " + why,
                 errno == EMFILE ? kOpenFilesHint : "choose another directory with --state-dir");
  };
  try {
    make_directories(partition_dir);
  } catch (const Error& error) {
    errno = 0;
    throw fail(error.what());
  }
  const int fd = ::open((partition_dir + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EISDIR)
    throw Error(ExitCode::delivery, partition_dir + "/lock is a directory, but must be a file",
                "remove it, or choose another --state-dir");
  if (fd < 0) throw fail(std::strerror(errno));
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) {
    // The directory may have been deleted meanwhile (stored_groups.h); a lock on what is gone keeps nobody out.
    struct stat info {};
    if (::fstat(fd, &info) == 0 && info.st_nlink > 0) return PartitionLock(fd);
    ::close(fd);
    return std::nullopt;
  }
  const int why = errno;
  ::close(fd);
  if (why == EWOULDBLOCK) return std::nullopt;
  throw fail(std::strerror(why));
}

PartitionLock& PartitionLock::operator=(PartitionLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

PartitionLock::~PartitionLock() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<HeldPartition> try_hold(const std::string& state_dir, std::string_view group,
                                      int32_t partition) {
  const std::string directory = newest_directory(state_dir, group, partition);
  auto lock = PartitionLock::try_acquire(directory);
  // Another directory may have replaced this one meanwhile, and this one may even have been deleted.
  if (!lock || newest_directory(state_dir, group, partition) != directory) return std::nullopt;
  return HeldPartition{std::move(*lock), directory};
}

std::optional<HeldPartition> hold_another(const std::string& state_dir, std::string_view group,
                                          int32_t partition) {
  const std::vector<int> numbers = directory_numbers(state_dir, group, partition);
  const std::string directory =
      partition_directory(state_dir, group, partition, numbers.empty() ? 0 : numbers.back() + 1);
  auto lock = PartitionLock::try_acquire(directory);
  if (!lock || newest_directory(state_dir, group, partition) != directory) return std::nullopt;
  return HeldPartition{std::move(*lock), directory};
}

void delete_replaced(const std::string& state_dir, std::string_view group, int32_t partition) {
  const std::vector<int> numbers = directory_numbers(state_dir, group, partition);
  for (size_t i = 0; i + 1 < numbers.size(); ++i) {
    const std::string directory = partition_directory(state_dir, group, partition, numbers[i]);
    try {
      const auto lock = PartitionLock::try_acquire(directory);
      std::error_code error;
      if (lock) std::filesystem::remove_all(directory, error);
    } catch (const Error&) {
      // The next process that opens the state tries again.
    }
  }
}

}  // namespace kutils::state
