// The loop without a group's transactions: lines to lines, topic to lines, lines to topic. One source, one
// stage, one set of sinks.
//
// Outputs are flushed whenever no input waits, so that a reader sees each record as soon as it is there.
// After a flush `delivered` is called (it commits offsets where -g asks for that).
#pragma once

#include <functional>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/signal.h"
#include "flow/errors/late_notes.h"
#include "flow/run/processor.h"
#include "flow/run/progress.h"
#include "flow/tasks/idle_source_monitor.h"
#include "flow/transaction/sink_outputs.h"
#include "io/source.h"

namespace kutils::flow {

struct PlainParts {
  io::Source& source;
  SinkOutputs& outputs;
  Stage& stage;
  Processor& processor;
  Report& report;
  const Clock& clock;
  const StopRequest& stop;
  Progress& progress;
  std::function<void(const Batch& batch, size_t done)>
      taken;                                        // the first `done` records are done; may be empty
  std::function<void()> delivered;                  // may be empty
  RunObserver* observer = nullptr;                  // may be null
  std::vector<kafka::TopicPartition> sources = {};  // by the number that the stage knows them by; none: lines
  std::function<void()> each_turn = {};             // may be empty
  IdleSourceMonitor* silence = nullptr;             // topics only: which partitions at their ends are silent
  Log* log = nullptr;                               // for what is to be said while it runs; may be null
};

class PlainLoop {
 public:
  explicit PlainLoop(PlainParts parts) : parts_(std::move(parts)) {
    if (parts_.log) late_.emplace(*parts_.log);
  }
  // Until the input ends, a limit is reached, a record fails, or it is asked to stop. Everything done is
  // flushed when it returns, also after a failed record. Throws Error, io::ReaderGone.
  void run();

 private:
  void take(const Batch& batch);
  void settle();
  void wait_for_waiting();
  Millis poll_timeout() const;
  void note_quiet(const Batch& batch);
  void tell_silence();
  void tell_topics_silence();
  void tell_ended();
  int32_t number_of(const kafka::TopicPartition& at) const;

  PlainParts parts_;
  bool dirty_ = false;
  int64_t record_time_ms_ = kNoTimestamp;  // CommitNews
  std::optional<LateNotes> late_;
  std::map<kafka::TopicPartition, int64_t> idle_since_us_;
  int64_t last_idle_look_us_ = 0;
  int64_t last_look_us_ = 0;
  std::set<int32_t> ended_;  // sources of which the stage knows that nothing more comes
};

}  // namespace kutils::flow
