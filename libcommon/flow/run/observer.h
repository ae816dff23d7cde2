// Looks at a run from outside: metrics, health, views of live tables (serve/). The loop calls it on its own
// thread; nothing here may block for long. What it is told of counts is final: committed, or delivered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "flow/run/report.h"
#include "state/backend.h"

namespace kutils::flow {

// The states of a sub-topology: one for each partition of the topic that its tasks read.
struct StatesOfTopic {
  std::string topic;
  int32_t first = 0;  // the number of partition 0's state, as opened() has it
  int32_t count = 0;
  bool by_key = false;  // the topic is internal: a key lies where murmur2 puts it. Else as who wrote it chose
};

class RunObserver {
 public:
  virtual ~RunObserver() = default;
  // Where rows can be asked for by other processes, HOST:PORT; empty: nowhere. Stands in the group's commits.
  virtual std::string served_at() const { return {}; }
  // Before the first opened(); again when a worker is rebuilt, and by each of several workers.
  virtual void planned(const std::vector<StatesOfTopic>& /*states*/) {}
  // A round of the loop is done, at least ten times a second. `lag` in records, where it is known.
  virtual void turned(std::optional<int64_t> lag, size_t partitions) = 0;
  virtual void committed(const Report::Counts& counts) = 0;
  virtual void aborted() = 0;    // a transaction
  virtual void restarted() = 0;  // the worker, after a fatal error
  // A partition's state is being restored: `rows` of about `total` changelog records are read. From any
  // thread.
  virtual void restoring(int32_t partition, uint64_t rows, uint64_t total) = 0;
  // The partition works from here on; its applied rows may be read by other threads until closing() returns,
  // which waits for them. Rows in memory cannot be read so: nullptr.
  virtual void opened(int32_t partition, state::Backend* rows) = 0;
  virtual void closing(int32_t partition) = 0;
};

}  // namespace kutils::flow
