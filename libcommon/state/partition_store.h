// All state of one partition: the stores of its operators over one backend, what the open transaction wrote,
// the meta rows, and how far the changelog has been applied. The run loop owns it; one thread uses it.
//
// The run loop's order (rules 14, 17, 22):
//   lock = PartitionLock::try_acquire(dir)
//   store = PartitionStore::open(environment, dir)        wipes what cannot be read
//   switch (store.plan_restore(log_start, log_end, now, delete_retention)): wipe() where it says rebuild;
//   store.begin_restore()                                 if there is anything to read
//   store.restore(records, next_offset) ...               from plan.from to the changelog's end
//   store.finish_restore()                                meta rows are readable from here on
//   store.end_restore()                                   not if it was cut short
//   check meta(op).fingerprint, decide_resume(...)
//   stage = make_stage({partition, &store.operator_store(op), clock})
//   per transaction:
//     stage->process(...); stage->before_commit(out)
//     meta(op).set_position(...), last_wall_ms ...;
//     for (change : store.take_changes()) produce to the changelog partition
//     commit; then store.applied(offset after the last changelog record)
//   abort: store.discard(); destroy the stages and make them again (they read the store again)
//   revoke, exit: store.close()                           flushes; then drop the lock
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "state/backend.h"
#include "state/environment.h"
#include "state/layout.h"
#include "state/meta.h"
#include "state/overlay.h"
#include "state/store.h"

namespace kutils::state {

// How much of the changelog has to be read (rule 22).
struct RestorePlan {
  enum class Reason {
    up_to_date,   // nothing to read
    newer_rows,   // read what is newer
    no_state,     // nothing here: read all
    below_start,  // the log no longer reaches back to where the state stands
    beyond_end,   // the changelog is not the one that the state was made from
    too_old,      // tombstones that are missing here may be gone from the log
  } reason = Reason::no_state;
  bool rebuild = false;  // wipe() first
  int64_t from = 0;      // first changelog offset to apply
};
const char* to_string(RestorePlan::Reason reason);

class PartitionStore {
 public:
  // In memory: lines. `in_memory` false: stages write their rows as they do to disk (tests, the in-memory
  // broker).
  explicit PartitionStore(bool in_memory = true);
  // On disk. What cannot be read is wiped; `wiped()` says why. REQUIRES: the partition's lock is held;
  // `environment` outlives the store. Throws Error(delivery), Error(usage) for a format of a newer kutils.
  PartitionStore(StateEnvironment& environment, const std::string& partition_dir);
  ~PartitionStore();
  PartitionStore(const PartitionStore&) = delete;
  PartitionStore& operator=(const PartitionStore&) = delete;

  // --- stages
  // REQUIRES: 1 <= op <= 255. Lives as long as this object.
  Store& operator_store(uint8_t op);

  // --- the transaction
  // The operator's meta row as it will be written; changes count from take_changes() on.
  Meta& meta(uint8_t op);
  // Whether the operator has a meta row that was committed.
  bool has_meta(uint8_t op) const;
  // Rows and meta rows written since the last applied() or discard(), sorted, one per key: a record each for
  // the changelog topic (NULL is a tombstone). Valid until the next write, applied() or discard(). Meta rows
  // of all operators are always in it.
  std::span<const Change> take_changes();
  // The transaction that carried take_changes() has committed: writes the rows together with `next_offset`,
  // the changelog offset after their last record. The mark may lag behind, never lead.
  void applied(int64_t next_offset, int64_t wall_ms);
  // The transaction was aborted. Stages over this store must be made again.
  void discard();
  size_t dirty_rows() const { return overlay_.size(); }
  size_t dirty_bytes() const { return overlay_.bytes(); }

  // --- restore
  // The changelog offset up to which rows are applied; nullopt: none ever was.
  std::optional<int64_t> changelog_offset() const { return changelog_offset_; }
  // `log_end` is the high watermark of a read_uncommitted handle. `delete_retention_ms` is the topic's.
  RestorePlan plan_restore(int64_t log_start, int64_t log_end, int64_t wall_ms,
                           int64_t delete_retention_ms) const;
  // Between the two, and after a process that ended between them, the state on disk is marked as incomplete.
  void begin_restore();
  void end_restore();
  // Records of the changelog in offset order, keys and values as they are in the topic; applied in one write.
  // Aborted transactions' records must not be among them (read_committed). `next_offset`: after the last of
  // them.
  void restore(std::span<const Change> records, int64_t next_offset, int64_t wall_ms);
  // Reads the meta rows. Throws CorruptState (wipe and restore all), Error(usage) for a newer format.
  void finish_restore();
  void wipe(const std::string& why);
  const std::string& wiped() const {
    return wiped_;
  }  // why the state was deleted at or after open; empty: it was not

  // Applied rows only (kquery, HTTP views).
  Backend& backend() { return *backend_; }
  // Everything applied is on disk when this returns, and marked as complete. The store is unusable
  // afterwards.
  void close();
  // The same, with the mark that was found at open. REQUIRES: nothing was written since.
  void leave();
  bool is_open() const { return backend_ != nullptr; }

 private:
  class OperatorStore;
  struct Operator;

  size_t keep_bytes() const;  // of memory for changes, from one transaction to the next
  void read_ahead();
  void open_database();
  void mark(Mark mark);
  void write_batch(int64_t next_offset, int64_t wall_ms);
  Operator& op_state(uint8_t op);

  StateEnvironment* environment_ = nullptr;
  bool in_memory_ = false;
  std::string partition_dir_;
  std::string directory_;
  bool is_restoring_ = false;
  Mark found_;  // at open
  std::unique_ptr<Backend> backend_;
  Overlay overlay_;
  std::array<std::unique_ptr<Operator>, 256> operators_;
  std::optional<int64_t> changelog_offset_;
  int64_t applied_wall_ms_ = 0;
  std::string wiped_;
  std::string scratch_;
  std::string ahead_;  // keys to be read ahead, one behind the other
  std::vector<size_t> ahead_ends_;
  std::vector<Change> batch_;
  std::string local_row_;
};

}  // namespace kutils::state
