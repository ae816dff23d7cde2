// Runs records through a stage, and does with what comes out what the options say: --on-error, -c, -m, the
// counts. The same for lines and topics; knows nothing of either.
//
// It ends (`ended()`) when a limit is reached or a record failed under --on-error fail. From then on no other
// record's outputs are written, and the records behind `done` of that batch count as not taken: the loop
// commits what came before and no more. It ends as well (`End::stopped`) when records go on coming after the
// end was asked for: a batch may hold as many as take minutes.
//
// -m where positions or a state say what is done (`Limits::stops_between_records`): the record or call that
// reaches the limit still writes all that it makes, for what were left out would never come again. Else
// exactly as many outputs as asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/signal.h"
#include "data/record.h"
#include "flow/run/report.h"
#include "flow/topology/interrupted.h"
#include "flow/topology/job.h"
#include "flow/topology/outputs.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

class Processor final : public Emitter {
 public:
  enum class End { no, limit, failed, stopped };
  struct Limits {
    std::optional<int64_t> input;        // -c
    std::optional<int64_t> output;       // -m
    bool stateful = false;               // a record whose output is refused has changed the state already
    bool stops_between_records = false;  // see above
  };

  Processor(OnError::Policy policy, Limits limits, Outputs& outputs, Report& report, const StopRequest& stop,
            const Clock& clock)
      : policy_(policy), limits_(limits), outputs_(outputs), report_(report), stop_(stop), clock_(clock) {
    if (reached(limits_.input, 0) || reached(limits_.output, 0)) end_ = End::limit;
  }

  // A batch begins; `records` are all of it, so that a failure that comes late can be placed.
  void begin(std::span<const Record> records);
  // Where the next records and outputs stand: only those of IN and to OUT count. `source`: of an internal
  // topic, what its records came from; messages and dead letters show them as they were there.
  void set_place(bool reads_in, bool writes_out, std::string_view source) {
    reads_in_ = reads_in, writes_out_ = writes_out, source_topic_ = source;
  }
  // The next records of the batch through this stage. Returns how many of them were taken: all, unless it
  // ended.
  size_t process(Stage& stage, std::span<const Record> records);
  // A record that came unreadable (io::BadRecord).
  void bad_record(const Record& origin, const RecordError& error);
  void flush(Stage& stage) {
    if (guarded([&] { stage.flush(*this); })) return;
    if (!ends_before_ && !batch_.empty()) ends_before_ = 0;  // which of them were emitted is not known
  }
  void tick(Stage& stage, int64_t wall_ms) {
    guarded([&] { stage.tick(wall_ms, *this); });
  }
  // What the stage has in hand goes out whatever ended the run: its state says that it did.
  void before_commit(Stage& stage) {
    committing_ = true;
    guarded([&] { stage.before_commit(*this); });
    committing_ = false;
  }
  void silent(Stage& stage, int32_t source, int64_t ms) {
    guarded([&] { stage.silent(source, ms, *this); });
  }
  void source_ended(Stage& stage, int32_t source) {
    guarded([&] { stage.source_ended(source, *this); });
  }
  void all_read(Stage& stage, bool after_rest) {
    guarded([&] { stage.all_read(after_rest, *this); });
  }
  void close(Stage& stage) {
    guarded([&] { stage.close(*this); });
  }

