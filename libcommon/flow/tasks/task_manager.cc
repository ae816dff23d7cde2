#include "flow/tasks/task_manager.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "base/murmur2.h"
#include "flow/membership/gaps.h"
#include "flow/membership/served_at.h"
#include "flow/topology/chain.h"
#include "io/topic_source.h"
#include "kafka/ends_of_many.h"

namespace kutils::flow {

uint64_t digest_of(const Record& record) {
  const auto time = static_cast<uint64_t>(record.timestamp);
  return (uint64_t{murmur2(record.value.view())} << 32 | murmur2(record.key.view())) ^
         (time * 0x9e3779b97f4a7c15U);
}

TaskManager::TaskManager(const WorkerContext& context, Assignment& owned, TransactionManager& transaction,
                         Processor& processor, Origins* origins, bool distrusted)
    : context_(context),
      clock_(context.around.clock),
      owned_(owned),
      transaction_(transaction),
      processor_(processor),
      origins_(origins),
      internal_topics_(context, owned, transaction.outputs()),
      offset_resolver_(context),
      begun_(context.plan),
      restore_manager_(context, distrusted),
      idle_are_gone_(context.plan.subs.size()) {
  const WorkerPlan& plan = context.plan;
  if (!plan.has_internal_topic() && context.job.counts_silence)
    watches_.push_back({IdleSourceMonitor(context.around), std::nullopt});
  for (size_t sub = 1; sub < plan.subs.size(); ++sub) {
    if (!context.job.topology.subs()[sub].operators.front().next_close) continue;
    std::vector<std::pair<std::string, int32_t>> between;
    for (size_t i = sub - 1; plan.subs[i].keeps_sources; --i)
      between.emplace_back(plan.subs[i].topic, plan.subs[i].partitions);
    watches_.push_back(
        {IdleSourceMonitor(context.around, plan.group, plan.sources_of(sub - 1), std::move(between)), sub});
  }
  renew_stages();
}

// --- coming and going

bool TaskManager::admit(GroupMembership& membership) {
  const WorkerPlan& plan = context_.plan;
  std::vector<kafka::TopicPartition> waiting = membership.waiting();
  std::erase_if(waiting, [&](const auto& at) { return lacks_companion(at); });
  const std::vector<kafka::TopicPartition> ready = restore_manager_.ready(waiting);
  if (ready.empty()) return false;
  std::vector<Arrival> arrivals = arrivals_of(ready, membership);
  std::vector<kafka::TopicPartition> fresh;
  for (const Arrival& one : arrivals)
    if (one.is_fresh) fresh.push_back(one.from.at);
  if (!fresh.empty()) {
    const std::vector<kafka::PartitionOffset> starts = offset_resolver_.without(fresh, begun_);
    for (Arrival& one : arrivals) {
      for (const auto& from : starts) {
        if (from.at == one.from.at) one.from = from;
      }
    }
  }
  mark_places(arrivals);
  if (!fresh.empty()) commit_first(arrivals, membership);
  std::vector<kafka::PartitionOffset> from;
  for (Arrival& one : arrivals) {
    start(one);
    if (!plan.is_copartitioned(one.from.at.topic)) membership.started(one.from.at);
    from.push_back({one.from.at, one.from.offset, {}});
  }
  membership.consumer().start(from);
  return !fresh.empty() && positions_moved();
}

// Partitions that were added to one of several topics that are read side by side wait until the others have them.
bool TaskManager::lacks_companion(const kafka::TopicPartition& at) const {
  if (!origins_ || !context_.plan.came_later(at)) return false;
  const auto beside = context_.plan.companions_of(at);
  return std::any_of(beside.begin(), beside.end(),
                     [&](const auto& one) { return one.partition >= origins_->partitions(one.topic); });
}

// Alone, so that they stand before the first row of a state does; with what is open, where something is.
void TaskManager::commit_first(std::vector<Arrival>& arrivals, GroupMembership& membership) {
  const WorkerPlan& plan = context_.plan;
  if (transaction_.is_open()) return;
  std::vector<kafka::PartitionOffset> first;
  for (const Arrival& one : arrivals) {
    if (one.is_fresh && !plan.state_of(one.from.at)) first.push_back(one.from);
  }
  if (first.empty()) return;
  tell_all_begun(first);
  transaction_.commit_first(first, membership.consumer(), membership.held_as());
  for (const auto& one : first) begun_.add(one.at);
  for (Arrival& one : arrivals) {
    if (!plan.state_of(one.from.at)) one.is_fresh = false;
  }
}

// Where the group has an offset of each partition with these.
void TaskManager::tell_all_begun(std::vector<kafka::PartitionOffset>& offsets) const {
  if (!begun_.all_with(offsets)) return;
  for (auto& one : offsets)
    if (!context_.plan.is_internal(one.at.topic)) one.metadata = with_all_begun(std::move(one.metadata));
}

// Those that are ready with what is read beside them: each task's first source, then its others.
std::vector<TaskManager::Arrival> TaskManager::arrivals_of(const std::vector<kafka::TopicPartition>& ready,
                                                           GroupMembership& membership) {
  const WorkerPlan& plan = context_.plan;
  std::vector<kafka::TopicPartition> all;
  for (const auto& at : ready) {
    all.push_back(at);
    for (auto& companion : plan.companions_of(at)) all.push_back(std::move(companion));
  }
  std::vector<kafka::TopicPartition> with_state;
  std::copy_if(all.begin(), all.end(), std::back_inserter(with_state),
               [&](const auto& at) { return plan.state_of(at).has_value(); });
  // First the offsets: what was just restored is to be as new as they are.
  std::vector<kafka::PartitionOffset> commits = membership.consumer().committed(all);
  const auto logs = kafka::ends_of_many(context_.admin, with_state);
  std::vector<Arrival> arrivals;
  arrivals.reserve(all.size());
  try {
    for (kafka::PartitionOffset& from : commits) {
      PartitionState* of_task =
          arrivals.empty() ? nullptr : arrivals.back().state;  // of the source before it
      arrivals.push_back({std::move(from)});
      Arrival& one = arrivals.back();
      one.is_fresh = one.from.offset == kafka::kOffsetNone;
      if (!one.is_fresh) begun_.add(one.from.at);
      one.is_news = served_at(one.from.metadata) != served_at_of(one.from.at);
      if (!plan.state_of(one.from.at)) continue;
      one.is_fresh = false;
      if (!plan.is_copartitioned(one.from.at.topic)) {
        one.own_state = restore_manager_.take(one.from.at);
        of_task = one.own_state.get();
      }
      one.state = of_task;
      one.from.offset = offset_resolver_.with_state(*one.state, one.from, logs.at(one.from.at), one.is_fresh);
    }
  } catch (const kafka::KafkaError&) {
    // They are opened again in a moment: what was restored of them is to be there.
    for (Arrival& one : arrivals)
      if (one.own_state) one.own_state->close();
    throw;
  }
  return arrivals;
}

// By what the topics of inputs are known again, also where nothing was read of them yet.
void TaskManager::mark_places(std::vector<Arrival>& arrivals) {
  if (!origins_) return;
  std::vector<kafka::PartitionOffset*> places;
  for (Arrival& one : arrivals) {
    if (context_.plan.is_internal(one.from.at.topic)) continue;
    // The group's offsets may be gone, or have been set by hand.
    if (one.state && mark_of(one.from.metadata).offset == kNoOffset) {
      const std::string fingerprint(fingerprint_of(one.from.metadata));
      const LastRecord last = one.state->last_record(one.from.at);
      one.from.metadata =
          is_start(one.from.metadata) ? with_start(fingerprint, last) : with_mark(fingerprint, last);
    }
    places.push_back(&one.from);
  }
  offset_resolver_.add_marks(places);
}

void TaskManager::start(Arrival& arrival) {
  const WorkerPlan& plan = context_.plan;
  const kafka::PartitionOffset& from = arrival.from;
  OwnedPartition partition;
  partition.at = from.at;
  partition.sub = plan.sub_of(from.at.topic);
  partition.is_internal = plan.is_internal(from.at.topic);
  partition.state_number = plan.state_of(from.at);
  if (plan.is_copartitioned(from.at.topic)) {
    const kafka::TopicPartition first = plan.first_of_task(from.at);
    partition.first_source = owned_.find(first.topic, first.partition);
  }
  if (arrival.state && arrival.state->last_wall_ms() > 0)
    partition.resumed_after_ms = clock_.wall_ms() - arrival.state->last_wall_ms();
  partition.next = partition.committed = partition.first = from.offset;
  // A first position; an accepted change, offsets set by hand, another owner: the group learns what it is for
  // now, and who is asked for its rows.
  if (arrival.is_fresh || arrival.is_news || fingerprint_of(from.metadata) != plan.fingerprint)
    partition.committed = kafka::kOffsetNone;
  partition.is_unread = plan.tells_start() && (arrival.is_fresh || is_start(from.metadata));
  if (origins_ && !partition.is_internal) {
    origins_->begin(from.at, from.metadata);
    // Its first meta row tells what the group began behind.
    if (arrival.state && arrival.state->last_record(from.at).offset == kNoOffset)
      partition.last_record = mark_of(from.metadata);
  }
  if (partition.is_internal) {
    partition.end = internal_topics_.end_of(partition.sub, from.at);
  } else if (plan.has_ends) {
    const auto end = plan.ends.find(from.at);
    // A partition that is newer than the ends is beyond them.
    partition.end = end == plan.ends.end() ? from.offset : end->second;
  }
  partition.state = std::move(arrival.own_state);
  OwnedPartition& added = owned_.add(std::move(partition));
  if (!has_one_stage() && added.is_task()) added.stage = make_stage(added);
}

std::unique_ptr<Stage> TaskManager::make_stage(OwnedPartition& partition) const {
  StageContext context{partition.at.partition, nullptr, &clock_};
  context.partitions = std::max(context_.plan.subs[partition.sub].partitions, 1);
  if (partition.sub > 0) {
    context.input_partitions = context_.plan.subs[partition.sub - 1].sources;
    if (context_.plan.tells_inputs_apart(partition.sub - 1)) context.input_topics = context_.plan.in_topics;
  }
  return make_chain(context_.job.topology.subs()[partition.sub], context, [&](uint8_t number) {
    return partition.state ? &partition.state->store(number) : nullptr;
  });
}

void TaskManager::drop(const kafka::TopicPartition& at) {
  try {
    restore_manager_.drop(at);
    OwnedPartition* partition = owned_.find(at.topic, at.partition);
    if (partition && partition->is_task()) {
      internal_topics_.forget(*partition);
      close_state(*partition);
    }
  } catch (...) {
    if (!unwritten_) unwritten_ = std::current_exception();
  }
  owned_.remove(at);
  if (origins_) origins_->end(at);
}

void TaskManager::close() {
  for (const auto& one : owned_.all()) {
    try {
      close_state(*one);
    } catch (...) {
      if (!unwritten_) unwritten_ = std::current_exception();
    }
  }
}

void TaskManager::close_state(OwnedPartition& partition) {
  partition.stage.reset();
  if (partition.state) partition.state->close();
  partition.state.reset();
}

// --- what goes through stages besides records

void TaskManager::set_current(const OwnedPartition& partition) {
  if (stage_) return transaction_.outputs().set_home(nullptr, 0);
  transaction_.outputs().set_home(&partition.task().at, partition.sub);
  const WorkerPlan& plan = context_.plan;
  processor_.set_place(
      !partition.is_internal, plan.is_last(partition.sub),
      partition.is_internal ? std::string_view(plan.subs[partition.sub - 1].topic) : std::string_view());
}

void TaskManager::flush() {
  if (stage_) return processor_.flush(*stage_);
  each_task([&](OwnedPartition& one) { processor_.flush(*one.stage); });
}

void TaskManager::tick() {
  const int64_t now = clock_.wall_ms();
  const auto one = [&](Stage& stage, OwnedPartition* partition) {
    const auto due = stage.next_wakeup();
    if (!due || *due > now || processor_.ended() != Processor::End::no) return;
    transaction_.begin_if_needed();
    if (partition) partition->touched = true;
    const uint64_t out = transaction_.outputs().written();
    processor_.tick(stage, now);
    if (transaction_.outputs().written() != out) transaction_.hurry();
  };
  if (stage_) {
    if (!owned_.empty()) one(*stage_, nullptr);
    return;
  }
  each_task([&](OwnedPartition& task) {
    set_current(task);
    one(*task.stage, &task);
  });
}

Millis TaskManager::until_timer(Millis most) const {
  Millis wait = most;
  const auto until = [&](const Stage& stage) {
    if (const auto due = stage.next_wakeup())
      wait = std::clamp(Millis(*due - clock_.wall_ms()), Millis(0), wait);
  };
  if (stage_) {
    until(*stage_);
  } else {
    each_task([&](const OwnedPartition& one) { until(*one.stage); });
  }
  return wait;
}

// What came of sources was read where the internal topic's end was met since.
void TaskManager::tell_idle_time() {
  for (Watch& watch : watches_) tell_idle_time_of(watch);
}

void TaskManager::tell_idle_time_of(Watch& watch) {
  const std::optional<size_t> sub = watch.sub;
  std::vector<kafka::PartitionOffset> positions;
  for (const auto& one : owned_.all())
    if (sub ? one->is_internal && one->sub == *sub : one->at_log_end)
      positions.push_back({one->at, one->next, {}});
  const auto found = watch.monitor.look(positions);
  if (!found) return;
  // Who was silent and has spoken: nothing goes on without it, wherever it is read.
  for (const int32_t source : found->active) {
    for (const auto& one : owned_.all())
      if (one->is_internal && one->sub == sub) tell_idle_time_of(*one, source, 0);
  }
  for (const auto& one : found->read) {
    OwnedPartition* partition = owned_.find(one.at.topic, one.at.partition);
    if (!partition || partition->next != one.offset) continue;  // it has gone on since
    for (const auto& silent : found->silent) {
      if (sub || silent.at == one.at)
        tell_idle_time_of(*partition,
                          sub ? silent.source : context_.plan.source_number(one.at.topic, one.at.partition),
                          silent.ms);
    }
  }
}

void TaskManager::tell_idle_time_of(OwnedPartition& partition, int32_t source, int64_t silent_ms) {
  if (processor_.ended() != Processor::End::no) return;
  set_current(partition);
  Stage& stage = *partition.task().stage;
  processor_.silent(stage, source, silent_ms);
  if (stage.dirty_rows() > 0) transaction_.begin_if_needed();
}

void TaskManager::before_commit() {
  if (stage_) return processor_.before_commit(*stage_);
  each_task([&](OwnedPartition& one) {
    set_current(one);
    const uint64_t out = transaction_.outputs().written();
    processor_.before_commit(*one.stage);
    if (transaction_.outputs().written() != out || (one.state && one.state->has_changes()))
      one.touched = true;
  });
}

void TaskManager::close_stages(size_t sub) {
  each_task([&](OwnedPartition& one) {
    if (one.sub != sub) return;
    transaction_.begin_if_needed();
    set_current(one);
    one.touched = true;
    processor_.close(*one.stage);
  });
}

bool TaskManager::let_idle_sources_go(size_t sub) {
  if (idle_are_gone_[sub]) return false;
  idle_are_gone_[sub] = true;
  each_task([&](OwnedPartition& one) {
    if (one.sub != sub) return;
    set_current(one);
    if (context_.plan.tells_inputs_apart(sub - 1)) {
      for (const auto& [source, never_spoke] : context_.plan.quiet_sources)
        if (never_spoke || one.resumed_after_ms >= kSilentSourceMs)
          processor_.source_ended(*one.stage, source);
    }
    processor_.all_read(*one.stage, one.resumed_after_ms >= kSilentSourceMs);
    if (one.stage->dirty_rows() > 0) transaction_.begin_if_needed();
  });
  return true;
}

// --- positions

void TaskManager::processed(OwnedPartition& partition, const Record& last, int64_t end, int64_t now_us) {
  partition.next = std::max(partition.next, std::min(last.offset + 1, end));
  if (partition.is_task()) internal_topics_.read(partition, now_us);
  if (origins_) origins_->took(partition.at);
  const bool is_mark = origins_ && origins_->wants(partition.at);
  if (partition.task().state || is_mark) partition.last_record = {last.offset, digest_of(last)};
  if (is_mark) origins_->processed(partition.at, partition.last_record);
}

void TaskManager::met_end(OwnedPartition& partition, int64_t offset, int64_t end) {
  if (!partition.at_log_end && offset >= partition.next) {
    partition.at_log_end = true;
    partition.silent_since_us = clock_.steady_us();
  }
  if (offset <= partition.next) return;
  partition.next = std::min(offset, end);
}

bool TaskManager::positions_moved() const {
  return std::any_of(owned_.all().begin(), owned_.all().end(),
                     [](const auto& one) { return one->next != one->committed; });
}

std::vector<kafka::PartitionOffset> TaskManager::positions_to_commit() const {
  // The sources of a task go together: its meta row has all of their positions.
  std::vector<const OwnedPartition*> moved;
  for (const auto& one : owned_.all())
    if (one->next != one->committed || one->touched) moved.push_back(&one->task());
  std::vector<kafka::PartitionOffset> offsets;
  for (const auto& one : owned_.all()) {
    const bool goes = moved.empty() || one->next != one->committed || one->touched ||
                      (context_.plan.has_copartitioned() &&
                       std::find(moved.begin(), moved.end(), &one->task()) != moved.end());
    if (goes) offsets.push_back({one->at, one->next, metadata_of(*one)});
  }
  tell_all_begun(offsets);
  return offsets;
}

std::string TaskManager::served_at_of(const kafka::TopicPartition& at) const {
  return context_.around.observer && context_.plan.state_of(at) ? context_.around.observer->served_at()
                                                                : std::string();
}

bool TaskManager::is_up_to_date(const kafka::PartitionOffset& commit) const {
  return fingerprint_of(commit.metadata) == context_.plan.fingerprint &&
         served_at(commit.metadata) == served_at_of(commit.at);
}

std::string TaskManager::metadata_of(const OwnedPartition& partition) const {
  return with_served_at(mark_to_commit(partition), served_at_of(partition.at));
}

std::string TaskManager::mark_to_commit(const OwnedPartition& partition) const {
  // Its first record, done or not, moves `next`.
  if (partition.is_unread && partition.next == partition.first)
    return with_start(context_.plan.fingerprint,
                      origins_ ? mark_of(origins_->metadata(partition.at)) : LastRecord());
  return origins_ && !partition.is_internal ? origins_->metadata(partition.at) : context_.plan.fingerprint;
}

void TaskManager::committed() {
  for (const auto& one : owned_.all()) {
    one->committed = one->next;
    one->touched = false;
    begun_.add(one->at);
  }
  internal_topics_.committed();
}

void TaskManager::aborted() {
  internal_topics_.aborted();
  renew_stages();
}

// A stage may hold what an aborted transaction put into it.
void TaskManager::renew_stages() {
  if (!context_.job.stateful()) {
    stage_ = make_chain(context_.job.topology.subs().front(), StageContext{-1, nullptr, &clock_}, {});
    return;
  }
  for (const auto& one : owned_.all()) {
    if (!one->is_task()) continue;
    one->stage.reset();
    if (one->state) one->state->discard();
    one->stage = make_stage(*one);
    one->resumed_after_ms = 0;  // the stage does not know who has spoken since
  }
}

void TaskManager::rewind(kafka::GroupConsumer& consumer) {
  if (owned_.empty()) return;
  const WorkerPlan& plan = context_.plan;
  std::vector<kafka::TopicPartition> partitions;
  for (const auto& one : owned_.all()) partitions.push_back(one->at);
  std::vector<kafka::PartitionOffset> to = consumer.committed(partitions);
  for (auto& position : to) {
    if (position.offset != kafka::kOffsetNone) continue;
    const OwnedPartition& one = *owned_.find(position.at.topic, position.at.partition);
    // Where we began is only right if nothing was ever committed: what was is gone, with the topic that it
    // belonged to.
    if (one.committed != kafka::kOffsetNone) {
      throw usage_error("group " + plan.group + " has lost its offset in " + position.at.topic + " [" +
                            std::to_string(position.at.partition) + "], which was " +
                            std::to_string(one.committed) +
                            ": the topic was deleted and recreated, or the offset was deleted",
                        "start from the beginning under another name with -g NAME");
    }
    position.offset = one.first;
    position.metadata.clear();
  }
  // Asked only after the broker refused a position: a question more would be one more that an outage fails.
  if (std::exchange(position_refused_, false))
    judge_gaps(to, context_.admin, context_.job.accept_gap, context_.log);
  for (const auto& position : to) {
    OwnedPartition* one = owned_.find(position.at.topic, position.at.partition);
    one->next = position.offset;
    // As when it was admitted: what the group does not know yet is still to be committed.
    one->committed = is_up_to_date(position) ? position.offset : kafka::kOffsetNone;
    one->touched = false;
    one->at_log_end = false;  // it is met again
  }
  consumer.rewind(to);
}

// --- how far they are

size_t TaskManager::dirty_rows() const {
  size_t rows = 0;
  for (const auto& one : owned_.all()) {
    if (one->stage) rows += one->stage->dirty_rows();
  }
  return rows;
}

int64_t TaskManager::lag(kafka::GroupConsumer& consumer) const {
  int64_t sum = 0;
  for (const auto& one : owned_.all()) {
    int64_t high = consumer.fetched_watermarks(one->at).high;
    if (one->end) high = std::min(high, *one->end);
    sum += std::max<int64_t>(0, high - one->next);
  }
  return sum;
}

bool TaskManager::sources_at_end() const {
  return std::all_of(owned_.all().begin(), owned_.all().end(), [&](const auto& one) {
    return one->at_end() || (one->sub > 0 && !internal_topics_.has_ends(one->sub));
  });
}

int32_t TaskManager::count_of(size_t sub) const {
  return static_cast<int32_t>(std::count_if(owned_.all().begin(), owned_.all().end(), [sub](const auto& one) {
    return one->is_task() && one->sub == sub;
  }));
}

void TaskManager::tell_held_back(kafka::GroupConsumer& consumer) {
  if (told_held_back_ || !context_.plan.has_ends) return;
  const int64_t before = clock_.steady_us() - std::chrono::microseconds(io::kHeldBackNote).count();
  for (const auto& one : owned_.all()) {
    if (!one->at_log_end || !one->end || one->at_end() || one->silent_since_us > before ||
        consumer.fetched_watermarks(one->at).high <= one->next)
      continue;
    context_.log.note(io::held_back_text(one->at, one->next, *one->end));
    told_held_back_ = true;
    return;
  }
}

}  // namespace kutils::flow
