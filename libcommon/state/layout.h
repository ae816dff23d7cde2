// Where state lies on disk: the one place that knows file names.
//
//   STATE_DIR/GROUP/                 GROUP with every byte but [A-Za-z0-9._-] as %XX
//     cluster                        the id of the cluster whose changelog the rows come from
//     PARTITION/lock                 held (flock) by the process that works on the partition
//     PARTITION/db/                  its RocksDB
//     PARTITION/mark                 whether that is complete (Mark)
//     PARTITION.N/                   the same, in place of a lower N or of PARTITION, whose process hung
//
// The directory with the highest N has the partition's state. The others are deleted when their processes
// release them: by these processes, or by the next one that opens or closes the state.
//
// All of it is readable by its owner alone: rows are what the records said.
// A process that dies leaves no lock behind: the kernel drops it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kutils::state {

// What to do where the system lets a process open no more files.
extern const char* const kOpenFilesHint;

// Makes the directory, for its owner alone, and takes from others what earlier versions let them read: all of
// it, or, where it has files that are not ours (a home directory, /tmp), what is the group's.
void claim_state_directory(const std::string& state_dir, std::string_view group);

// The name under which the group's state of this cluster lies: GROUP, or, where that is the state of another
// cluster's group of the same name, GROUP@CLUSTER. The first cluster that comes takes the plain name, also of
// a state that an earlier version wrote, which did not know clusters. Throws Error(delivery).
std::string claim_group_name(const std::string& state_dir, const std::string& group,
                             const std::string& cluster);

// The owner of a state directory. `cluster` is empty if an earlier version wrote it.
struct StateOwner {
  std::string group;
  std::string cluster;
};
StateOwner owner_of(const std::string& state_dir, const std::string& name);

std::string group_directory(const std::string& state_dir, std::string_view group);
// `number` 0: the first one.
std::string partition_directory(const std::string& state_dir, std::string_view group, int32_t partition,
                                int number = 0);
// The directory with the highest number, or the first one, which may not exist.
std::string newest_directory(const std::string& state_dir, std::string_view group, int32_t partition);
std::string database_directory(const std::string& partition_dir);
// What a partition's directory says of its database, for those who read it without its changelog. Not synced,
// like the database: after a power failure the offset of one does not fit the other.
struct Mark {
  enum class Kind {
    none,       // an earlier version of kutils wrote the state
    complete,   // all that was committed is on disk
    working,    // a process works on it, or was killed, or could not write: newer rows may be missing
    restoring,  // rows of any age may be missing
  } kind = Kind::none;
  int64_t changelog_offset = -1;  // complete: where the rows stand; -1: there are none
};
Mark read_mark(const std::string& partition_dir);
// Throws Error(delivery).
void write_mark(const std::string& partition_dir, Mark mark);

// Partitions that have state here, in order.
std::vector<int32_t> stored_partitions(const std::string& state_dir, std::string_view group);

// Partitions that have a directory here, with state or without, in order.
std::vector<int32_t> all_partitions(const std::string& state_dir, std::string_view group);
// The partition's directories, the one that has its state last.
std::vector<std::string> partition_directories(const std::string& state_dir, std::string_view group,
                                               int32_t partition);

// Groups that have state here, in order.
std::vector<std::string> stored_groups(const std::string& state_dir);

// The process that holds the partition's lock, as far as the system tells; 0: it does not.
int lock_holder(const std::string& partition_dir);

// Hold of a partition's directory, from construction to destruction. Movable. Not a FileLock: readers share
// it, and the system names its holder (flock).
class PartitionLock {
 public:
  // nullopt: another process holds it (it may be handing the partition over: try again). Makes the directory.
  // Throws Error(delivery) if that cannot be done.
  static std::optional<PartitionLock> try_acquire(const std::string& partition_dir);
  // For readers, who may be several; makes nothing. nullopt: a process works on the partition.
  static std::optional<PartitionLock> try_read(const std::string& partition_dir);
  PartitionLock(PartitionLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  PartitionLock& operator=(PartitionLock&& other) noexcept;
  PartitionLock(const PartitionLock&) = delete;
  PartitionLock& operator=(const PartitionLock&) = delete;
  ~PartitionLock();

 private:
  explicit PartitionLock(int fd) : fd_(fd) {}
  int fd_;
};

// Where the partition's state is, held.
struct HeldPartition {
  PartitionLock lock;
  std::string directory;
};
// nullopt: another process holds it. Throws Error(delivery).
std::optional<HeldPartition> try_hold(const std::string& state_dir, std::string_view group,
                                      int32_t partition);
// Replaces the directory that a hanging process holds by a new, empty one. The hanging process may go on: it
// writes to a directory that no process reads. nullopt: another process was faster. REQUIRES: the partition
// was given to us, and its state can be restored from its changelog.
std::optional<HeldPartition> hold_another(const std::string& state_dir, std::string_view group,
                                          int32_t partition);
// Deletes directories that were replaced and that no process holds. A directory that cannot be deleted stays.
void delete_replaced(const std::string& state_dir, std::string_view group, int32_t partition);

}  // namespace kutils::state
