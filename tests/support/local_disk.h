// Where a worker's state lies between its runs: in files, as the product's does, or in maps that stand for
// them. RocksDB takes milliseconds to open, so that what looks at each call of a run takes the maps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "flow/tasks/state_support.h"
#include "flow/topology/job.h"
#include "support/simulated_state.h"
#include "support/state_folder.h"

namespace kutils::testing {

class LocalDisk {
 public:
  enum class Kind { files, simulated };

  explicit LocalDisk(Kind kind) : kind_(kind) {}
  Kind kind() const { return kind_; }

  // The job keeps its state here. REQUIRES: both outlive its runs.
  void give_state(flow::Job& job, FakeBroker& broker) {
    job.state_dir = folder_.path();
    job.cache_bytes = size_t{1} << 20;
    if (kind_ == Kind::files) return flow::give_state(job);
    job.open_state = [this, &broker](const flow::StatePlace& place, const flow::Environment& around,
                                     kafka::Admin&) {
      return std::make_unique<SimulatedOpening>(broker, simulated_[place.changelog.partition], place,
                                                around.executor, DiskCalls::not_counted);
    };
  }
  void become(const LocalDisk& other) {
    simulated_ = other.simulated_;
    if (kind_ == Kind::files) folder_.become(other.folder_);
  }
  void clear() {
    simulated_.clear();
    if (kind_ == Kind::files) folder_.clear();
  }
  void clear(const std::string& group, int32_t partition) {
    simulated_.erase(partition);
    std::filesystem::remove_all(folder_.path() / group / std::to_string(partition));
  }
  // The applied rows of a partition's state, as the next one finds them before it restores.
  std::map<std::string, std::string> stored(const std::string& group, size_t partition) const {
    if (kind_ == Kind::files) return stored_rows(folder_, group, partition);
    const auto found = simulated_.find(static_cast<int32_t>(partition));
    return found == simulated_.end() ? std::map<std::string, std::string>()
                                     : without_meta(found->second.rows);
  }

 private:
  Kind kind_;
  Folder folder_;
  std::map<int32_t, Disk> simulated_;
};

}  // namespace kutils::testing
