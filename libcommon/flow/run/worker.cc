#include "flow/run/worker.h"

#include "flow/run/commit_observer.h"
#include "kafka/topic_refusal.h"

#include <algorithm>
#include <utility>

namespace kutils::flow {
namespace {

// How long a quiet topic may keep us from seeing that we are asked to stop.
constexpr Millis kGlance{100};
constexpr int64_t kEndCheckUs = 100'000;
constexpr Millis kOpeningLook{5};
// A batch of fewer is all that the client had: it holds more back only where it gave its largest batch, of which
// some may not be for us.
constexpr size_t kMayHaveMore = 1000;
constexpr int64_t kUnequalUs =
    10'000'000;  // who adds partitions to several topics does so one after the other
using kafka::KafkaError;
using kafka::Severity;

constexpr int kClusterAuthorizationFailed = 31;
// Of an idempotent producer that may write to no topic, before it has written to one: it does not know them.
void throw_with_outputs(const KafkaError& error, const WorkerPlan& plan) {
  if (error.kafka_code() != kClusterAuthorizationFailed || plan.outputs.empty() ||
      std::string_view(error.what()).find("topics written:") != std::string_view::npos)
    return;
  std::string what = std::string(error.what()) + "; topics written:";
  for (const std::string& topic : plan.outputs) what += " " + topic;
  throw KafkaError(error.code(), error.severity(), error.kafka_code(), what, error.hint());
}

}  // namespace

Worker::Worker(const Parts& parts)
    : parts_(parts),
      clock_(parts.around.clock),
      group_ends_(parts, parts.slot),
      late_(parts.log),
      checkpoint_(parts.counted) {
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
  processor_ = std::make_unique<Processor>(
      parts_.policy,
      Processor::Limits{parts_.job.max_input, parts_.job.max_output, parts_.job.stateful(), true},
      transaction_->outputs(), parts_.report, parts_.around.stop, clock_);
  processor_->roll_back(checkpoint_);
  tasks_.emplace(context, owned_, *transaction_, *processor_, origins_ ? &*origins_ : nullptr,
                 parts_.distrusted);
  membership_.emplace(context, parts_.slot, static_cast<PartitionOwner&>(*this));
  runs_.emplace(owned_, *membership_, replay_);
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
      if (error.severity() == Severity::fatal) {
        throw_with_outputs(error, parts_.plan);
        throw;
      }
      if (error.is_offset_gone()) tasks_->position_refused();
      rewind_needed_ = true;
      if (refusal_) break;
      const Millis wait = transaction_->count_abort(error);
      if (parts_.job.verbose > 0)
        parts_.log.note(std::string("continuing from the committed offsets: ") + error.what());
      parts_.around.pause(wait);
    } catch (const Error& error) {
      // A stage cannot go on, as one whose command failed. Who corrects the command starts it again at once, and
      // would meet a group in which this member still is.
      if (error.code() != ExitCode::bad_record && error.code() != ExitCode::usage) throw;
      refusal_ = std::current_exception();
      rewind_needed_ = true;
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
  if (!joined) tasks_->complete_local_state();
}

// One round: the group's events, a batch, perhaps a commit.
void Worker::turn() {
  if (origins_) refuse_other_topic();
  if (refusal_) return;
  if (rewind_needed_) {
    abort_and_rewind();
    if (tasks_->positions_moved()) commit();  // what was to be committed before the first record still is
    if (rewind_needed_) return;
  }
  const bool is_idle = !read();
  membership_->look();
  tasks_->throw_unwritten();
  if (rewind_needed_) return;  // what was polled stands behind what was aborted
  admit();
  if (rewind_needed_) return;
  take();
  if (try_again_one_by_one()) return;
  if (piece_ && taken_ > 0) commit();
  if (rewind_needed_) return;
  processor_->before_silent_work(on_trial());
  tasks_->tick();
  tasks_->tell_idle_time();
  processor_->before_silent_work(false);
  if (try_again_in_pieces()) return;
  tasks_->tell_held_back(membership_->consumer());
  tasks_->internal_topics().delete_read();
  commit_if_due();
  if (parts_.lines && is_idle && parts_.lines->reader_gone()) throw io::ReaderGone();
  const int64_t behind = lag();
  parts_.progress.update(parts_.report.counts.in, behind);
  late_.look(parts_.report.counts, clock_.steady_us());
  if (parts_.around.observer) parts_.around.observer->turned(behind, owned_.all().size());
}

bool Worker::finished() {
  const bool has_ended = processor_->ended() != Processor::End::no;
  if (replay_.is_on() && !rewind_needed_ && !has_ended && replay_reached()) {
    if (!attempt([&] { commit(true); }) || (rewind_needed_ && !processor_->failed_half_way())) return false;
    processor_->end_as_failed(replay_.counts());
    return true;
  }
  if (has_ended || parts_.around.stop.signal() != 0) return is_settled();
  if (!parts_.plan.has_ends || rewind_needed_ || !membership_->waiting().empty() || !tasks_->sources_at_end())
    return false;
  if (clock_.steady_us() - last_end_check_us_ < kEndCheckUs) return false;
  last_end_check_us_ = clock_.steady_us();
  bool has_reached_ends = false;
  attempt([&] { has_reached_ends = reached_ends(); });
  return has_reached_ends || (processor_->ended() != Processor::End::no && is_settled());
}

// What was done before a limit, a failed record or a signal is committed, or is to be thrown away.
bool Worker::is_settled() {
  const bool is_asked = parts_.around.stop.signal() != 0;
  if (processor_->ended() != Processor::End::no && processor_->failed_half_way()) {
    set_aside();
    return is_asked || !replay_.begin();
  }
  if (!rewind_needed_) {
    const bool is_done = attempt([&] { commit(true); });
    return is_done && (is_asked || !rewind_needed_ || processor_->failed_half_way());
  }
  // Nothing is lost by not committing it.
  if (is_asked) transaction_->abort();
  return is_asked;
}

// All that we own is read up to its ends: the group has done the same, and what is behind that as well.
bool Worker::reached_ends() {
  commit(true);
  if (rewind_needed_) return false;
  if (!group_ends_.reached(0, membership_->consumer())) return false;
  // All may have been read before, while records waited that are due now.
  if (parts_.job.topology.waits_for_clock() && (waits_for_partitions() || tasks_->any_timer_due()))
    return false;
  if (origins_ && membership_->member_id().empty()) check_unread_origins();
  if (!internal_topics_reached_ends() || rewind_needed_) return false;
  if (!parts_.job.close_at_end) return true;
  // All may have been read before: then there is nothing to wait for but what is to be closed.
  if (waits_for_partitions()) return false;
  tasks_->close_stages(parts_.plan.subs.size() - 1);
  if (transaction_->is_open()) commit();
  return !rewind_needed_;
}

bool Worker::waits_for_partitions() {
  const Held held = held_where_closed();
  return group_ends_.waits_for_partitions(held.ours, held.all, membership_->age_us());
}

// Of the sub-topologies that are closed, or may be: how many tasks there are, and how many are here.
Worker::Held Worker::held_where_closed() const {
  const std::vector<SubPlan>& subs = parts_.plan.subs;
  Held held;
  for (size_t sub = parts_.job.closes_from.value_or(subs.size() - 1); sub < subs.size(); ++sub) {
    held.ours += tasks_->count_of(sub);
    held.all += subs[sub].partitions;
  }
  return held;
}

// --close-at-end of a stage with an internal topic behind it: what it writes at its end is to be read before the next
// one is closed, and others could not know whether all of it is written. So one process closes all. False: not yet.
bool Worker::close_in_turn(size_t sub) {
  if (!parts_.job.closes_from || sub < *parts_.job.closes_from || sub < closed_) return true;
  if (waits_for_partitions()) return false;
  if (const Held held = held_where_closed(); held.ours < held.all) {
    refusal_ = std::make_exception_ptr(usage_error(
        "--close-at-end: " + std::to_string(held.all - held.ours) + " of " + std::to_string(held.all) +
            " partitions are held by other members of group " + parts_.plan.group +
            ", and what one stage writes at its end would come too late for the next one there",
        "all that was read is committed, and what is open stays in the state: run it again when the others have ended"));
    return false;
  }
  tasks_->close_stages(sub);
  if (transaction_->is_open()) commit(true);
  if (rewind_needed_) return false;
  closed_ = sub + 1;
  return true;
}

// False: it failed, and what was done since the last commit is to be thrown away. Throws what an abort does not
// mend.
template <typename Step>
bool Worker::attempt(const Step& step) {
  try {
    step();
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

// One after the other: each one's ends are known when all before it is read, and closed where it is to be.
bool Worker::internal_topics_reached_ends() {
  for (size_t sub = 1; sub < parts_.plan.subs.size(); ++sub) {
    if (!close_in_turn(sub - 1)) return false;
    if (!tasks_->internal_topics().reached_ends(sub, membership_->consumer())) return false;
    if (!group_ends_.reached(sub, membership_->consumer())) return false;
    if (parts_.job.close_at_end || !tasks_->let_idle_sources_go(sub)) continue;
    if (transaction_->is_open()) commit();
  }
  return true;
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

// In a run with an end: what is read beside an internal topic waits for the records that the group still brings
// there, else it would go first, whatever its time. The topic's end is known when all that is written to it is
// committed.
bool Worker::comes_more(const kafka::TopicPartition& at, int64_t next) const {
  if (!parts_.plan.has_ends || !tasks_ || !parts_.plan.is_internal(at.topic)) return false;
  const auto end = tasks_->internal_topics().end_of(parts_.plan.sub_of(at.topic), at);
  return !end || next < *end;
}

void Worker::admit() {
  if (refuse_added() || membership_->waiting().empty()) return;
  if (tasks_->admit(*membership_)) commit();
}

// --- records ---

// The next batch, unless one is still at hand; the group's events in either case. False: nothing came.
bool Worker::read() {
  if (!rest_.empty()) {
    membership_->serve();
    return true;
  }
  batch_.clear();
  last_taken_ = nullptr;
  kafka::Polled polled = membership_->poll(batch_, poll_timeout());
  rest_ = batch_.records();
  if (origins_) {
    const bool is_ordered = parts_.plan.in_order_of_time || parts_.plan.at_one_pace;
    const bool waits_for_others = is_ordered && lag() > static_cast<int64_t>(rest_.size());
    origins_->polled(rest_.size() < kMayHaveMore && !waits_for_others);
  }
  met_ends_ = std::move(polled.ends);
  return polled.any;
}

void Worker::take() {
  const size_t most = one_by_one_ ? 1 : piece_.value_or(rest_.size());
  const auto slice = rest_.first(std::min({rest_.size(), slices_.records(), most}));
  rest_ = rest_.subspan(slice.size());
  const int64_t began_us = clock_.steady_us();
  take_records(slice);
  taken_ += slice.size();
  last_taken_ = slice.empty() ? nullptr : &slice.back();
  if (!slice.empty()) slices_.took(slice.size(), clock_.steady_us() - began_us);
  if (!rest_.empty() || processor_->ended() != Processor::End::no) return;
  for (const auto& end : std::exchange(met_ends_, {})) {
    OwnedPartition* partition = owned_.find(end.at.topic, end.at.partition);
    if (!partition || membership_->has_left(end.at)) continue;
    // Not beyond a record that failed half-way, either: the end may be met with the records before it.
    tasks_->met_end(*partition, end.offset, replay_.end_of(*partition));
  }
}

void Worker::take_records(std::span<const Record> records) {
  if (records.empty()) return;
  const int64_t now_us = clock_.steady_us();
  transaction_->begin_if_needed();
  processor_->begin(records);
  runs_->begin();
  size_t at = 0;
  size_t taken = 0;  // records before it were looked at
  while (at < records.size() && processor_->ended() == Processor::End::no) {
    const size_t behind = runs_->gather(records, at, tasks_->has_one_stage());
    if (behind == at) {
      if (runs_->pass_over(records[at], at)) ++parts_.report.counts.repeated;
      taken = ++at;
      continue;
    }
    tasks_->set_current(runs_->first());
    const auto run = records.subspan(at, behind - at);
    const size_t count = processor_->process(tasks_->stage_of(runs_->first()), run);
    tasks_->went_through(runs_->first(), run.first(count), now_us);
    runs_->taken(taken = at += count);
  }
  tasks_->flush();
  const size_t done = processor_->done(taken);
  if (done > 0) record_time_ms_ = std::max(record_time_ms_, records[done - 1].timestamp);
  if (processor_->ended() == Processor::End::failed)
    replay_.failed(done < taken ? &records[done] : nullptr, parts_.report.counts);
  runs_->settle(records, done, [&](OwnedPartition& partition, const Record& last) {
    tasks_->processed(partition, last, replay_.end_of(partition), now_us);
  });
}

// --- commits ---

void Worker::commit_if_due() {
  if (!transaction_->is_open()) {
    const bool marks_due = !owned_.empty() && tasks_->internal_topics().marks_due(clock_.steady_us());
    if (!tasks_->positions_moved() && !marks_due) return;
    transaction_->begin_if_needed();  // an end behind transaction markers: only the position moves
    if (marks_due) return commit();
  }
  if (transaction_->due(lag(), tasks_->dirty_rows())) commit();
}

// Whether a failure that no record is the cause of can be told from what came before it by trying again.
bool Worker::on_trial() const {
  return parts_.policy == OnError::Policy::fail && parts_.job.stateful() && taken_ > 0 && piece_ != 1u;
}

// Such a failure: what was done since the last commit is thrown away, and done again in smaller pieces.
bool Worker::try_again_in_pieces() {
  if (!processor_->failed_on_trial()) return false;
  in_pieces_ = taken_;
  piece_ = std::max<size_t>(1, taken_ / 2);
  set_aside();
  processor_->roll_back(checkpoint_);
  return true;
}

// -m is reached, and the state knows records behind it: the same again, to end exactly there.
bool Worker::try_again_one_by_one() {
  if (!processor_->is_beyond_limit()) return false;
  one_by_one_ = true;
  set_aside();
  processor_->roll_back(checkpoint_);
  return true;
}

// The record had written before it failed, or is in the state: that cannot be committed without the rest of
// it, and leaving must not commit the positions.
void Worker::set_aside() {
  transaction_->abort();
  rewind_needed_ = true;
}

void Worker::commit(bool last) {
  if (processor_->failed_half_way()) return set_aside();
  if (!transaction_->is_open()) {
    const bool any_untold = last && !owned_.empty() && tasks_->internal_topics().any_untold();
    if (!tasks_->positions_moved() && !any_untold) return;
    transaction_->begin_if_needed();
  }
  const int64_t began_us = clock_.steady_us();
  const bool is_one_record = piece_ == 1u && taken_ == 1;
  processor_->before_silent_work(on_trial(), is_one_record ? last_taken_ : nullptr);
  tasks_->before_commit();
  processor_->before_silent_work(false);
  if (try_again_in_pieces()) return;
  if (processor_->failed_half_way()) return set_aside();
  if (origins_) settle_origins();
  tasks_->internal_topics().write_marks(last);
  transaction_->commit(tasks_->positions_to_commit(), membership_->consumer(), membership_->held_as(), lag());
  tasks_->committed();
  checkpoint_ = processor_->checkpoint();
  in_pieces_ -= std::min(in_pieces_, taken_);
  if (in_pieces_ == 0) piece_.reset();
  taken_ = 0;
  tell_commit(parts_.around.observer, {clock_.steady_us() - began_us, record_time_ms_});
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
  taken_ = 0;
  tasks_->aborted();
  tasks_->rewind(membership_->consumer());
  rewind_needed_ = false;
}

void Worker::leave() {
  tasks_->internal_topics().delete_read(true);
  membership_->leave(parts_.job.stay && !rejoins_);
  tasks_->close();  // with --stay nothing was revoked
  if (!refusal_) tasks_->throw_unwritten();
}

// --- what ends the run ---

// Nothing that is tried again makes it another error. The group is left in order all the same. REQUIRES: it
// is being handled.
void Worker::refuse_if_usage(const KafkaError& error) {
  if (error.code() != ExitCode::usage || refusal_) return;
  const auto* recreated = dynamic_cast<const kafka::RecreatedTopic*>(&error);
  refusal_ = recreated
                 ? std::make_exception_ptr(recreated_topic_error(parts_, recreated->topic(), error.what()))
                 : std::current_exception();
  rewind_needed_ = true;
}

// An input was deleted, or recreated: nothing more is committed, what is open belongs to nobody knows which.
void Worker::refuse_other_topic() {
  const auto error = origins_->look();
  if (!error) return;
  rewind_needed_ = true;  // leaving must not commit the positions
  refusal_ = std::make_exception_ptr(*error);
  transaction_->abort_undelivered();
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

// Partitions added to the input (rule 19). A state is of one partition's keys, and keys move with the count:
// nobody may go on with it. All that was read is committed, and the group left, so that every other member
// learns of it too.
bool Worker::refuse_added() {
  const WorkerPlan& plan = parts_.plan;
  std::optional<Error> why;
  const auto& waiting = membership_->waiting();
  const auto added =
      std::find_if(waiting.begin(), waiting.end(), [&](const auto& at) { return plan.came_later(at); });
  if (plan.input_has_state() && added != waiting.end()) {
    why = partitions_added(parts_.job, plan, *added);
  } else {
    why = added_beside();
  }
  if (!why) return false;
  commit();
  if (rewind_needed_) return true;  // what was read is to be committed first
  refusal_ = std::make_exception_ptr(*why);
  return true;
}

// The group assigns the partitions of the first topic; those of the topics beside it follow. Partitions that are
// added only to a topic beside it would not be read. Without state the other topics may get theirs a little later.
std::optional<Error> Worker::added_beside() {
  const WorkerPlan& plan = parts_.plan;
  if (!origins_ || !plan.has_copartitioned()) return std::nullopt;
  for (size_t sub = 0; sub < plan.subs.size(); ++sub) {
    const bool may_follow = sub == 0 && !plan.input_has_state();
    std::pair<std::string, int32_t> most, least;
    const int32_t first = origins_->partitions(plan.subs[sub].topic);
    if (may_follow) most = least = {plan.subs[0].topic, first};
    if (sub == 0 && !may_follow && plan.came_later({plan.subs[0].topic, first - 1}))
      return partitions_added(parts_.job, plan, {plan.subs[0].topic, first - 1});
    for (const CopartitionedSource& source : plan.subs[sub].copartitioned) {
      const int32_t count = origins_->partitions(source.topic);
      if (may_follow) {
        if (count > most.second) most = {source.topic, count};
        if (count < least.second) least = {source.topic, count};
      } else if (plan.came_later({source.topic, count - 1})) {
        return partitions_added(parts_.job, plan, {source.topic, count - 1});
      }
    }
    if (!may_follow) continue;
    if (most.second == least.second) {
      unequal_since_us_ = 0;
      continue;
    }
    const int64_t now = clock_.steady_us();
    if (unequal_since_us_ == 0) unequal_since_us_ = now;
    if (now - unequal_since_us_ > kUnequalUs) return unequal_since(most, least);
  }
  return std::nullopt;
}

// --- counts and time ---

void Worker::uncount_aborted() {
  Report::Counts& counts = parts_.report.counts;
  const Report::Counts counted = counts;
  counts = checkpoint_.counts;
  if (parts_.policy != OnError::Policy::fail) return;
  counts.in += counted.failures - counts.failures;
  counts.failures = counted.failures;
  counts.failures_by_reason = counted.failures_by_reason;
}

Millis Worker::poll_timeout() {
  Millis wait = membership_->waiting().empty() ? kGlance : kOpeningLook;
  if (transaction_->is_open()) wait = std::min(wait, transaction_->poll_timeout(lag(), tasks_->dirty_rows()));
  return tasks_->until_timer(wait);
}

}  // namespace kutils::flow
