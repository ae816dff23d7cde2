// Small files and directories of state: made so that a crash leaves the old or the new, never half. Linux.
// Errors: Error(delivery) with the path and the system's reason ("a state that cannot be written").
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kutils {

// With all parents; no error if it is there. Made readable by the owner alone.
void make_directories(const std::string& path);

// Takes from group and others whatever they may do with `path`, a file or a directory with all that is in it.
// What lies beneath a directory that is closed to them already is left as it is; so are symbolic links and
// what belongs to another user. Nothing is thrown: whoever needs the files meets what is wrong with them.
void make_private(const std::string& path);

// Written beside it, synced, renamed over it, the directory synced. Not synced: a kill leaves the old or the
// new, a power failure perhaps neither.
enum class Sync { yes, no };
void write_file_atomically(const std::string& path, std::string_view content, Sync sync = Sync::yes);

// nullopt: there is no such file.
std::optional<std::string> read_file(const std::string& path);

// A name of one file that stands for any text: letters, digits, '_', '-' and, but first, '.' as they are,
// other bytes as %XX. What would be longer than a file's name may be ends in a hash.
std::string file_name_of(std::string_view text);

bool file_exists(const std::string& path);

// An exclusive lock on a file, which is created if it is missing. The system releases the lock when the
// process ends, even if it is killed. Movable; the destructor unlocks. It is an open-file-description lock:
// other processes can test it without taking it.
class FileLock {
 public:
  explicit FileLock(const std::string& path);  // opens it only
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();
  // False: another process (or another FileLock here) holds it.
  bool try_lock();
  bool is_locked_by_other() const;

 private:
  int fd_ = -1;
};

// "cannot VERB PATH: REASON" from errno.
std::string system_message(std::string_view verb, std::string_view path, int error_number);

}  // namespace kutils
