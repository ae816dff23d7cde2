// What all windows share: reading the record, stream time, lateness, what is emitted when.
//
// One close rule (kwindow(1)): a window is closed iff end + grace <= stream time, `end` its exclusive end.
// Stream time moves first; a record counts into exactly those of its windows that are open; a closed window
// is final. A record that cannot be processed has no effect, also none on stream time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "flow/aggregate/aggregate_set.h"
#include "flow/aggregate/record_reader.h"
#include "flow/topology/output_times.h"
#include "flow/topology/stage.h"
#include "flow/window/source_clock.h"
#include "flow/window/window_output.h"
#include "flow/window/window_spec.h"
#include "state/store.h"

namespace kutils::flow {

enum class Emit {
  update,  // every change
  commit,  // the newest of each window at each commit
  close,   // once, when closed
};

struct WindowOptions {
  WindowSpec window;
  int64_t grace = 0;  // ms
  Emit emit = Emit::commit;
  int64_t expires = 0;                 // ms that closed windows stay readable in the store
  std::optional<uint32_t> late_port;   // --late: where late records go, untouched
  std::optional<int64_t> interval_ms;  // lines: what changed is emitted this often
  std::optional<int64_t> idle;         // --idle: ms of silence after which stream time moves on
  int32_t sources = 1;                 // partitions whose times are told apart (rule 27)
  bool takes_null = false;             // records without a value count as others
  OutputFormat format;
  size_t cache_bytes = size_t{2} << 20;  // decoded rows kept between commits; the store keeps encoded ones
};

class WindowStage : public Stage {
 public:
  void process(const Record& record, Emitter& out) final;
  // 0: it has spoken, and what it said is on its way.
  void silent(int32_t source, int64_t silent_ms, Emitter& out) final;
  void source_ended(int32_t source, Emitter& out) final;
  void all_read(bool after_rest, Emitter& out) final;
  void tick(int64_t wall_ms, Emitter& out) final;
  std::optional<int64_t> next_wakeup() const final { return due_; }
  void before_commit(Emitter& out) final;
  void close(Emitter& out) final;

 protected:
  // `store`, `set` outlive the stage.
  WindowStage(WindowOptions options, const AggregateSet& set, std::unique_ptr<RecordReader> reader,
              state::Store& store);

  // The record under stream time `now` (not yet set). Calls move_on() once it is sure that the record has no
  // error. False: it is late. An error: nothing was changed or emitted.
  virtual Result<bool> take(const Record& record, const GroupedRecord& grouped, int64_t now,
                            Emitter& out) = 0;
  // Stream time is now `now`: emit and drop what closed. No record is the origin: the one whose time closes a
  // window is not in it.
  virtual void close_until(int64_t now, Emitter& out) = 0;
  // The stream time at which the last window that is open now will be closed; kNoTime: none is open.
  virtual int64_t last_close() = 0;
  virtual void emit_changes(Emitter& out) = 0;
  virtual void write_back() = 0;

  void move_on(const GroupedRecord& grouped, Emitter& out) {
    const int64_t before = clock_.now();
    clock_.advance(grouped.source, grouped.time);
    if (clock_.now() != before) close_until(clock_.now(), out);
  }

  const WindowOptions options_;
  const AggregateSet& set_;
  state::Store& store_;
  WindowOutput output_;
  SourceClock clock_;

 private:
  void take_times(Emitter& out);
  // From the end that is shown of a window to where it is closed.
  int64_t closes_after() const;
  template <typename Move>
  void move_clock(Emitter& out, const Move& move) {
    const int64_t before = clock_.now();
    move();
    if (clock_.now() != before) close_until(clock_.now(), out);
  }

  std::unique_ptr<RecordReader> reader_;
  GroupedRecord grouped_;
  OutputTimes times_taken_;
  std::vector<std::pair<int32_t, int64_t>> times_;
  std::optional<int64_t> due_;  // wall ms; 0: as soon as the clock is known
};

// The stage for `options.window`. Throws usage_error if an aggregate cannot be used with it.
std::unique_ptr<Stage> make_window_stage(WindowOptions options, const AggregateSet& set,
                                         std::unique_ptr<RecordReader> reader, state::Store& store);

// Used by make_window_stage().
std::unique_ptr<Stage> make_aligned_stage(WindowOptions, const AggregateSet&, std::unique_ptr<RecordReader>,
                                          state::Store&);
std::unique_ptr<Stage> make_session_stage(WindowOptions, const AggregateSet&, std::unique_ptr<RecordReader>,
                                          state::Store&);
std::unique_ptr<Stage> make_sliding_stage(WindowOptions, const AggregateSet&, std::unique_ptr<RecordReader>,
                                          state::Store&);

}  // namespace kutils::flow
