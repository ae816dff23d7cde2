#include "flow/tasks/state_support.h"

#include <atomic>
#include <cstdio>
#include <deque>
#include <mutex>
#include <semaphore>
#include <utility>
#include <vector>

#include "flow/run/run.h"
#include "state/layout.h"
#include "state/partition_store.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

constexpr uint8_t kOperator = 1;  // the first operator's meta row describes the whole task
constexpr char kMetaKeyBytes[] = {state::kMetaPrefix, static_cast<char>(kOperator)};
constexpr std::string_view kMetaKey(kMetaKeyBytes, sizeof kMetaKeyBytes);
constexpr Millis kLockLook{20};
constexpr Millis kReadWait{50};
constexpr size_t kRestoreBatch = 50'000;         // rows of one write
constexpr int64_t kFirstWaitNoteUs = 1'000'000;  // a lock that is awaited for longer is worth a line
constexpr int64_t kRestoreNoteUs = 2'000'000;
constexpr int64_t kWaitNoteUs = 30'000'000;
constexpr Millis kSlow{500};  // a restore that takes longer is reported

class StoredState final : public PartitionState {
 public:
  // `lineage`: of a state that begins at nothing.
  StoredState(std::unique_ptr<state::PartitionStore> rows, std::optional<state::PartitionLock> lock,
              std::string lineage)
      : lock_(std::move(lock)), rows_(std::move(rows)), lineage_(std::move(lineage)) {}
  ~StoredState() override { hide(); }

  // From now on `observer` may read the applied rows, until they are closed.
  void show(RunObserver* observer, int32_t partition) {
    observer_ = observer;
    partition_ = partition;
    if (observer_) observer_->opened(partition_, rows_->backend().in_memory() ? nullptr : &rows_->backend());
  }

  // Called when the state is closed and no process holds its directory.
  void when_let_go(std::function<void()> call) { let_go_ = std::move(call); }

  state::Store& store(uint8_t number) override { return rows_->operator_store(number); }
  std::optional<int64_t> position(const kafka::TopicPartition& at) override {
    if (!rows_->has_meta(kOperator)) return std::nullopt;
    return committed_position(at);
  }
  LastRecord last_record(const kafka::TopicPartition& at) override {
    const state::InputPosition* known = rows_->meta(kOperator).find_position(at.topic, at.partition);
    return known && known->last_offset >= 0 ? LastRecord{known->last_offset, known->last_digest}
                                            : LastRecord();
  }
  std::string fingerprint() override {
    return rows_->has_meta(kOperator) ? rows_->meta(kOperator).fingerprint : std::string();
  }
  int64_t last_wall_ms() override {
    return rows_->has_meta(kOperator) ? rows_->meta(kOperator).last_wall_ms : 0;
  }
  state::Resume resume(std::optional<int64_t> group_offset, const kafka::TopicPartition& at,
                       kafka::Watermarks log) override {
    return state::decide_resume(group_offset, position(at), log.low, log.high);
  }
  bool has_changes() override { return rows_->dirty_rows() > 0; }
  std::optional<int64_t> changelog_offset() override { return rows_->changelog_offset(); }
  std::span<const state::Change> changes(const StateMark& mark) override {
    state::Meta& meta = rows_->meta(kOperator);
    meta.fingerprint = mark.fingerprint;
    meta.input_partitions = mark.input_partitions;
    meta.last_wall_ms = mark.wall_ms;
    for (const SourcePosition& one : mark.positions) {
      meta.set_position(one.at.topic, one.at.partition, one.offset);
      if (one.last.offset != kNoOffset)
        meta.set_last_record(one.at.topic, one.at.partition, one.last.offset, one.last.digest);
    }
    if (meta.lineage.empty()) meta.lineage = lineage_;
    return rows_->take_changes();
  }
  void applied(std::optional<int64_t> next_offset, int64_t wall_ms) override {
    rows_->applied(next_offset.value_or(rows_->changelog_offset().value_or(0)), wall_ms);
  }
  void discard() override { rows_->discard(); }
  void close() override {
    hide();
    rows_->close();
    lock_.reset();
    if (let_go_) let_go_();
  }

 private:
  void hide() {
    if (observer_) std::exchange(observer_, nullptr)->closing(partition_);
  }
  // Between transactions the current meta is the committed one.
  std::optional<int64_t> committed_position(const kafka::TopicPartition& at) {
    return rows_->meta(kOperator).position(at.topic, at.partition);
  }

