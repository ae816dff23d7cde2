// Who this process is within its group (rules 9 and 10): a slot, so that a restarted process takes up
// the group membership and the transactional ids of the one that died, without waiting for time-outs.
//
// Files, all under STATE_DIR (made if missing):
//   uuid                 made once; 32 hex digits (host names repeat: containers, cloned hosts)
//   slots/GROUP/N.lock   held by the process that runs as slot N
//   slots/GROUP/N.init   held while N's transactional ids are initialised, by its owner or for a dead one
// The locks are FileLocks (base/fs.h): they end with the process however it ends, and can be tested without
// taking them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/signal.h"

namespace kutils::flow {

class InstanceSlot {
 public:
  // Takes the lowest free slot of the group. `instance` (--instance, $KUTILS_INSTANCE) names it instead,
  // without any file. Without both (empty `state_dir`) the process is a dynamic member with a random id.
  static std::unique_ptr<InstanceSlot> take(const std::string& state_dir, const std::string& instance,
                                            const std::string& group);

  const std::string& instance_id() const { return instance_id_; }  // group.instance.id; empty: dynamic member
  const std::string& transactional_id() const { return transactional_id_; }  // `.0` and `.1` are appended

  const std::string& directory() const { return directory_; }  // of the group's slots; empty: there is none

  // Held while the own transactional ids are initialised, so that a sibling that cleans up does not fence us.
  // Waits for such a one; throws KafkaError (abort) if it is asked to stop meanwhile.
  std::unique_ptr<FileLock> lock_for_init(const StopRequest& stop) const;

  struct DeadSlot {
    std::string transactional_id;
    std::unique_ptr<FileLock> init_lock;  // hold it while initialising
  };
  // The next slot from `number` on that nobody runs as and nobody is initialising; `number` is moved behind
  // it.
  std::optional<DeadSlot> next_dead(int& number) const;

 private:
  InstanceSlot() = default;
  std::string path(int number, const char* kind) const;
  std::string slot_name(int number) const;

  std::string directory_;  // empty: no files
  std::string group_;
  std::string uuid_;
  int number_ = -1;
  std::string instance_id_;
  std::string transactional_id_;
  std::unique_ptr<FileLock> lock_;
};

}  // namespace kutils::flow
