// The state of one partition of a stopped tool, to be looked at: nothing is written, made, locked for long or
// repaired.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "state/backend.h"
#include "state/environment.h"
#include "state/meta.h"

namespace kutils::state {

class StoredPartition {
 public:
  // Throws Error(usage): in use by a process, written by another version of kutils; CorruptState;
  // Error(delivery). REQUIRES: `environment` outlives it.
  StoredPartition(StateEnvironment& environment, const std::string& partition_dir);

  const std::map<uint8_t, Meta>& metas() const { return metas_; }  // by operator; none: nothing was committed
  int64_t changelog_offset() const { return changelog_offset_; }
  int64_t applied_wall_ms() const { return applied_wall_ms_; }  // when the newest rows were written
  Backend& rows() { return *backend_; }
  // Why rows that were committed may not be here, and what completes them; empty: all are here.
  const std::string& incomplete() const { return incomplete_; }

 private:
  std::unique_ptr<Backend> backend_;
  std::map<uint8_t, Meta> metas_;
  std::string incomplete_;
  int64_t changelog_offset_ = 0;
  int64_t applied_wall_ms_ = 0;
};

// Whether the database cannot be opened, or is not the one that its mark tells of. Opens its files and reads no
// rows. False where a process works on it.
bool is_damaged(StateEnvironment& environment, const std::string& partition_dir);

// A process works on the partition.
class StateInUse : public Error {
 public:
  explicit StateInUse(const std::string& partition_dir)
      : Error(ExitCode::usage, "the state in " + partition_dir + " is in use by a running process",
              "ask that process: start it with --http ADDR, and give the same --http ADDR here") {}
};

}  // namespace kutils::state