  RunObserver* observer_ = nullptr;
  int32_t partition_ = 0;
  std::optional<state::PartitionLock> lock_;  // let go of after the rows are closed
  std::unique_ptr<state::PartitionStore> rows_;
  const std::string lineage_;
  std::function<void()> let_go_;
};

// So many partitions of a process are opened and restored at a time: each restore reads with a consumer of
// its own, of several threads, descriptors and megabytes.
constexpr std::ptrdiff_t kRestoresAtOnce = 8;

// What all openings of a process share.
struct Restores {
  explicit Restores(size_t cache_bytes) : environment(cache_bytes) {}
  state::StateEnvironment environment;
  std::counting_semaphore<> places{kRestoresAtOnce};
};

class RestorePlace {
 public:
  // False: `cancelled` came first.
  bool take(Restores& restores, const std::atomic<bool>& cancelled) {
    while (!restores.places.try_acquire_for(kLockLook))
      if (cancelled) return false;
    restores_ = &restores;
    return true;
  }
  RestorePlace() = default;
  RestorePlace(const RestorePlace&) = delete;
  RestorePlace& operator=(const RestorePlace&) = delete;
  ~RestorePlace() {
    if (restores_) restores_->places.release();
  }

 private:
  Restores* restores_ = nullptr;
};

// Opens and restores beside the worker, which goes on polling (rule 13).
class Opening final : public StateOpening {
 public:
  Opening(StatePlace place, std::shared_ptr<Restores> restores, const Environment& around,
          kafka::Admin& admin)
      : place_(std::move(place)), restores_(std::move(restores)), around_(around), admin_(admin) {
    done_ = run_beside(around.executor, [this] { return open(); });
  }
  ~Opening() override {
    cancelled_ = true;
    if (done_.drop()) {
      try {
        const auto state = done_.get();
        if (state) state->close();
      } catch (...) {
        // Nobody waits for it any more; whoever opens it next meets the same.
      }
    }
    if (shows_restore_ && around_.observer) around_.observer->closing(place_.changelog.partition);
  }

  std::unique_ptr<PartitionState> poll() override { return done_.is_ready() ? done_.get() : nullptr; }
  std::string account() const override { return account_; }
  std::string progress() const override {
    if (waits_for_lock_) return waiting_for_lock();
    const int64_t total = total_, read = read_;
    if (total == 0) return {};
    const int64_t now = around_.clock.steady_us();
    if (now < tells_restore_at_us_) return {};
    tells_restore_at_us_ = now + kRestoreNoteUs;
    return "restored " + std::to_string(read) + " of at most " + std::to_string(total) +
           " rows of partition " + std::to_string(place_.changelog.partition);
  }

 private:
  // Handing over takes less; said once, and now and then while it lasts.
  std::string waiting_for_lock() const {
    const int64_t now = around_.clock.steady_us();
    if (now < tells_wait_at_us_) return {};
    tells_wait_at_us_ = now + kWaitNoteUs;
    const std::string directory =
        state::newest_directory(place_.directory, place_.group, place_.changelog.partition);
    const int pid = state::lock_holder(directory);
    const std::string name = pid == 0 ? "another process" : "process " + std::to_string(pid);
    std::string text = "partition " + std::to_string(place_.changelog.partition) +
                       " waits for its state in " + directory + ", which " + name + " holds";
    if (place_.hung_after)
      text += "; after " + std::to_string(place_.hung_after->count() / 1000) +
              " s it is restored from its changelog instead";
    if (pid != 0)
      text += "\n  if that process is stopped or hangs: kill -CONT " + std::to_string(pid) +
              " lets it go on, kill -KILL ends it without loss";
    return text;
  }

