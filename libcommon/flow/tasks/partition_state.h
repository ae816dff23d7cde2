// One partition's rows as the run loop handles them, so that the loop does not depend on how they are kept
// (flow/tasks/state_support.cc: RocksDB). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "data/record.h"
#include "kafka/admin.h"
#include "kafka/group_consumer.h"
#include "state/backend.h"
#include "state/store.h"

namespace kutils {
class Log;
}

namespace kutils::flow {

struct Environment;

// The last record that a partition gave; what it was, so that it is known again.
struct LastRecord {
  int64_t offset = kNoOffset;
  uint64_t digest = 0;
};
uint64_t digest_of(const Record& record);

// How far a state has come in one of the partitions that it is made from.
struct SourcePosition {
  kafka::TopicPartition at;
  int64_t offset = 0;  // of the next record to process
  LastRecord last;     // without an offset: as before
};

// Where the state of a task stands: what its meta row says (rule 17).
struct StateMark {
  std::span<const SourcePosition> positions;  // in all of the task's sources
  int64_t wall_ms = 0;
  const std::string& fingerprint;
  int32_t input_partitions = 0;
};

class PartitionState {
 public:
  virtual ~PartitionState() = default;
  virtual state::Store& store(uint8_t number) = 0;  // of an operator with state; they count from 1

  // --- topic to topic
  // The input's next offset as of the last committed transaction; nullopt: there is no meta row.
  virtual std::optional<int64_t> position(const kafka::TopicPartition& at) = 0;
  virtual LastRecord last_record(const kafka::TopicPartition& at) = 0;
  virtual std::string fingerprint() = 0;  // of the meta row; empty: there is none
  virtual int64_t last_wall_ms() = 0;     // when that was written; 0: there is none
  virtual state::Resume resume(std::optional<int64_t> group_offset, const kafka::TopicPartition& at,
                               kafka::Watermarks log) = 0;
  virtual bool has_changes() = 0;
  // How far its changelog is applied; nullopt: nothing is.
  virtual std::optional<int64_t> changelog_offset() = 0;
  // What the transaction carries to the changelog, the meta row among it. Valid until applied() or discard().
  virtual std::span<const state::Change> changes(const StateMark& mark) = 0;
  // The transaction has committed. `next_offset`: behind the last of its changes in the changelog; nullopt:
  // not known, the mark stays where it is.
  virtual void applied(std::optional<int64_t> next_offset, int64_t wall_ms) = 0;
  // It was aborted. Stages over the store are gone before this is called.
  virtual void discard() = 0;
  // All that was applied is on disk when this returns. Destroyed without it, the state is as after a kill.
  virtual void close() = 0;
};

// What is to be opened.
struct StatePlace {
  std::string directory;  // --state-dir
  std::string group;
  kafka::TopicPartition changelog;  // its partition number is the state's
  int64_t delete_retention_ms = 0;  // of the changelog topic
  bool in_memory_broker = false;    // no changelog to restore from (rule 29)
  bool temporary = false;           // kept in memory, gone with the process
  bool distrusted = false;          // what is on disk turned out to be broken
  bool has_run = false;             // the group has committed offsets
  size_t cache_bytes = 0;           // --cache: of all partitions together
  // A process that holds the partition's directory for so long, after the group gave the partition to us,
  // hangs: another directory takes the place of that one. nullopt: it is waited for.
  std::optional<Millis> hung_after = {};
};

// A state on its way: waiting for its directory, then restored beside the worker. Dropping it ends that, and
// waits for it.
class StateOpening {
 public:
  virtual ~StateOpening() = default;
  // Null: not yet. Throws what ended it.
  virtual std::unique_ptr<PartitionState> poll() = 0;
  // What was done, in a line; empty: nothing worth a line. After poll() gave the state.
  virtual std::string account() const = 0;
  // How far it is: `restored 120000 of 800000 rows`; empty: nothing to say.
  virtual std::string progress() const = 0;
};

}  // namespace kutils::flow
