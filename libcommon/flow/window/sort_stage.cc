// Store: kTimerRow time number:ordered64 -> record (held_record.h); kKeyRow -> number:signed, of the next one.
#include "flow/window/sort_stage.h"

#include <cstdint>
#include <string>
#include <utility>

#include "flow/timers/held_record.h"
#include "flow/timers/timer_rows.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

constexpr std::string_view kNumberRow{&state::kKeyRow, 1};

WindowOptions window_of(const SortOptions& options) {
  WindowOptions window = options.window;
  window.emit = Emit::close;
  window.grace = 0;
  return window;
}

class SortStage final : public WindowStage {
 public:
  SortStage(const SortOptions& options, const AggregateSet& set, std::unique_ptr<RecordReader> reader,
            state::Store& store)
      : WindowStage(window_of(options), set, std::move(reader), store),
        within_(options.within),
        rekeyed_(options.rekeyed),
        held_(store) {
    if (const auto stored = store.get(kNumberRow)) {
      Reader in(*stored);
      next_number_ = stored_number_ = in.signed_varint();
      if (!in.ok()) throw state::CorruptState("the number of the next record in the state is broken");
    }
  }
  size_t dirty_rows() const override { return held_.dirty(); }

 protected:
  Result<bool> take(const Record&, const GroupedRecord& grouped, int64_t now, Emitter& out) override {
    const Record& origin = *grouped.origin;
    // OUT would refuse it later, too, when its partition and offset are no longer known.
    if (auto refused = out.too_far_ahead(origin.timestamp)) return *refused;
    const bool is_late = grouped.time + within_ < now;
    if (!is_late) {
      key_.clear();
      put_ordered(key_, next_number_++);
      value_.clear();
      encode_record(origin, value_);
      held_.put(grouped.time, key_, value_);
    }
    // It may be due itself, without moving stream time.
    clock_.advance(grouped.source, grouped.time);
    close_until(clock_.now(), out);
    return !is_late;
  }

  void close_until(int64_t now, Emitter& out) override {
    if (now == kNoTime) return;
    held_.fire(now - within_, SIZE_MAX, [&](int64_t, std::string_view, std::string_view bytes) {
      Output output = record_.decode(bytes);
      output.keeps_key = !rekeyed_;
      out.emit(nullptr, output);
    });
  }
  int64_t last_close() override { return held_.next_due() == kNever ? kNoTime : clock_.largest() + within_; }
  void emit_changes(Emitter&) override {}
  void write_back() override {
    held_.write_back();
    if (next_number_ == stored_number_ || store_.in_memory()) return;
    value_.clear();
    put_signed(value_, next_number_);
    store_.put(kNumberRow, value_);
    stored_number_ = next_number_;
  }

 private:
  const int64_t within_;
  const bool rekeyed_;
  TimerRows held_;
  int64_t next_number_ = 0;
  int64_t stored_number_ = 0;
  HeldRecord record_;
  std::string key_;
  std::string value_;
};

}  // namespace

std::unique_ptr<Stage> make_sort_stage(const SortOptions& options, const AggregateSet& set,
                                       std::unique_ptr<RecordReader> reader, state::Store& store) {
  return std::make_unique<SortStage>(options, set, std::move(reader), store);
}

}  // namespace kutils::flow