  std::unique_ptr<PartitionState> open() {
    if (place_.temporary) {
      return std::make_unique<StoredState>(std::make_unique<state::PartitionStore>(false), std::nullopt,
                                           "temporary");
    }
    const auto try_hold = [&] {
      return state::try_hold(place_.directory, place_.group, place_.changelog.partition);
    };
    auto held = try_hold();
    if (around_.observer) around_.observer->restoring(place_.changelog.partition, 0, 0);
    shows_restore_ = true;
    // Another process is handing it over.
    const int64_t began_us = around_.clock.steady_us();
    tells_wait_at_us_ = began_us + kFirstWaitNoteUs;
    waits_for_lock_ = !held;
    while (!held && !cancelled_) {
      around_.pause(kLockLook);
      held = try_hold();
      if (held || !place_.hung_after ||
          around_.clock.steady_us() - began_us < std::chrono::microseconds(*place_.hung_after).count())
        continue;
      const std::string hung =
          state::newest_directory(place_.directory, place_.group, place_.changelog.partition);
      const int pid = state::lock_holder(hung);
      held = state::hold_another(place_.directory, place_.group, place_.changelog.partition);
      if (held)
        account_ = (pid == 0 ? "another process" : "process " + std::to_string(pid)) + " still holds " +
                   hung + ": the state is kept in " + held->directory + " from now on\n";
    }
    waits_for_lock_ = false;
    RestorePlace restoring;
    if (!held || !restoring.take(*restores_, cancelled_)) return nullptr;
    state::delete_replaced(place_.directory, place_.group, place_.changelog.partition);
    auto rows = std::make_unique<state::PartitionStore>(restores_->environment, held->directory);
    if (place_.distrusted) rows->wipe("it was found to be broken");
    try {
      restore(*rows);
    } catch (const state::CorruptState& broken) {
      rows->wipe(broken.what());
      restore(*rows);
    }
    if (!rows->is_open()) return nullptr;
    auto state = std::make_unique<StoredState>(std::move(rows), std::move(held->lock),
                                               around_.token + "." + std::to_string(around_.clock.wall_ms()));
    state->when_let_go([place = place_] {
      state::delete_replaced(place.directory, place.group, place.changelog.partition);
    });
    shows_restore_ = false;
    state->show(around_.observer, place_.changelog.partition);
    return state;
  }

  void restore(state::PartitionStore& rows) {
    using Reason = state::RestorePlan::Reason;
    if (place_.in_memory_broker) return rows.finish_restore();
    const int64_t began = around_.clock.steady_us();
    const kafka::Watermarks log = ends_of_changelog();
    state::RestorePlan plan =
        rows.plan_restore(log.low, log.high, around_.clock.wall_ms(), place_.delete_retention_ms);
    // The transaction's own marker stands behind the last row, so a state is hardly ever at the log's very
    // end: it is not too old if nothing but markers is missing.
    if (plan.reason == Reason::too_old && nothing_behind(*rows.changelog_offset(), log.high)) {
      rows.restore({}, log.high, around_.clock.wall_ms());
      plan = {Reason::up_to_date, false, log.high};
    }
    refuse_lost_rows(rows, plan, log);
    // Cut short, the questions above have no answer, and what is here may be all that is left.
    if (plan.rebuild && cancelled_) return rows.leave();
    if (plan.rebuild) rows.wipe(std::string("its changelog is newer: ") + to_string(plan.reason));
    // Rows of another state of the same name must not be mixed with these.
    rows.finish_restore();
    lineage_ = rows.has_meta(kOperator) ? rows.meta(kOperator).lineage : std::string();
    read_ = 0;
    total_ = log.high - plan.from;
    if (plan.from < log.high) rows.begin_restore();
    const int64_t count = read_from(rows, plan.from, log.high);
    total_ = 0;
    if (cancelled_) return;
    rows.end_restore();
    rows.finish_restore();
    write_account(rows, plan, count, Millis((around_.clock.steady_us() - began) / 1000));
  }

  // What is here may be all that is left: never wiped for a log that has nothing. A compacted log keeps its beginning,
  // so one that begins later has lost rows, and what is made from it would lack them.
  void refuse_lost_rows(state::PartitionStore& rows, const state::RestorePlan& plan, kafka::Watermarks log) {
    using Reason = state::RestorePlan::Reason;
    const bool is_recreated =
        plan.reason == Reason::beyond_end && place_.has_run && nothing_behind(log.low, log.high);
    const bool lacks_rows = log.low > 0 && plan.from == log.low && plan.reason != Reason::up_to_date;
    if (!is_recreated && !lacks_rows) return;
    rows.leave();
    const std::string topic = "the changelog topic " + place_.changelog.topic + " [" +
                              std::to_string(place_.changelog.partition) + "] ";
    const std::string again = "start from the beginning under another name with -g NAME";
    if (is_recreated)
      throw usage_error(
          topic +
              "holds no rows, and the state on this machine has some: the topic was deleted and recreated",
          "the state was left as it is, for kquery; " + again);
    throw usage_error(topic + "begins at offset " + std::to_string(log.low) +
                          ": its first rows were deleted, and the state cannot be restored without them",
                      again);
  }

