#include "flow/run/worker.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/murmur2.h"
#include "flow/membership/gaps.h"
#include "flow/topology/chain.h"
#include "io/topic_source.h"

namespace kutils::flow {
namespace {

// How long a quiet topic may keep us from seeing that we are asked to stop.
constexpr Millis kGlance{100};
constexpr int64_t kEndCheckUs = 100'000;
constexpr Millis kOpeningLook{5};
using kafka::KafkaError;
using kafka::Severity;

}  // namespace

uint64_t digest_of(const Record& record) {
  const auto time = static_cast<uint64_t>(record.timestamp);
  return (uint64_t{murmur2(record.value.view())} << 32 | murmur2(record.key.view())) ^
         (time * 0x9e3779b97f4a7c15U);
}

Worker::Worker(const Parts& parts)
    : parts_(parts),
      clock_(parts.around.clock),
      late_(parts.log),
      group_ends_(parts, parts.slot),
      offset_resolver_(parts),
      restore_manager_(parts, parts.distrusted),
      checkpoint_(parts.counted) {
  for (size_t sub = 1; sub < parts.plan.subs.size(); ++sub)
    between_.push_back({RepartitionMaintenance(parts_, sub), {}, {}});
  if (parts.around.make_mark_reader && !parts.plan.in_memory) origins_.emplace(parts);
}

Worker::~Worker() = default;

std::string Worker::member_id() {
  if (!membership_) return {};
  membership_->note_member();
  return membership_->member_id();
}

Processor::End Worker::ended() const { return processor_ ? processor_->ended() : Processor::End::no; }

void Worker::open() {
  const WorkerContext& context = parts_;
  transaction_.emplace(context, parts_.slot, parts_.lines, owned_, parts_.memory);
  if (origins_) {
    std::vector<kafka::Producer*> producers = transaction_->producers();
    for (kafka::Producer* producer : producers) producer->meanwhile([this] { refuse_while_waiting(); });
    origins_->written_through(std::move(producers));
  }
  for (size_t i = 0; i < between_.size(); ++i) {
    const auto& next_close = parts_.job.topology.subs()[i + 1].operators.front().next_close;
    if (!next_close) continue;
    const SubPlan& from = parts_.plan.subs[i];
    between_[i].marks.emplace(from.partitions, parts_.plan.subs[i + 1].partitions, next_close);
    transaction_->outputs().tell(i, *between_[i].marks);
    between_[i].idle_sources.emplace(parts_.around, parts_.plan.group, from.topic, from.partitions);
  }
  if (between_.empty() && parts_.job.counts_silence) idle_sources_.emplace(parts_.around);
  processor_ = std::make_unique<Processor>(
      parts_.policy,
      Processor::Limits{parts_.job.max_input, parts_.job.max_output, parts_.job.stateful(), true},
      transaction_->outputs(), parts_.report, parts_.around.stop, clock_);
  processor_->roll_back(checkpoint_);
  if (!parts_.job.stateful()) stage_ = make_stateless_stage();
  membership_.emplace(context, parts_.slot, static_cast<PartitionOwner&>(*this));
}

void Worker::run() {
  open();
  // Who finds nothing left to do does not join at all: a static member that goes while its join is under way
  // stays in the group, and whoever comes from another machine waits for its session to time out.
  bool joined = false;
  while (!finished()) {
    if (refusal_) break;
    if (!std::exchange(joined, true)) membership_->join();
    if (membership_->has_left_out()) {
      rejoins_ = true;
      break;
    }
    try {
      turn();
    } catch (const KafkaError& error) {
      refuse_if_usage(error);
      if (error.severity() == Severity::fatal) throw;
      offset_gone_ = offset_gone_ || error.is_offset_gone();
      rewind_needed_ = true;
      if (refusal_) break;
      const Millis wait = transaction_->count_abort(error);
      if (parts_.job.verbose > 0)
        parts_.log.note(std::string("continuing from the committed offsets: ") + error.what());
      parts_.around.pause(wait);
    }
    if (refusal_) break;
  }
  if (refusal_) {
    try {
      transaction_->abort_undelivered();
    } catch (const KafkaError&) {
      // What there is to say is the refusal. The broker ends the transaction when it times out.
    }
  }
  if (rewind_needed_) uncount_aborted();
  leave();
  if (refusal_) std::rethrow_exception(refusal_);
  if (!joined) restore_manager_.complete_local_state();
}

// One round: the group's events, a batch, perhaps a commit.
void Worker::turn() {
  if (origins_) refuse_other_topic();
  if (refusal_) return;
  if (rewind_needed_) abort_and_rewind();
  const bool is_idle = !read();
  membership_->look();
  if (unwritten_) std::rethrow_exception(unwritten_);
  if (rewind_needed_) return;  // what was polled stands behind what was aborted
  admit_assigned();
  take();
  tick();
  tell_idle_time();
  tell_held_back();
  for (Between& one : between_) one.maintenance.delete_read(owned_);
  commit_if_due();
  if (parts_.lines && is_idle && parts_.lines->reader_gone()) throw io::ReaderGone();
  const int64_t behind = lag();
  parts_.progress.update(parts_.report.counts.in, behind);
  late_.look(parts_.report.counts, clock_.steady_us());
  if (parts_.around.observer) parts_.around.observer->turned(behind, owned_.all().size());
}

bool Worker::finished() {
  if (replay_.is_on() && !rewind_needed_ && processor_->ended() == Processor::End::no && replay_reached()) {
    try {
      commit(true);
    } catch (const KafkaError& error) {
      if (error.severity() == Severity::fatal) throw;
      rewind_needed_ = true;
      return false;
    }
    processor_->end_as_failed(replay_.counts());
    return true;
  }
  if (parts_.around.stop.signal() != 0 || processor_->ended() != Processor::End::no) {
    if (processor_->ended() != Processor::End::no && processor_->failed_half_way()) {
      set_aside();
      return parts_.around.stop.signal() != 0 || !replay_.begin();
    }
    // Asked to stop while what was done is to be thrown away: nothing is lost by not committing it.
    if (rewind_needed_ && parts_.around.stop.signal() != 0) {
      transaction_->abort();
      return true;
    }
    if (rewind_needed_) return false;
    try {
      commit(true);
      return true;
    } catch (const KafkaError& error) {
      refuse_if_usage(error);
      if (error.severity() == Severity::fatal) throw;
      rewind_needed_ = true;
      return false;
    }
  }
  if (!parts_.plan.has_ends || rewind_needed_ || !membership_->waiting().empty() || !sources_at_end())
    return false;
  if (clock_.steady_us() - last_end_check_us_ < kEndCheckUs) return false;
  last_end_check_us_ = clock_.steady_us();
  try {
    commit(true);
    if (!group_ends_.reached(membership_->consumer())) return false;
    if (origins_ && membership_->member_id().empty()) check_unread_origins();
    if (!internal_topics_reached_ends()) return false;
    if (!parts_.job.close_at_end) return true;
    // All may have been read before: then there is nothing to wait for but what is to be closed.
    if (group_ends_.waits_for_partitions(held_at_the_end(), membership_->age_us())) return false;
    close_stages();
    return true;
  } catch (const KafkaError& error) {
    refuse_if_usage(error);
    if (error.severity() == Severity::fatal) throw;
    rewind_needed_ = true;
    return false;
  }
}

// All before the record that failed is done; also if the partition is somebody else's now.
bool Worker::replay_reached() {
  const OwnedPartition* partition = owned_.find(replay_.at().topic, replay_.at().partition);
  return partition ? replay_.reached(*partition) : !membership_->is_waiting(replay_.at());
}

bool Worker::sources_at_end() {
  return std::all_of(owned_.all().begin(), owned_.all().end(), [&](const auto& one) {
    return one->at_end() || (one->sub > 0 && !between_[one->sub - 1].maintenance.has_ends());
  });
}

// One after the other: each one's ends are known when all before it is read.
bool Worker::internal_topics_reached_ends() {
  for (size_t i = 0; i < between_.size(); ++i) {
    if (!between_[i].maintenance.reached_ends(owned_, membership_->consumer())) return false;
    if (parts_.job.close_at_end || std::exchange(between_[i].idle_are_gone, true)) continue;
    let_idle_sources_go(i + 1);
  }
  return true;
}

// Partitions of the last sub-topology that are ours.
int32_t Worker::held_at_the_end() const {
  return static_cast<int32_t>(std::count_if(owned_.all().begin(), owned_.all().end(),
                                            [&](const auto& one) { return parts_.plan.is_last(one->sub); }));
}

// --close-at-end: what the stages have open goes out, in a transaction of its own (25).
void Worker::close_stages() {
  for (const auto& one : owned_.all()) {
    if (!parts_.plan.is_last(one->sub)) continue;
    transaction_->begin_if_needed();
    set_current_task(*one);
    one->touched = true;
    processor_->close(*one->stage);
  }
  if (transaction_->is_open()) commit();
}

// -e is a pause (25), and what was silent over it, or ever, holds windows back no longer than in a run that
// goes on. All that came of such a source in earlier runs has been read when the internal topic's end is
// reached.
void Worker::let_idle_sources_go(size_t sub) {
  for (const auto& one : owned_.all()) {
    if (one->sub != sub) continue;
    set_current_task(*one);
    if (sub == 1) {
      for (const auto& [source, never_spoke] : parts_.plan.quiet_sources)
        if (never_spoke || one->resumed_after_ms >= kSilentSourceMs)
          processor_->source_ended(*one->stage, source);
    }
    processor_->all_read(*one->stage, one->resumed_after_ms >= kSilentSourceMs);
    if (one->stage->dirty_rows() > 0) transaction_->begin_if_needed();
  }
  if (transaction_->is_open()) commit();
}

// --- the group's events ---

void Worker::before_revoke(bool lost) {
  if (lost) rewind_needed_ = true;  // before the next record
  if (!rewind_needed_) {
    try {
      commit(true);
    } catch (const KafkaError& error) {
      rewind_needed_ = true;
      if (error.severity() == Severity::fatal) throw;
    } catch (...) {
      rewind_needed_ = true;
      throw;
    }
  }
  // What could not be committed ends before the partitions go.
  if (rewind_needed_) transaction_->abort();
}

void Worker::revoked(const kafka::TopicPartition& at) {
  try {
    restore_manager_.drop(at);
    if (OwnedPartition* partition = owned_.find(at.topic, at.partition)) {
      if (partition->sub < between_.size() && between_[partition->sub].marks)
        between_[partition->sub].marks->forget(at.partition);
      close_state(*partition);
    }
  } catch (...) {
    if (!unwritten_) unwritten_ = std::current_exception();
  }
  owned_.remove(at);
  if (origins_) origins_->end(at);
}

std::unique_ptr<Stage> Worker::make_stage(OwnedPartition& partition) {
  StageContext context{partition.at.partition, nullptr, &clock_};
  const auto& plans = parts_.plan.subs;
  if (plans.size() > 1) context.input_partitions = plans[std::max<size_t>(partition.sub, 1) - 1].partitions;
  return make_chain(parts_.job.topology.subs()[partition.sub], context, [&](uint8_t number) {
    return partition.state ? &partition.state->store(number) : nullptr;
  });
}

// One for all partitions.
std::unique_ptr<Stage> Worker::make_stateless_stage() {
  return make_chain(parts_.job.topology.subs().front(), StageContext{-1, nullptr, &clock_}, {});
}

void Worker::close_state(OwnedPartition& partition) {
  partition.stage.reset();
  if (partition.state) partition.state->close();
  partition.state.reset();
}

// An input was deleted, or recreated: nothing more is committed, what is open belongs to nobody knows which.
void Worker::refuse_other_topic() {
  const auto error = origins_->look();
  if (!error) return;
  rewind_needed_ = true;  // leaving must not commit the positions
  refusal_ = std::make_exception_ptr(*error);
  transaction_->abort_undelivered();
}

// Nothing that is tried again makes it another error. The group is left in order all the same. REQUIRES: it
// is being handled.
void Worker::refuse_if_usage(const KafkaError& error) {
  if (error.code() != ExitCode::usage || refusal_) return;
  refusal_ = std::current_exception();
  rewind_needed_ = true;
}

void Worker::uncount_aborted() {
  Report::Counts& counts = parts_.report.counts;
  const Report::Counts counted = counts;
  counts = checkpoint_.counts;
  if (parts_.policy != OnError::Policy::fail) return;
  counts.in += counted.failures - counts.failures;
  counts.failures = counted.failures;
  counts.failures_by_reason = counted.failures_by_reason;
}

// The same while a delivery is waited for, as one to a topic that is not there any more.
void Worker::refuse_while_waiting() {
  if (refusal_) return;
  const auto error = origins_->look();
  if (!error) return;
  rewind_needed_ = true;
  refusal_ = std::make_exception_ptr(*error);
  throw KafkaError(ExitCode::delivery, Severity::abort, 0, error->what());
}

// Throws unless the partitions that were given to us are still of the topic that the group has read.
void Worker::settle_origins() {
  const auto error = origins_->settle();
  if (!error) return;
  refusal_ = std::make_exception_ptr(*error);
  transaction_->abort();
  throw KafkaError(ExitCode::usage, Severity::abort, 0, error->what());
}

// Nothing is left to read, and the group was not joined for it. That, too, is said only of the topic that the
// group has read.
void Worker::check_unread_origins() {
  std::vector<kafka::TopicPartition> partitions;
  for (const auto& [at, end] : parts_.plan.ends) partitions.push_back(at);
  for (const auto& commit : membership_->consumer().committed(partitions))
    origins_->begin(commit.at, commit.metadata);
  settle_origins();
  for (const auto& at : partitions) origins_->end(at);
}

std::string Worker::metadata_of(const OwnedPartition& partition) const {
  return origins_ && partition.sub == 0 ? origins_->metadata(partition.at) : parts_.plan.fingerprint;
}

// Partitions added to the input (19). A state is of one partition's keys, and keys move with the count:
// nobody may go on with it. All that was read is committed, and the group left, so that every other member
// learns of it too.
bool Worker::refuse_added() {
  if (!parts_.plan.input_has_state()) return false;
  const auto& waiting = membership_->waiting();
  const auto added = std::find_if(waiting.begin(), waiting.end(),
                                  [&](const auto& at) { return parts_.plan.came_later(at); });
  if (added == waiting.end()) return false;
  const kafka::TopicPartition at = *added;
  commit();
  refusal_ = std::make_exception_ptr(partitions_added(parts_.plan, at));
  return true;
}

void Worker::admit_assigned() {
  if (membership_->waiting().empty() || refuse_added()) return;
  const std::vector<kafka::TopicPartition> ready = restore_manager_.ready(membership_->waiting());
  if (ready.empty()) return;
  std::vector<kafka::PartitionOffset> from = membership_->consumer().committed(ready);
  std::vector<std::unique_ptr<PartitionState>> states(from.size());
  std::vector<kafka::TopicPartition> fresh;
  for (size_t i = 0; i < from.size(); ++i) {
    bool is_new = from[i].offset == kafka::kOffsetNone;
    if (parts_.plan.state_of(from[i].at)) {
      is_new = false;
      states[i] = restore_manager_.take(from[i].at);
      from[i].offset = offset_resolver_.with_state(*states[i], from[i], is_new);
    }
    if (is_new) fresh.push_back(from[i].at);
  }
  if (!fresh.empty()) {
    const std::vector<PartitionRange> starts = offset_resolver_.without(fresh);
    for (auto& position : from) {
      for (const auto& start_at : starts) {
        if (start_at.at == position.at) position.offset = start_at.from;
      }
    }
    // Committed before the first record: a restart, or another member, must not resolve it anew. With a state
    // its meta row goes along, see below.
    std::vector<kafka::PartitionOffset> first;
    for (const auto& start_at : starts) {
      if (!parts_.plan.state_of(start_at.at))
        first.push_back({start_at.at, start_at.from, parts_.plan.fingerprint});
    }
    if (!first.empty()) {
      transaction_->commit_first(first, membership_->consumer(), membership_->held_as());
    }
  }
  for (size_t i = 0; i < from.size(); ++i) {
    const kafka::PartitionOffset& position = from[i];
    OwnedPartition partition;
    partition.at = position.at;
    partition.sub = parts_.plan.sub_of(position.at.topic);
    partition.state_number = parts_.plan.state_of(position.at);
    if (states[i] && states[i]->last_wall_ms() > 0)
      partition.resumed_after_ms = clock_.wall_ms() - states[i]->last_wall_ms();
    partition.next = partition.committed = partition.first = position.offset;
    // An accepted change, or offsets set by hand: the group learns what it is for now.
    const bool is_fresh = std::find(fresh.begin(), fresh.end(), position.at) != fresh.end();
    if (is_fresh ? partition.state_number.has_value()
                 : fingerprint_of(position.metadata) != parts_.plan.fingerprint)
      partition.committed = kafka::kOffsetNone;
    if (origins_ && partition.sub == 0) origins_->begin(position.at, position.metadata);
    if (partition.sub > 0) {
      partition.end = between_[partition.sub - 1].maintenance.end_of(position.at);
    } else if (parts_.plan.has_ends) {
      const auto end = parts_.plan.ends.find(position.at);
      // A partition that is newer than the ends is beyond them.
      partition.end = end == parts_.plan.ends.end() ? position.offset : end->second;
    }
    partition.state = std::move(states[i]);
    OwnedPartition& added = owned_.add(std::move(partition));
    if (parts_.job.stateful()) added.stage = make_stage(added);
    membership_->started(position.at);
  }
  for (auto& position : from) position.metadata.clear();
  membership_->consumer().start(from);
  if (parts_.job.stateful() && !fresh.empty() && positions_moved()) commit();
}

// --- records ---

Stage& Worker::stage_of(OwnedPartition& partition) { return partition.stage ? *partition.stage : *stage_; }

// The next batch, unless one is still at hand; the group's events in either case. False: nothing came.
bool Worker::read() {
  if (!rest_.empty()) {
    membership_->serve();
    return true;
  }
  batch_.clear();
  kafka::Polled polled = membership_->poll(batch_, poll_timeout());
  rest_ = batch_.records();
  met_ends_ = std::move(polled.ends);
  return polled.any;
}

void Worker::take() {
  const auto slice = rest_.first(std::min(rest_.size(), slices_.records()));
  rest_ = rest_.subspan(slice.size());
  const int64_t began_us = clock_.steady_us();
  take_records(slice);
  if (!slice.empty()) slices_.took(slice.size(), clock_.steady_us() - began_us);
  if (!rest_.empty() || processor_->ended() != Processor::End::no) return;
  for (const auto& end : std::exchange(met_ends_, {})) {
    OwnedPartition* partition = owned_.find(end.at.topic, end.at.partition);
    if (!partition || membership_->has_left(end.at)) continue;
    if (!partition->at_log_end && end.offset >= partition->next) {
      partition->at_log_end = true;
      partition->silent_since_us = clock_.steady_us();
    }
    if (end.offset <= partition->next) continue;
    // Not beyond a record that failed half-way, either: the end may be met with the records before it.
    partition->next = std::min(end.offset, replay_.end_of(*partition));
  }
}

void Worker::take_records(std::span<const Record> records) {
  if (!records.empty()) {
    const int64_t now_us = clock_.steady_us();
    transaction_->begin_if_needed();
    processor_->begin(records);
    runs_.clear();
    for (const auto& one : owned_.all()) {
      one->seen = one->next;
      one->settled = false;
    }
    size_t at = 0;
    size_t taken = 0;  // records before it were looked at
    while (at < records.size() && processor_->ended() == Processor::End::no) {
      const size_t before = runs_.size();
      const size_t behind = gather_runs(records, at);
      if (behind == at) {
        skip(records[at], at);
        taken = ++at;
        continue;
      }
      for (size_t i = before; i < runs_.size(); ++i) runs_[i].partition->at_log_end = false;
      OwnedPartition& first = *runs_[before].partition;
      set_current_task(first);
      at += processor_->process(stage_of(first), records.subspan(at, behind - at));
      taken = at;
      // Those that the stage was not given any more, for it ended.
      while (runs_.size() > before && runs_.back().first >= at) runs_.pop_back();
      if (runs_.size() > before) runs_.back().last = std::min(runs_.back().last, at - 1);
    }
    if (stage_) {
      processor_->flush(*stage_);
    } else {
      for (const auto& partition : owned_.all()) processor_->flush(*partition->stage);
    }
    const size_t done = processor_->done(taken);
    if (processor_->ended() == Processor::End::failed)
      replay_.failed(done < taken ? &records[done] : nullptr, parts_.report.counts);
    settle_runs(records, done, now_us);
  }
}

// Records from `at` on that go to a stage together: those of one partition; where one stage stands for all,
// of several, for in order of time their runs are short. Returns where they end, and adds their runs.
size_t Worker::gather_runs(std::span<const Record> records, size_t at) {
  OwnedPartition* partition = nullptr;
  size_t behind = at;
  for (; behind < records.size(); ++behind) {
    const Record& record = records[behind];
    if (!partition || record.partition != partition->at.partition || record.topic != partition->at.topic) {
      if (partition && !stage_) break;
      partition = owned_.find(record.topic, record.partition);
      if (!partition || membership_->has_left(partition->at)) break;
      runs_.push_back({partition, behind, behind});
    }
    if (record.offset < partition->seen || record.offset >= replay_.end_of(*partition)) {
      if (runs_.back().first == behind) runs_.pop_back();
      break;
    }
    partition->seen = record.offset + 1;
    runs_.back().last = behind;
  }
  return behind;
}

// A record that goes to no stage.
void Worker::skip(const Record& record, size_t at) {
  OwnedPartition* partition = owned_.find(record.topic, record.partition);
  if (!partition || membership_->has_left(partition->at)) return;
  if (record.offset < partition->seen) {
    ++parts_.report.counts.repeated;  // 15
  } else {
    runs_.push_back({partition, at, at});  // beyond the end: everything before it is done
  }
}

// The partitions' positions are behind their last records of those before `done`.
void Worker::settle_runs(std::span<const Record> records, size_t done, int64_t now_us) {
  for (size_t i = runs_.size(); i > 0; --i) {
    const Run& run = runs_[i - 1];
    if (run.first >= done || run.partition->settled) continue;
    OwnedPartition& partition = *run.partition;
    partition.settled = true;
    const Record& record = records[std::min(run.last, done - 1)];
    partition.next = std::max(partition.next, std::min(record.offset + 1, replay_.end_of(partition)));
    if (partition.sub < between_.size() && between_[partition.sub].marks)
      between_[partition.sub].marks->read(partition.at.partition, now_us);
    if (origins_) origins_->took(partition.at);
    const bool is_mark = origins_ && origins_->wants(partition.at);
    if (partition.state || is_mark) partition.last_record = {record.offset, digest_of(record)};
    if (is_mark) origins_->processed(partition.at, partition.last_record);
  }
}

void Worker::tick() {
  const int64_t now = clock_.wall_ms();
  const auto one = [&](Stage& stage, OwnedPartition* partition) {
    const auto due = stage.next_wakeup();
    if (!due || *due > now || processor_->ended() != Processor::End::no) return;
    transaction_->begin_if_needed();
    if (partition) partition->touched = true;
    processor_->tick(stage, now);
  };
  if (stage_) {
    if (!owned_.empty()) one(*stage_, nullptr);
  } else {
    for (const auto& partition : owned_.all()) {
      set_current_task(*partition);
      one(*partition->stage, partition.get());
    }
  }
}

// A partition at its end, with nothing coming (26). Behind a repartition it is the sources that fall silent;
// what came of them was read where the internal topic's end was met since.
void Worker::tell_idle_time() {
  if (idle_sources_) tell_idle_time_of(*idle_sources_, std::nullopt);
  for (size_t i = 0; i < between_.size(); ++i)
    if (between_[i].idle_sources) tell_idle_time_of(*between_[i].idle_sources, i + 1);
}

// `sub`: what the internal topic that it reads is written from; nullopt: the partitions themselves.
void Worker::tell_idle_time_of(IdleSourceMonitor& watch, std::optional<size_t> sub) {
  std::vector<kafka::PartitionOffset> positions;
  for (const auto& one : owned_.all())
    if (sub ? one->sub == *sub : one->at_log_end) positions.push_back({one->at, one->next, {}});
  const auto found = watch.look(positions);
  if (!found) return;
  // Who was silent and has spoken: nothing goes on without it, wherever it is read.
  for (const int32_t source : found->active) {
    for (const auto& one : owned_.all())
      if (one->sub == sub) tell_idle_time_of(*one, source, 0);
  }
  for (const auto& one : found->read) {
    OwnedPartition* partition = owned_.find(one.at.topic, one.at.partition);
    if (!partition || partition->next != one.offset) continue;  // it has gone on since
    for (const auto& silent : found->silent) {
      if (sub || silent.at == one.at) tell_idle_time_of(*partition, silent.at.partition, silent.ms);
    }
  }
}

void Worker::tell_idle_time_of(OwnedPartition& partition, int32_t source, int64_t silent_ms) {
  if (processor_->ended() != Processor::End::no) return;
  set_current_task(partition);
  processor_->silent(*partition.stage, source, silent_ms);
  if (partition.stage->dirty_rows() > 0) transaction_->begin_if_needed();
}

// Who asked for an end shall know why it does not come.
void Worker::tell_held_back() {
  if (told_held_back_ || !parts_.plan.has_ends) return;
  const int64_t before = clock_.steady_us() - std::chrono::microseconds(io::kHeldBackNote).count();
  for (const auto& one : owned_.all()) {
    if (!one->at_log_end || !one->end || one->at_end() || one->silent_since_us > before ||
        membership_->consumer().fetched_watermarks(one->at).high <= one->next)
      continue;
    parts_.log.note(io::held_back_text(one->at, one->next, *one->end));
    told_held_back_ = true;
    return;
  }
}

void Worker::set_current_task(const OwnedPartition& partition) {
  if (stage_) return transaction_->outputs().set_home(nullptr, 0);
  transaction_->outputs().set_home(&partition.at, partition.sub);
  const WorkerPlan& plan = parts_.plan;
  processor_->set_place(partition.sub == 0, plan.is_last(partition.sub),
                        partition.sub == 0 ? std::string_view() : plan.subs[partition.sub - 1].topic);
}

// --- commits ---

bool Worker::positions_moved() const {
  return std::any_of(owned_.all().begin(), owned_.all().end(),
                     [](const auto& one) { return one->next != one->committed; });
}

std::vector<kafka::PartitionOffset> Worker::positions_to_commit() const {
  std::vector<kafka::PartitionOffset> offsets;
  for (const auto& one : owned_.all()) {
    if (one->next != one->committed || one->touched)
      offsets.push_back({one->at, one->next, metadata_of(*one)});
  }
  if (!offsets.empty()) return offsets;
  // A transaction without offsets would not be fenced (1).
  for (const auto& one : owned_.all()) offsets.push_back({one->at, one->next, metadata_of(*one)});
  return offsets;
}

size_t Worker::dirty_rows() const {
  size_t rows = 0;
  for (const auto& one : owned_.all()) {
    if (one->stage) rows += one->stage->dirty_rows();
  }
  return rows;
}

void Worker::commit_if_due() {
  if (!transaction_->is_open()) {
    const int64_t now = clock_.steady_us();
    const bool marks_due =
        !owned_.empty() && std::any_of(between_.begin(), between_.end(), [now](const Between& one) {
          return one.marks && one.marks->due(now);
        });
    if (!positions_moved() && !marks_due) return;
    transaction_->begin_if_needed();  // an end behind transaction markers: only the position moves
    if (marks_due) return commit();
  }
  if (transaction_->due(lag(), dirty_rows())) commit();
}

void Worker::before_commit() {
  if (stage_) return processor_->before_commit(*stage_);
  const uint64_t failures = parts_.report.counts.failures;
  for (const auto& one : owned_.all()) {
    set_current_task(*one);
    const uint64_t out = transaction_->outputs().written();
    processor_->before_commit(*one->stage);
    if (transaction_->outputs().written() != out || (one->state && one->state->has_changes()))
      one->touched = true;
  }
  if (parts_.report.counts.failures != failures && parts_.policy == OnError::Policy::fail) {
    transaction_->abort();
    throw Error(ExitCode::bad_record,
                "an output made from the state cannot be written; the transaction is aborted");
  }
}

// The record had written before it failed, or is in the state: that cannot be committed without the rest of
// it, and leaving must not commit the positions.
void Worker::set_aside() {
  transaction_->abort();
  rewind_needed_ = true;
}

// Sources' times go to all partitions of the internal topic. At the end nothing is kept back: what comes
// after has forgotten it.
void Worker::write_marks(bool last) {
  for (size_t i = 0; i < between_.size(); ++i) {
    if (!between_[i].marks) continue;
    const bool at_ends =
        parts_.plan.has_ends && std::all_of(owned_.all().begin(), owned_.all().end(),
                                            [i](const auto& one) { return one->sub > i || one->at_end(); });
    between_[i].marks->write(clock_.steady_us(), last || at_ends, [this, i](int32_t, const Output& mark) {
      transaction_->outputs().mark(i, mark);
    });
  }
}

void Worker::commit(bool last) {
  if (processor_->failed_half_way()) return set_aside();
  if (!transaction_->is_open()) {
    const bool any_untold = std::any_of(between_.begin(), between_.end(), [](const Between& one) {
      return one.marks && one.marks->any_untold();
    });
    if (!positions_moved() && !(last && any_untold && !owned_.empty())) return;
    transaction_->begin_if_needed();
  }
  before_commit();
  if (processor_->failed_half_way()) return set_aside();
  if (origins_) settle_origins();
  write_marks(last);
  const auto offsets = positions_to_commit();
  transaction_->commit(offsets, membership_->consumer(), membership_->held_as(), lag());
  for (const auto& one : owned_.all()) {
    one->committed = one->next;
    one->touched = false;
  }
  for (Between& one : between_)
    if (one.marks) one.marks->committed();
  checkpoint_ = processor_->checkpoint();
  if (parts_.around.observer) parts_.around.observer->committed(checkpoint_.counts);
}

void Worker::abort_and_rewind() {
  if (transaction_->is_open()) {
    transaction_->abort();
    if (parts_.around.observer) parts_.around.observer->aborted();
  }
  processor_->roll_back(checkpoint_);
  rest_ = {};  // stands behind what was aborted
  met_ends_.clear();
  for (Between& one : between_)
    if (one.marks) one.marks->aborted();
  // A stage may hold what the transaction put into it.
  if (stage_) {
    stage_ = make_stateless_stage();
  } else {
    for (const auto& one : owned_.all()) {
      one->stage.reset();
      if (one->state) one->state->discard();
      one->stage = make_stage(*one);
      one->resumed_after_ms = 0;  // the stage does not know who has spoken since
    }
  }
  rewind();
  rewind_needed_ = false;
}

void Worker::rewind() {
  if (owned_.empty()) return;
  std::vector<kafka::TopicPartition> partitions;
  for (const auto& one : owned_.all()) partitions.push_back(one->at);
  std::vector<kafka::PartitionOffset> to = membership_->consumer().committed(partitions);
  for (auto& position : to) {
    if (position.offset != kafka::kOffsetNone) continue;
    const OwnedPartition& one = *owned_.find(position.at.topic, position.at.partition);
    // Where we began is only right if nothing was ever committed: what was is gone, with the topic that it
    // belonged to.
    if (one.committed != kafka::kOffsetNone) {
      throw usage_error("group " + parts_.plan.group + " has lost its offset in " + position.at.topic + " [" +
                            std::to_string(position.at.partition) + "], which was " +
                            std::to_string(one.committed) +
                            ": the topic was deleted and recreated, or the offset was deleted",
                        "start from the beginning under another name with -g NAME");
    }
    position.offset = one.first;
    position.metadata.clear();
  }
  // Asked only after the broker refused a position: a question more would be one more that an outage fails.
  if (std::exchange(offset_gone_, false)) judge_gaps(to, parts_.admin, parts_.job.accept_gap, parts_.log);
  for (const auto& position : to) {
    OwnedPartition* one = owned_.find(position.at.topic, position.at.partition);
    one->next = position.offset;
    // As when it was admitted: what the group does not know yet is still to be committed.
    one->committed = position.metadata == parts_.plan.fingerprint ? position.offset : kafka::kOffsetNone;
    one->touched = false;
    one->at_log_end = false;  // it is met anew
  }
  membership_->consumer().rewind(to);
}

void Worker::leave() {
  for (Between& one : between_) one.maintenance.delete_read(owned_, true);
  membership_->leave(parts_.job.stay && !rejoins_);
  for (const auto& one : owned_.all()) {  // with --stay nothing was revoked
    try {
      close_state(*one);
    } catch (...) {
      if (!unwritten_) unwritten_ = std::current_exception();
    }
  }
  if (unwritten_ && !refusal_) std::rethrow_exception(unwritten_);
}

// --- time ---

int64_t Worker::lag() {
  int64_t sum = 0;
  for (const auto& one : owned_.all()) {
    int64_t high = membership_->consumer().fetched_watermarks(one->at).high;
    if (one->end) high = std::min(high, *one->end);
    sum += std::max<int64_t>(0, high - one->next);
  }
  return sum;
}

Millis Worker::poll_timeout() {
  Millis wait = membership_->waiting().empty() ? kGlance : kOpeningLook;
  if (transaction_->is_open()) wait = std::min(wait, transaction_->poll_timeout(lag(), dirty_rows()));
  const auto until = [&](const Stage& stage) {
    if (const auto due = stage.next_wakeup()) {
      wait = std::clamp(Millis(*due - clock_.wall_ms()), Millis(0), wait);
    }
  };
  if (stage_) {
    until(*stage_);
  } else {
    for (const auto& one : owned_.all()) until(*one->stage);
  }
  return wait;
}

}  // namespace kutils::flow
