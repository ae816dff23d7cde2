// A stage: pure logic from records to outputs. It knows nothing of Kafka, threads or commits, so that all of
// it is tested without a broker.
//
// One record at a time, because the loop must know exactly which records are done when one fails (it commits
// what came before). A stage that answers later (a co-process) keeps the records and emits at flush(), which
// the loop calls after each batch and before each commit; the batch's views stay valid until then.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "base/error.h"
#include "data/record.h"

namespace kutils::flow {

// Why a record was dropped without being an error. Counted by reason, shown at the end and in the metrics.
enum class DropReason { filtered, tombstone, null_argument, late, duplicate };
const char* to_string(DropReason reason);

// Takes what a stage makes. Implemented by the run loop, by the next stage of a pipeline, and by tests.
class Emitter {
 public:
  virtual ~Emitter() = default;
  // `origin` is the record that caused it, null for outputs of a timer or of the end of input.
  virtual void emit(const Record* origin, const Output& output) = 0;
  // This record could not be processed: --on-error decides. After fail() the stage must not emit for it.
  virtual void fail(const Record& origin, RecordError error) = 0;
  // The same of `made`, which an earlier operator of a chain has made of `origin` (null: a timer has made
  // it). Messages and dead letters show what was made.
  virtual void fail_made(const Record* origin, const Record& made, RecordError error) {
    fail(origin ? *origin : made, std::move(error));
  }
  // Deliberately not passed on. `filtered` need not be reported record by record.
  virtual void drop(const Record& origin, DropReason reason) = 0;
  // The last emit() was refused by where it was to go, and its record has failed: for a stage that writes
  // several records which must agree.
  virtual bool refused() const { return false; }
  // Why OUT takes no output of this time now: its topic bounds how far ahead of the clock a time may be. A
  // stage whose outputs have the times of its records asks before a record changes its state (OutputTimes).
  virtual std::optional<RecordError> too_far_ahead(int64_t /*ms*/) { return std::nullopt; }
};

// A source partition that was read to its end and silent for this long no longer holds stream time back.
constexpr int64_t kSilentSourceMs = 10'000;

class Stage {
 public:
  virtual ~Stage() = default;
  virtual void process(const Record& record, Emitter& out) = 0;
  // These records come next, in this order, as far as the run does not end before: a stage with many rows names those
  // that it will look up (Store::will_get()) and has them read together. No results, and nothing changes.
  virtual void look_ahead(std::span<const Record> /*records*/) {}
  // Everything taken so far has been emitted or failed when this returns.
  virtual void flush(Emitter&) {}
  // It emits at flush() for records that it took before, and needs them until then.
  virtual bool keeps_records() const { return false; }
  // Wall time as a timer: called when `next_wakeup()` has passed, and before each commit.
  virtual void tick(int64_t /*wall_ms*/, Emitter&) {}
  virtual std::optional<int64_t> next_wakeup() const { return std::nullopt; }  // wall ms
  // The open transaction is about to commit: emit what is due once per commit and write every dirty row to
  // the store. Nothing is processed between this and the commit. After an abort the stage is destroyed and
  // made again from the store.
  virtual void before_commit(Emitter&) {}
  // How many rows before_commit() would write, a large one as several (join/dirty_weight.h): the run loop commits
  // before they are too many.
  virtual size_t dirty_rows() const { return 0; }
  // --idle and sources that fell silent: `source` (the input partition; behind a repartition each source
  // partition) has been read to its end and nothing came for `silent_ms` of wall time. Called while the
  // silence lasts, about once a second.
  virtual void silent(int32_t /*source*/, int64_t /*silent_ms*/, Emitter&) {}
  // Nothing more will come from the source in this run: it is not read, or was read to where it was to end.
  virtual void source_ended(int32_t /*source*/, Emitter&) {}
  // All that the sources gave to this run is read. `after_rest`: before it nothing was read for
  // kSilentSourceMs or longer, so that whoever gave nothing now is silent; whoever never gave anything is in
  // any case.
  virtual void all_read(bool /*after_rest*/, Emitter&) {}
  // The input has ended and will not go on (lines, a range with an end read to lines, --close-at-end).
  virtual void close(Emitter& out) { flush(out); }
};

}  // namespace kutils::flow
