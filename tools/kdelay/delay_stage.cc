#include "kdelay/delay_stage.h"

#include <utility>

#include "base/duration.h"
#include "base/varint.h"
#include "flow/topology/pass.h"
#include "state/state_format.h"

namespace kutils {
namespace {

// What a transaction lets go at most before others are looked at, and it may commit.
constexpr size_t kAtOnce = 1000;
// Far enough from the end of int64.
constexpr int64_t kLatest = INT64_MAX / 8;
constexpr std::string_view kNumberRow{&state::kKeyRow, 1};
constexpr const char* kBefore1970 = "the record's own time is before 1970";

bool is_before_1970(const Record& record) { return record.timestamp < 0 && record.timestamp != kNoTimestamp; }

}  // namespace

DelayStage::DelayStage(const DelayPlan& plan, state::Store* store, const Clock* clock)
    : plan_(plan),
      expressions_(plan.options),
      seconds_("D", plan.options.warn),
      store_(store),
      clock_(clock) {
  if (!plan_.delay) time_ = expressions_.add(plan_.time, "D", expr::Expect::time);
  if (store_ == nullptr) return;
  timers_.emplace(*store_);
  if (const auto stored = store_->get(kNumberRow)) {
    Reader in(*stored);
    next_number_ = stored_number_ = in.signed_varint();
    if (!in.ok()) throw state::CorruptState("the number of the next record in the state is broken");
  }
}

std::string DelayStage::canonical() const {
  if (time_) return expressions_.canonical(*time_);
  return format_duration(std::chrono::milliseconds(*plan_.delay));
}

std::optional<RecordError> DelayStage::error_of(const Record& record) {
  const Result<int64_t> due = due_of(record);
  return due ? std::nullopt : std::optional(due.error());
}

Result<int64_t> DelayStage::due_of(const Record& record) {
  if (plan_.delay) {
    if (is_before_1970(record)) return RecordError{Reason::bad_time, kBefore1970};
    const int64_t from = record.timestamp >= 0 ? record.timestamp : clock_->wall_ms();
    if (from > kLatest) return RecordError{Reason::bad_time, "its time is too far in the future"};
    return from + *plan_.delay;
  }
  if (auto error = expressions_.bind(record)) return std::move(*error);
  const Result<expr::Value> value = expressions_.get(*time_);
  if (!value) return value.error();
  Result<int64_t> due = expr::to_time_ms(*value, plan_.time_unit_ns);
  if (due) seconds_.see(*value, *due, plan_.time_unit_ns);
  if (due && *due > kLatest)
    return RecordError{Reason::bad_time, "the time " + std::to_string(*due) + " ms is too far in the future"};
  return due;
}

// Where it would go if it had waited.
void DelayStage::pass_on(const Record& record, flow::Emitter& out) const {
  Output output = flow::pass(record);
  output.keeps_key = !plan_.rekeyed;
  out.emit(&record, output);
}

void DelayStage::process(const Record& record, flow::Emitter& out) {
  if (time_ && record.value.is_null() && expressions_.reads_fields()) {
    if (!plan_.keep_null) return out.drop(record, flow::DropReason::tombstone);
    return pass_on(record, out);
  }
  const Result<int64_t> due = due_of(record);
  if (!due) return out.fail(record, due.error());
  if (*due > now_) now_ = clock_->wall_ms();
  if (*due <= now_ && timers_->next_due() > *due) return pass_on(record, out);
  // OUT would refuse it later, too, when its partition and offset are no longer known.
  if (is_before_1970(record)) return out.fail(record, {Reason::bad_time, kBefore1970});
  if (auto refused = out.too_far_ahead(record.timestamp)) return out.fail(record, std::move(*refused));
  key_.clear();
  put_ordered(key_, next_number_++);
  value_.clear();
  flow::encode_record(record, value_);
  timers_->put(*due, key_, value_);
  ++waiting_;
}

void DelayStage::tick(int64_t wall_ms, flow::Emitter& out) {
  timers_->fire(wall_ms, kAtOnce, [&](int64_t, std::string_view, std::string_view bytes) {
    if (waiting_ > 0) --waiting_;
    Output output = held_.decode(bytes);
    output.keeps_key = !plan_.rekeyed;
    out.emit(nullptr, output);
  });
}

std::optional<int64_t> DelayStage::next_wakeup() const {
  if (!timers_ || timers_->next_due() == flow::kNever) return std::nullopt;
  return timers_->next_due();
}

void DelayStage::before_commit(flow::Emitter&) {
  timers_->write_back();
  if (next_number_ == stored_number_ || store_->in_memory()) return;
  value_.clear();
  put_signed(value_, next_number_);
  store_->put(kNumberRow, value_);
  stored_number_ = next_number_;
}

}  // namespace kutils