  kafka::Watermarks ends_of_changelog() {
    try {
      return admin_.watermarks(place_.changelog);
    } catch (const kafka::KafkaError& error) {
      if (!error.is_unknown_topic()) throw;
      throw usage_error("the changelog topic " + place_.changelog.topic +
                            " was deleted while the tool ran: its state is lost",
                        "start from the beginning under another name with -g NAME");
    }
  }

  int64_t read_from(state::PartitionStore& rows, int64_t from, int64_t end) {
    if (from >= end) return 0;
    const auto source = around_.make_topic_source({{place_.changelog, from, end}});
    std::deque<Batch> batches;
    std::vector<state::Change> changes;
    int64_t next = from, count = 0;
    for (bool ended = false; !ended && !cancelled_;) {
      Batch& batch = batches.emplace_back();
      ended = source->poll(batch, kReadWait) == io::Fill::end;
      for (const Record& record : batch.records()) {
        check_lineage(record);
        changes.push_back({record.key.view(), record.value});
        next = record.offset + 1;
        ++count;
      }
      read_ = count;
      if (around_.observer)
        around_.observer->restoring(place_.changelog.partition, static_cast<uint64_t>(count),
                                    static_cast<uint64_t>(total_));
      if (batch.empty()) batches.pop_back();
      if (ended) next = end;
      if (changes.size() < kRestoreBatch && !ended) continue;
      rows.restore(changes, next, around_.clock.wall_ms());
      changes.clear();
      batches.clear();
    }
    return count;
  }

  void check_lineage(const Record& record) const {
    if (lineage_.empty() || record.key.view() != kMetaKey || record.value.is_null()) return;
    if (state::decode_meta(record.value.view()).lineage != lineage_)
      throw state::CorruptState("its changelog " + place_.changelog.topic +
                                " was deleted and recreated since");
  }

  bool nothing_behind(int64_t from, int64_t end) {
    const auto source = around_.make_topic_source({{place_.changelog, from, end}});
    while (!cancelled_) {
      Batch batch;
      const io::Fill fill = source->poll(batch, kReadWait);
      if (!batch.empty()) return false;
      if (fill == io::Fill::end) return true;
    }
    return false;
  }

  void write_account(const state::PartitionStore& rows, const state::RestorePlan& plan, int64_t count,
                     Millis took) {
    const std::string name = "state of partition " + std::to_string(place_.changelog.partition);
    if (!rows.wiped().empty()) account_ += name + " was wiped: " + rows.wiped() + "\n";
    if (count == 0 && took < kSlow && account_.empty()) return;
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.2f s", static_cast<double>(took.count()) / 1000);
    account_ += name + ": " + std::to_string(count) + (count == 1 ? " row" : " rows") + " restored in " +
                seconds + " (" + to_string(plan.reason) + ")";
  }

  const StatePlace place_;
  const std::shared_ptr<Restores> restores_;
  const Environment& around_;
  kafka::Admin& admin_;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> shows_restore_{false};  // the observer was told that it begins, and not that it ended
  std::atomic<bool> waits_for_lock_{false};
  mutable std::atomic<int64_t> tells_wait_at_us_{0};
  mutable std::atomic<int64_t> tells_restore_at_us_{0};
  std::atomic<int64_t> read_{0};
  std::atomic<int64_t> total_{0};
  std::string account_;
  std::string lineage_;  // of the rows on disk
  Task<std::unique_ptr<PartitionState>> done_;
};

}  // namespace

void give_state(Job& job) {
  job.open_state_in_memory = [] {
    return std::make_unique<StoredState>(std::make_unique<state::PartitionStore>(), std::nullopt, "lines");
  };
  // One for all partitions of all workers, made when the first is opened.
  struct Shared {
    std::once_flag once;
    std::shared_ptr<Restores> restores;
  };
  job.open_state = [shared = std::make_shared<Shared>()](const StatePlace& place, const Environment& around,
                                                         kafka::Admin& admin) {
    std::call_once(shared->once, [&] { shared->restores = std::make_shared<Restores>(place.cache_bytes); });
    return std::make_unique<Opening>(place, shared->restores, around, admin);
  };
}

}  // namespace kutils::flow
