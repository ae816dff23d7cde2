#include "base/fs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/murmur2.h"

namespace kutils {
namespace {

class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

[[noreturn]] void fail(std::string_view verb, const std::string& path, int error_number = errno) {
  throw Error(ExitCode::delivery, system_message(verb, path, error_number));
}

std::string parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

std::string system_message(std::string_view verb, std::string_view path, int error_number) {
  std::string message = "cannot ";
  message.append(verb).append(" ").append(path).append(": ");
  return message + std::generic_category().message(error_number);
}

void make_directories(const std::string& path) {
  if (path.empty()) return;
  if (::mkdir(path.c_str(), 0700) == 0) return;
  if (errno == EEXIST) {
    struct stat info {};
    if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return;
    fail("make the directory", path, ENOTDIR);
  }
  if (errno != ENOENT || parent(path) == path) fail("make the directory", path);
  make_directories(parent(path));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail("make the directory", path);
}

void make_private(const std::string& path) {
  constexpr mode_t kOthers = S_IRWXG | S_IRWXO;
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || info.st_uid != ::geteuid()) return;
  if ((info.st_mode & kOthers) == 0) return;
  if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) return;
  if (S_ISDIR(info.st_mode)) {
    // Before the directory itself: if this is cut short, the next call begins again.
    std::error_code error;
    for (std::filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error))
      make_private(it->path().string());
  }
  (void)::chmod(path.c_str(), info.st_mode & 07777 & ~kOthers);
}

void write_file_atomically(const std::string& path, std::string_view content, Sync sync) {
  const std::string beside = path + ".new." + std::to_string(::getpid());
  const auto give_up = [&](std::string_view verb) {
    const int reason = errno;
    ::unlink(beside.c_str());
    fail(verb, path, reason);
  };
  {
    const Fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (file.get() < 0) fail("write", path);
    while (!content.empty()) {
      const ssize_t n = ::write(file.get(), content.data(), content.size());
      if (n < 0) {
        if (errno == EINTR) continue;
        give_up("write");
      }
      content.remove_prefix(static_cast<size_t>(n));
    }
    if (sync == Sync::yes && ::fsync(file.get()) != 0) give_up("sync");
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) give_up("rename to");
  if (sync == Sync::no) return;
  const Fd directory(::open(parent(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) fail("sync the directory of", path);
}

std::optional<std::string> read_file(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return std::nullopt;
    fail("read", path);
  }
  std::string content;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
    if (n == 0) return content;
    if (n < 0) {
      if (errno == EINTR) continue;
      fail("read", path);
    }
    content.append(buffer, static_cast<size_t>(n));
  }
}

std::string file_name_of(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || (c == '.' && !out.empty());
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<uint8_t>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  constexpr size_t kLongest = 240;  // of 255: what comes behind it, such as .lock
  if (out.size() <= kLongest) return out;
  char hash[12];
  std::snprintf(hash, sizeof hash, "%%%08x", static_cast<unsigned>(murmur2(text)));
  return out.substr(0, kLongest - 9) + hash;
}

bool file_exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

FileLock::FileLock(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (fd_ < 0) fail("open the lock", path);
}
FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}
FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

bool FileLock::try_lock() {
  struct flock whole = whole_file();
  return ::fcntl(fd_, F_OFD_SETLK, &whole) == 0;
}

bool FileLock::is_locked_by_other() const {
  struct flock whole = whole_file();
  return ::fcntl(fd_, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

}  // namespace kutils
