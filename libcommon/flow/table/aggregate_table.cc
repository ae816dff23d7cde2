#include "flow/aggregate/combined.h"
#include "flow/aggregate/unpack.h"
#include "flow/table/group_table.h"
#include "flow/table/shown_rows.h"
#include "flow/table/table_stage.h"
#include "flow/timers/timer_rows.h"
#include "flow/topology/fail_result.h"
#include "flow/window/source_clock.h"

namespace kutils::flow {
namespace {

class AggregateTable final : public Stage {
 public:
  AggregateTable(TableOptions options, const AggregateSet& set, std::unique_ptr<RecordReader> reader,
                 state::Store& store)
      : options_(std::move(options)),
        set_(set),
        reader_(std::move(reader)),
        groups_(set, options_.key_names, store, options_.cache_bytes),
        store_(store) {
    if (!options_.expires) return;
    clock_.emplace(options_.sources, std::nullopt, store.stream_times());
    timers_.emplace(store);
  }

  void process(const Record& record, Emitter& out) override {
    if (record.value.is_null()) {
      if (clock_ && reader_->read_times(record, times_))
        return move_clock(out, [&] { clock_->take_times(times_); });
      return out.drop(record, DropReason::tombstone);
    }
    if (is_pack(record))
      return unpack(record, grouped_, out, [this](const Record& one, Emitter& to) { process(one, to); });
    if (auto error = reader_->read(record, grouped_)) return out.fail(record, std::move(*error));
    Row* row = groups_.find(grouped_.key);
    if (auto refused = groups_.judge_time(row, grouped_.time, out))
      return out.fail(record, std::move(*refused));
    const int64_t now = clock_ ? clock_->after(grouped_.source, grouped_.time) : state::kNoTime;
    // Its own time may be what ends the row: then it begins the next.
    if (clock_ && row->exists && is_over(row->time, now) && !is_over(grouped_.time, now)) {
      clock_->has_spoken(grouped_.source);
      move_clock(out, [&] { clock_->advance(grouped_.source, grouped_.time); });
      row = groups_.find(grouped_.key);
    }
    if (auto refused = can_add(set_, groups_.state(row), grouped_)) {
      if (!can_take_apart(grouped_)) return out.fail(record, std::move(*refused));
      return take_apart(record, grouped_, *reader_, out,
                        [this](const Record& one, Emitter& to) { process(one, to); });
    }
    if (clock_) {
      clock_->has_spoken(grouped_.source);
      move_clock(out, [&] { clock_->advance(grouped_.source, grouped_.time); });
      // Its row would be over, and is perhaps.
      if (!row->exists && is_over(grouped_.time, clock_->now())) return out.drop(record, DropReason::late);
      if (!row->exists) timers_->put(grouped_.time + *options_.expires, grouped_.key, {});
    }
    add_checked(set_, groups_.state(row), grouped_);
    groups_.touch(row, grouped_.key_is_text, grouped_.time);
    const Result<bool> deletes = groups_.deletes(row);
    if (!deletes) {
      const std::string key(groups_.key(row));
      if (options_.emit == TableEmit::commit) groups_.note_change(row);
      return fail_result(&record, std::string_view(key), {}, row->time, deletes.error(), out);
    }
    if (*deletes) return remove(&record, row, row->time, out);
    if (options_.emit == TableEmit::update) {
      groups_.emit(&record, row, out);
    } else if (options_.emit == TableEmit::commit) {
      groups_.note_change(row);
      if (options_.interval_ms && !due_) due_ = 0;  // tick() sets the clock going
    }
  }
  void tick(int64_t wall_ms, Emitter& out) override {
    if (!options_.interval_ms || !due_) return;
    if (*due_ == 0) {
      due_ = wall_ms + *options_.interval_ms;
    } else if (*due_ <= wall_ms) {
      groups_.emit_changes(out);
      due_.reset();
    }
  }
  void silent(int32_t source, int64_t silent_ms, Emitter& out) override {
    if (clock_) move_clock(out, [&] { clock_->silent(source, silent_ms); });
  }
  void source_ended(int32_t source, Emitter& out) override {
    if (clock_) move_clock(out, [&] { clock_->source_ended(source); });
  }
  void all_read(bool after_rest, Emitter& out) override {
    if (clock_) return move_clock(out, [&] { clock_->all_read(after_rest); });
    if (options_.empty_total && !options_.after) show_empty_total(groups_, options_.emit, out);
  }
  size_t dirty_rows() const override { return groups_.dirty() + (timers_ ? timers_->dirty() : 0); }
  std::optional<int64_t> next_wakeup() const override { return due_; }
  void before_commit(Emitter& out) override {
    groups_.emit_changes(out);
    groups_.write_back();
    if (!clock_) return;
    timers_->write_back();
    store_.set_stream_times(clock_->times());
  }
  void close(Emitter& out) override {
    if (options_.emit == TableEmit::close) {
      if (options_.empty_total) groups_.make_total();
      groups_.emit_all(out);
    } else {
      groups_.emit_changes(out);
    }
  }

 private:
  bool is_over(int64_t time, int64_t now) const { return time + *options_.expires <= now; }

  template <typename Move>
  void move_clock(Emitter& out, const Move& move) {
    move();
    const int64_t now = clock_->now();
    if (timers_->next_due() > now) return;
    timers_->fire(now, SIZE_MAX, [&](int64_t due, std::string_view key, std::string_view) {
      Row* row = groups_.find(key);
      if (!row->exists) return;
      // It has changed since: a timer is set at a row's first time only.
      const int64_t over = row->time + *options_.expires;
      if (over > now) return timers_->put(over, key, {});
      remove(nullptr, row, std::max(due, over), out);
    });
  }

  void remove(const Record* origin, Row* row, int64_t time, Emitter& out) {
    groups_.remove(row, time);
    if (options_.emit != TableEmit::commit) return groups_.emit(origin, row, out);
    groups_.note_change(row);
    if (options_.interval_ms && !due_) due_ = 0;
  }

  const TableOptions options_;
  const AggregateSet& set_;
  std::unique_ptr<RecordReader> reader_;
  GroupTable groups_;
  GroupedRecord grouped_;
  state::Store& store_;
  std::optional<SourceClock> clock_;  // of who has `expires`
  std::optional<TimerRows> timers_;   // when a row may be over
  std::vector<std::pair<int32_t, int64_t>> times_;
  std::optional<int64_t> due_;
};

}  // namespace

std::unique_ptr<Stage> make_aggregate_table(TableOptions options, const AggregateSet& set,
                                            std::unique_ptr<RecordReader> reader, state::Store& store) {
  if (options.after) options.emit = TableEmit::update;
  const TableOptions held = options;
  auto table = std::make_unique<AggregateTable>(std::move(options), set, std::move(reader), store);
  return make_shown(std::move(table), held, false, set, store);
}

}  // namespace kutils::flow