  End ended() const { return end_; }
  // -c: all that was to be read was read, which is an end of the input.
  bool read_enough() const {
    return end_ == End::limit && reached(limits_.input, in_) && !reached(limits_.output, out_);
  }
  // Of the batch's records, those before this index are done. Less than what was taken only after a failure,
  // or where a stage that answers later reached the limit.
  size_t done(size_t taken) const { return std::min(taken, ends_before_.value_or(taken)); }
  // -m was reached by a record, and ones behind it are in the state already, for a stage answers later. Nothing may
  // be committed: what was done since the last commit is to be done again, with a flush() after each record.
  bool is_beyond_limit() const { return is_beyond_limit_; }
  // What failed, or was interrupted, had already written an output, or changed a state: its transaction must
  // not be committed.
  bool failed_half_way() const { return failed_half_way_; }
  // Until the next call: a failure that no record being processed is the cause of (a commit, a timer) ends the
  // run without being told. What was done since the last commit is tried again in smaller pieces, so that what
  // came before the cause can be committed. `cause`: what a record of a later stage stems from; null: not known.
  void before_silent_work(bool on_trial, const Record* cause = nullptr) {
    is_on_trial_ = on_trial;
    cause_ = cause;
  }
  bool failed_on_trial() const { return failed_on_trial_; }
  // What came before a record that failed half-way was done again; `then`: what was counted when it failed.
  void end_as_failed(const Report::Counts& then);
  // Since a transaction was aborted, its records come again and must not count twice.
  struct Checkpoint {
    uint64_t in = 0;
    uint64_t out = 0;
    Report::Counts counts;
  };
  Checkpoint checkpoint() const { return {in_, out_, report_.counts}; }
  void roll_back(const Checkpoint& to);

  void emit(const Record* origin, const Output& output) override;
  void fail(const Record& origin, RecordError error) override;
  void fail_made(const Record* origin, const Record& made, RecordError error) override;
  void drop(const Record& origin, DropReason reason) override;
  bool refused() const override { return refused_; }
  std::optional<RecordError> too_far_ahead(int64_t ms) override { return outputs_.too_far_ahead(ms); }

 private:
  static bool reached(const std::optional<int64_t>& limit, uint64_t count) {
    return limit && count >= static_cast<uint64_t>(*limit < 0 ? 0 : *limit);
  }
  // False: left half done, because the end was asked for: the stage cannot go on from there.
  template <typename Call>
  bool guarded(Call call) {
    try {
      call();
      return true;
    } catch (const InterruptedBefore& interrupted) {
      ends_before_ = place_of(interrupted.first).value_or(0);
    } catch (const Interrupted&) {
    }
    end_ = End::stopped;
    failed_half_way_ = true;
    return false;
  }
  bool is_overdue();
  // `made`: what is shown in place of `origin`; null: that itself. `refused`: what OUT does not take.
  void failed(const Record* origin, const RecordError& error, const Record* made = nullptr,
              const Output* refused = nullptr);
  // An output of this record was refused before, for this reason: the record fails once.
  bool was_refused(const Record& origin, Reason reason);
  void reach_limit(const Record* origin);
  // It comes again: the run ended before it.
  bool is_beyond(const Record* origin) const;
  size_t index_of(const Record& origin) const;
  std::optional<size_t> place_of(const Record& origin) const;  // in the batch

  const OnError::Policy policy_;
  const Limits limits_;
  Outputs& outputs_;
  Report& report_;
  const StopRequest& stop_;
  const Clock& clock_;
  int64_t stop_seen_us_ = 0;
  std::span<const Record> batch_;
  const Record* current_ = nullptr;
  uint64_t in_ = 0;
  uint64_t out_ = 0;
  uint64_t out_before_current_ = 0;
  End end_ = End::no;
  std::optional<size_t> ends_before_;  // of the batch
  size_t taken_before_ = 0;            // of the batch: no record from here on was taken
  bool is_beyond_limit_ = false;
  std::vector<std::pair<size_t, size_t>> counted_;  // of the batch: where records counted as read, how many
  // The last record of which an output was refused, and why: of this batch, since the last abort.
  struct Refused {
    std::string topic;
    int32_t partition;
    int64_t offset;
    Reason reason;
  };
  std::optional<Refused> last_refused_;
  bool failed_half_way_ = false;
  bool committing_ = false;
  bool is_on_trial_ = false;
  bool failed_on_trial_ = false;
  const Record* cause_ = nullptr;
  bool refused_ = false;
  bool reads_in_ = true;
  bool writes_out_ = true;
  std::string_view source_topic_;
};

}  // namespace kutils::flow
