// kdelay: each record goes on, as it came, once the clock has reached its time.
//
// What is not due lies in the store as a timer (flow/timers/timer_rows.h), so that millions of records cost no
// memory, and goes out in order of due, those of equal time as they came. What is due when it is read goes on
// at once, unless something that is due before it waits.
//
// Store: kTimerRow due number:ordered64 -> record (held_record.h); kKeyRow -> number:signed, of the next one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "expr/expressions.h"
#include "expr/seconds_note.h"
#include "flow/timers/held_record.h"
#include "flow/timers/timer_rows.h"
#include "flow/topology/stage.h"
#include "flow/topology/waiting.h"

namespace kutils {

struct DelayPlan {
  std::optional<int64_t> delay;      // ms after the record's time; without one, after it was read
  std::string time;                  // else: an expression, which says when
  int64_t time_unit_ns = 1'000'000;  // of numbers that it gives
  expr::Options options = {};
  bool keep_null = false;
  bool rekeyed = false;  // in a pipe: an earlier stage has changed the key, which says the partition
};

class DelayStage final : public flow::Stage, public flow::Waiting {
 public:
  // Throws usage_error. `store` may be null until records come; it and `clock` outlive the stage.
  DelayStage(const DelayPlan& plan, state::Store* store, const Clock* clock);
  void process(const Record& record, flow::Emitter& out) override;
  void tick(int64_t wall_ms, flow::Emitter& out) override;
  std::optional<int64_t> next_wakeup() const override;
  uint64_t waiting() const override { return waiting_; }
  void before_commit(flow::Emitter& out) override;
  size_t dirty_rows() const override { return timers_ ? timers_->dirty() : 0; }
  std::string canonical() const;
  // Why it cannot wait, if so.
  std::optional<RecordError> error_of(const Record& record);

 private:
  Result<int64_t> due_of(const Record& record);
  void pass_on(const Record& record, flow::Emitter& out) const;

  const DelayPlan plan_;
  expr::Expressions expressions_;
  expr::SecondsNote seconds_;
  std::optional<size_t> time_;
  state::Store* const store_;
  const Clock* const clock_;
  std::optional<flow::TimerRows> timers_;
  int64_t next_number_ = 0;
  int64_t stored_number_ = 0;
  uint64_t waiting_ = 0;     // of what this process has put
  int64_t now_ = INT64_MIN;  // of the clock, when it was last asked
  flow::HeldRecord held_;
  std::string key_;
  std::string value_;
};

}  // namespace kutils
