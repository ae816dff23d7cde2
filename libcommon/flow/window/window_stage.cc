#include "flow/window/window_stage.h"

#include <algorithm>
#include <limits>

#include "flow/aggregate/combined.h"
#include "flow/aggregate/unpack.h"
#include "flow/window/time_windows.h"

namespace kutils::flow {

WindowStage::WindowStage(WindowOptions options, const AggregateSet& set, std::unique_ptr<RecordReader> reader,
                         state::Store& store)
    : options_(std::move(options)),
      set_(set),
      store_(store),
      output_(set, options_.format),
      clock_(options_.sources, options_.idle, store.stream_times()),
      reader_(std::move(reader)) {
  if (options_.emit != Emit::close) output_.note_shown(store, closes_after());
}

int64_t WindowStage::closes_after() const {
  switch (options_.window.kind) {
    case WindowSpec::Kind::session:
      return options_.window.size + 1 + options_.grace;
    case WindowSpec::Kind::sliding:
      return 1 + options_.grace;
    default:
      return options_.grace;
  }
}

void WindowStage::process(const Record& record, Emitter& out) {
  if (record.value.is_null()) {
    if (reader_->read_times(record, times_)) return take_times(out);
    if (!options_.takes_null) return out.drop(record, DropReason::tombstone);
  }
  if (is_pack(record))
    return unpack(record, grouped_, out, [this](const Record& one, Emitter& to) { process(one, to); });
  if (auto error = reader_->read(record, grouped_)) {
    out.fail(record, std::move(*error));
    return;
  }
  const bool is_session = grouped_.combined && grouped_.combined->session();
  const int64_t newest =
      is_session ? std::max(grouped_.time, grouped_.combined->session()->last) : grouped_.time;
  if (auto refused = times_taken_.judge(newest, out)) return out.fail(record, std::move(*refused));
  if (options_.window.is_calendar() && grouped_.time > kLastCalendarTime)
    return out.fail(record, {Reason::bad_time, "the time " + std::to_string(grouped_.time) +
                                                   " ms is too far in the future for days and months"});
  if (grouped_.combined &&
      (is_session ? options_.window.kind != WindowSpec::Kind::session : !options_.window.is_aligned()))
    return out.fail(record, {Reason::bad_codec, "combined records came for windows that take single ones"});
  if (options_.interval_ms && !due_) due_ = 0;  // tick() sets the clock going
  clock_.has_spoken(grouped_.source);
  Result<bool> counted = take(record, grouped_, clock_.after(grouped_.source, grouped_.time), out);
  if (!counted) {
    if (!can_take_apart(grouped_)) return out.fail(record, std::move(counted.error()));
    return take_apart(record, grouped_, *reader_, out,
                      [this](const Record& one, Emitter& to) { process(one, to); });
  }
  // With changes that wait, some may be of windows that are closed by now.
  if (options_.emit == Emit::update) output_.forget_closed(clock_.now());
  if (*counted) return;
  const uint64_t records = grouped_.combined ? grouped_.combined->records() : 1;
  for (uint64_t i = 0; i < records; ++i) out.drop(record, DropReason::late);
  if (!options_.late_port || grouped_.combined) return;
  Output late;
  const Record& origin = *grouped_.origin;
  late.key = origin.key;
  late.value = origin.value;
  late.is_origin = true;
  late.headers = origin.headers;
  late.timestamp = origin.timestamp;
  late.port = *options_.late_port;
  out.emit(&origin, late);
}

// Sources have spoken elsewhere.
void WindowStage::take_times(Emitter& out) {
  move_clock(out, [&] { clock_.take_times(times_); });
}

void WindowStage::silent(int32_t source, int64_t silent_ms, Emitter& out) {
  move_clock(out, [&] { clock_.silent(source, silent_ms); });
}

void WindowStage::all_read(bool after_rest, Emitter& out) {
  move_clock(out, [&] { clock_.all_read(after_rest); });
}

void WindowStage::source_ended(int32_t source, Emitter& out) {
  move_clock(out, [&] { clock_.source_ended(source); });
}

// On lines nothing commits: changes are shown each `interval_ms`.
void WindowStage::tick(int64_t wall_ms, Emitter& out) {
  if (!due_) return;
  if (*due_ == 0) {
    due_ = wall_ms + *options_.interval_ms;
  } else if (*due_ <= wall_ms) {
    emit_changes(out);
    output_.forget_closed(clock_.now());
    due_.reset();
  }
}

void WindowStage::before_commit(Emitter& out) {
  emit_changes(out);
  output_.forget_closed(clock_.now());
  write_back();
  store_.set_stream_times(clock_.times());
}

void WindowStage::close(Emitter& out) {
  if (!store_.in_memory()) {
    // --close-at-end: the state lives on. Stream time moves to where the open windows are closed, so that
    // they stay final, and no further: what comes later is in windows that nobody has closed.
    const int64_t last = last_close();
    if (last == kNoTime) return;
    clock_.move_all_to(last);
    close_until(clock_.now(), out);
    return;
  }
  // Beyond every end, yet far from overflow.
  if (clock_.largest() != kNoTime) close_until(std::numeric_limits<int64_t>::max() / 2, out);
  emit_changes(out);
}

std::unique_ptr<Stage> make_window_stage(WindowOptions options, const AggregateSet& set,
                                         std::unique_ptr<RecordReader> reader, state::Store& store) {
  switch (options.window.kind) {
    case WindowSpec::Kind::session:
      set.require_merge("session windows");
      return make_session_stage(std::move(options), set, std::move(reader), store);
    case WindowSpec::Kind::sliding:
      set.require_merge("sliding windows");
      return make_sliding_stage(std::move(options), set, std::move(reader), store);
    default:
      return make_aligned_stage(std::move(options), set, std::move(reader), store);
  }
}

}  // namespace kutils::flow
