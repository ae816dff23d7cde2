#include "flow/worker.h"

#include <algorithm>
#include <future>
#include <limits>

#include "base/murmur2.h"
#include "flow/gaps.h"
#include "flow/sink_outputs.h"
#include "kafka/memory_state.h"

namespace kutils::flow {
namespace {

// How long a quiet topic may keep us from seeing that we are asked to stop.
constexpr Millis kGlance{100};
constexpr int64_t kEndCheckUs = 100'000;
// A loop that stood still this long may have lost its partitions or its transaction.
constexpr int64_t kAwayUs = 2'500'000;
// A member that has been given nothing for so long gets nothing: others have it all.
constexpr int64_t kAssignmentUs = 15'000'000;
constexpr int64_t kMemberNoteUs = 1'000'000;
constexpr int64_t kRestoreNoteUs = 2'000'000;
constexpr int64_t kSilenceUs = 1'000'000;
constexpr Millis kOpeningLook{5};
constexpr int64_t kDeletionUs = 30'000'000;
constexpr int kMaxAbortsInARow = 60;
// Half of the transaction time-out (protocol.md, 8).
Millis transaction_limit(const Job& job) {
  const auto& properties = job.client.producer();
  const auto found = properties.find("transaction.timeout.ms");
  const int64_t timeout = found == properties.end() ? 30'000 : std::stoll(found->second);
  return Millis(std::max<int64_t>(1, timeout / 2));
}

using kafka::KafkaError;
using kafka::Severity;

}  // namespace

uint64_t digest_of(const Record& record) {
  const auto time = static_cast<uint64_t>(record.timestamp);
  return (uint64_t{murmur2(record.value.view())} << 32 | murmur2(record.key.view())) ^ (time * 0x9e3779b97f4a7c15U);
}

// One set of sinks for each producer of the committer: a sink writes through one producer only.
class Worker::CycleOutputs final : public Outputs {
 public:
  // `outside`: outputs go through it, not through the open transaction; may be null.
  CycleOutputs(const Parts& parts, Worker& worker, kafka::Producer* outside)
      : worker_(worker), committer_(*worker.committer_), lines_(parts.lines) {
    auto inputs = parts.plan.inputs;
    if (!parts.plan.repartition.empty()) {
      inputs.emplace_back(parts.plan.repartition, parts.plan.repartition_count);
      for (kafka::Producer* producer : committer_.producers()) {
        between_.push_back(parts.around.make_topic_sink(*producer, parts.admin, parts.plan.repartition, inputs));
      }
    }
    for (kafka::Producer* producer : committer_.producers()) {
      std::vector<std::unique_ptr<io::Sink>> ports;
      for (const std::string& topic : parts.plan.outputs) {
        ports.push_back(parts.around.make_topic_sink(outside ? *outside : *producer, parts.admin, topic, inputs));
      }
      std::unique_ptr<io::Sink> letters;
      if (!parts.plan.dead_letters.empty()) {
        letters =
            parts.around.make_topic_sink(*producer, parts.admin, parts.plan.dead_letters, parts.plan.inputs);
      }
      sets_.push_back(std::make_unique<SinkOutputs>(parts.job.tool, std::move(ports), std::move(letters)));
    }
  }
  std::optional<RecordError> write(const Record* origin, const Output& output) override {
    worker_.begin_if_needed();  // a silence may speak
    ++written_;
    if (is_in_front_) return between_[committer_.producer_index()]->write(origin, output);
    // What no record caused belongs to the partition whose stage speaks.
    const bool is_at_home = !origin && output.keeps_key && home_.partition >= 0;
    return set().write(is_at_home ? &home_ : origin, output);
  }
  void dead_letter(const Record& origin, const RecordError& error) override {
    ++written_;
    set().dead_letter(origin, error);
  }
  uint64_t written() const { return written_; }

  // Null: one stage stands for all.
  // `is_in_front`: what comes goes to the repartition topic.
  void set_home(const kafka::TopicPartition* at, bool is_in_front) {
    is_in_front_ = is_in_front;
    home_ = Record();
    if (!at) return;
    home_.topic = at->topic;
    home_.partition = at->partition;
  }

 private:
  SinkOutputs& set() { return lines_ ? *lines_ : *sets_[committer_.producer_index()]; }

  Worker& worker_;
  Committer& committer_;
  SinkOutputs* lines_;
  std::vector<std::unique_ptr<SinkOutputs>> sets_;
  std::vector<std::unique_ptr<io::Sink>> between_;
  Record home_;
  bool is_in_front_ = false;
  uint64_t written_ = 0;
};

Worker::Worker(const Parts& parts)
    : parts_(parts),
      clock_(parts.around.clock),
      pacer_(parts.plan.transactional() || parts.lines ? parts.job.commit_min : parts.job.commit_max,
             parts.job.commit_max, transaction_limit(parts.job)),
      checkpoint_(parts.counted) {}

Worker::~Worker() = default;

Processor::End Worker::ended() const { return processor_ ? processor_->ended() : Processor::End::no; }

void Worker::open() {
  const std::string& id = parts_.slot.transactional_id();
  if (parts_.lines) {
    committer_ = std::make_unique<LineCommits>([lines = parts_.lines] { lines->flush(); });
  } else if (parts_.plan.transactional()) {
    // Side by side: after a kill each waits for the broker to end the dead one's transaction (10).
    const auto lock = parts_.slot.lock_for_init();
    auto make = [this](const std::string& name) {
      auto producer = parts_.around.make_transactional_producer(name);
      producer->init();
      return producer;
    };
    auto second = std::async(std::launch::async, make, id + ".1");
    auto first = make(id + ".0");
    committer_ = std::make_unique<TransactionCycle>(std::move(first), second.get());
  } else {
    committer_ = std::make_unique<PlainCommits>(parts_.around.make_producer());
  }
  if (parts_.plan.transactional() && !parts_.plan.exactly_once) outside_ = parts_.around.make_producer();
  outputs_ = std::make_unique<CycleOutputs>(parts_, *this, outside_.get());
  processor_ = std::make_unique<Processor>(parts_.policy,
                                           Processor::Limits{parts_.job.max_input, parts_.job.max_output, parts_.job.stateful},
                                           *outputs_, parts_.report);
  processor_->roll_back(checkpoint_);
  if (!parts_.job.stateful) stage_ = parts_.job.make_stage(StageContext{-1, nullptr, &clock_});
  consumer_ = parts_.around.make_group_consumer(parts_.plan.group, parts_.slot.instance_id(), parts_.plan.in_memory);
  consumer_->subscribe(parts_.plan.subscription);
  if (!parts_.slot.instance_id().empty() && !parts_.plan.in_memory)
    left_out_.emplace(parts_.admin, parts_.plan.group, parts_.plan.all_partitions());
  opened_us_ = last_turn_us_ = clock_.steady_us();
}

void Worker::run() {
  open();
  while (!finished()) {
    if (left_out_ && left_out_->is_confirmed()) {
      rejoins_ = true;
      break;
    }
    try {
      turn();
    } catch (const KafkaError& error) {
      if (error.severity() == Severity::fatal) throw;
      offset_gone_ = offset_gone_ || error.is_offset_gone();
      if (++aborts_in_a_row_ > kMaxAbortsInARow) {
        throw Error(ExitCode::delivery,
                    std::string("gave up after ") + std::to_string(kMaxAbortsInARow) +
                        " transactions in a row that had to be aborted; the last one: " + error.what(),
                    error.hint());
      }
      if (parts_.job.verbose > 0)
        parts_.log.note(std::string("again from what is committed: ") + error.what());
      rewind_needed_ = true;
      parts_.around.pause(Millis(std::min(20 * aborts_in_a_row_, 1000)));
    }
  }
  leave();
}

// One round: the group's events, a batch, perhaps a commit.
void Worker::turn() {
  if (rewind_needed_) abort_and_rewind();
  batch_.clear();
  const kafka::Polled polled = consumer_->poll(batch_, patience(), *this);
  note_time();
  watch_left_out();
  if (rebalance_error_) std::rethrow_exception(std::exchange(rebalance_error_, nullptr));
  if (rewind_needed_) return;  // what was polled stands behind what was aborted
  admit_assigned();
  take(polled);
  tick();
  tell_silence();
  delete_repartitioned();
  commit_if_due();
  if (parts_.lines && !polled.any && parts_.lines->reader_gone()) throw io::ReaderGone();
  const int64_t behind = lag();
  parts_.progress.update(parts_.report.counts.in, behind);
  if (parts_.around.observer) parts_.around.observer->turned(behind, owned_.all().size());
}

bool Worker::finished() {
  if (parts_.around.stop.signal() != 0 || processor_->ended() != Processor::End::no) {
    if (processor_->ended() == Processor::End::failed && processor_->failed_half_way()) {
      // The record had written before it failed: that cannot be committed without the rest of it.
      committer_->abort();
      rewind_needed_ = true;  // leaving must not commit the positions
      return true;
    }
    // Asked to stop while what was done is to be thrown away: nothing is lost by not committing it.
    if (rewind_needed_ && parts_.around.stop.signal() != 0) {
      if (committer_->open()) committer_->abort();
      return true;
    }
    if (rewind_needed_) return false;
    try {
      commit();
      return true;
    } catch (const KafkaError& error) {
      if (error.severity() == Severity::fatal) throw;
      rewind_needed_ = true;
      return false;
    }
  }
  if (!parts_.plan.has_ends || rewind_needed_ || !assigned_.empty() || !sources_at_end()) return false;
  if (clock_.steady_us() - last_end_check_us_ < kEndCheckUs) return false;
  last_end_check_us_ = clock_.steady_us();
  try {
    commit();
    if (!group_reached_ends()) return false;
    if (!parts_.plan.repartition.empty() && !take_repartition_ends()) return false;
    if (!parts_.job.close_at_end) return true;
    // All may have been read before: then there is nothing to wait for but what is to be closed.
    const bool owns = std::any_of(owned_.all().begin(), owned_.all().end(), [](const auto& one) { return one->state != nullptr; });
    if (!owns && clock_.steady_us() - opened_us_ < kAssignmentUs) return false;
    close_stages();
    return true;
  } catch (const KafkaError& error) {
    if (error.severity() == Severity::fatal) throw;
    rewind_needed_ = true;
    return false;
  }
}

bool Worker::sources_at_end() {
  return std::all_of(owned_.all().begin(), owned_.all().end(), [&](const auto& one) {
    return one->at_end() || (one->at.topic == parts_.plan.repartition && repartition_ends_.empty());
  });
}

// --close-at-end: what the stages have open goes out, in a transaction of its own (25).
void Worker::close_stages() {
  for (const auto& one : owned_.all()) {
    if (!one->state) continue;
    begin_if_needed();
    speak_for(*one);
    one->touched = true;
    processor_->close(*one->stage);
  }
  if (committer_->open()) commit();
}

// All of IN is read and committed, so that all which it gives stands in the repartition topic: the same for that (24).
// True: the group has reached its ends.
bool Worker::take_repartition_ends() {
  std::vector<kafka::TopicPartition> partitions;
  for (int32_t p = 0; p < parts_.plan.repartition_count; ++p) partitions.push_back({parts_.plan.repartition, p});
  if (repartition_ends_.empty()) {
    for (const auto& at : partitions) repartition_ends_[at] = parts_.admin.watermarks(at).high;
    for (const auto& one : owned_.all()) {
      if (const auto end = repartition_ends_.find(one->at); end != repartition_ends_.end()) one->end = end->second;
    }
  }
  for (const auto& commit : consumer_->committed(partitions)) {
    if (std::max<int64_t>(commit.offset, 0) < repartition_ends_.at(commit.at)) return false;
  }
  return true;
}

bool Worker::group_reached_ends() {
  std::vector<kafka::TopicPartition> partitions;
  for (const auto& [at, end] : parts_.plan.ends) partitions.push_back(at);
  for (const auto& commit : consumer_->committed(partitions)) {
    if (commit.offset < parts_.plan.ends.at(commit.at)) return false;
    // An accepted change is not done before the group knows it, also where nothing new has come.
    if (parts_.job.accept_change && commit.offset >= 0 && commit.metadata != parts_.plan.fingerprint) return false;
  }
  return true;
}

// --- the group's events ---

void Worker::on_assigned(const std::vector<kafka::TopicPartition>& partitions) {
  if (owned_.empty() && assigned_.empty()) held_as_ = consumer_->group_metadata().member_id;
  assigned_.insert(assigned_.end(), partitions.begin(), partitions.end());
}

// The client is inside a callback: nothing may be thrown through it.
void Worker::on_revoked(const std::vector<kafka::TopicPartition>& partitions, bool lost) {
  try {
    if (!lost && !rewind_needed_ && !consumer_->assignment_lost()) {
      commit();
    } else {
      rewind_needed_ = true;  // before the next record
    }
  } catch (const KafkaError& error) {
    rewind_needed_ = true;
    if (error.severity() == Severity::fatal) rebalance_error_ = std::current_exception();
  } catch (...) {
    rewind_needed_ = true;
    rebalance_error_ = std::current_exception();
  }
  // Never unassign with a transaction in flight (14): what could not be committed ends before the partitions
  // go.
  if (rewind_needed_ && committer_->open() && !rebalance_error_) {
    try {
      committer_->abort();
    } catch (...) {
      rebalance_error_ = std::current_exception();
    }
  }
  for (const auto& at : partitions) {
    try {
      drop_opening(at);
      if (OwnedPartition* partition = owned_.find(at.topic, at.partition)) close_state(*partition);
    } catch (...) {
      rebalance_error_ = std::current_exception();
    }
    owned_.remove(at);
    assigned_.erase(std::remove(assigned_.begin(), assigned_.end(), at), assigned_.end());
  }
}

// The partitions that can start: of a stateful job those whose state is there.
std::vector<kafka::TopicPartition> Worker::open_states() {
  if (!parts_.job.stateful) return assigned_;
  std::vector<kafka::TopicPartition> ready;
  const int64_t now = clock_.steady_us();
  const bool tells = now - last_told_us_ > kRestoreNoteUs;
  if (tells) last_told_us_ = now;
  for (const auto& at : assigned_) {
    if (!parts_.plan.has_state(at.topic)) {  // in front of the repartition
      ready.push_back(at);
      continue;
    }
    auto found = std::find_if(openings_.begin(), openings_.end(), [&](const auto& one) { return one.at == at; });
    if (found == openings_.end()) {
      StatePlace place;
      place.directory = parts_.job.state_dir;
      place.group = parts_.plan.group;
      place.changelog = {parts_.plan.changelog, at.partition};
      place.delete_retention_ms = parts_.plan.delete_retention_ms;
      place.in_memory_broker = parts_.plan.in_memory;
      place.temporary = parts_.plan.in_memory &&
                        !kafka::is_memory_state_dir(parts_.job.state_dir, parts_.job.client.brokers());
      place.distrusted = parts_.distrusted;
      place.cache_bytes = parts_.job.cache_bytes;
      openings_.push_back({at, parts_.job.open_state(place, parts_.around, parts_.admin), nullptr});
      found = openings_.end() - 1;
    }
    if (found->state) {  // a try to admit it failed
      ready.push_back(at);
      continue;
    }
    try {
      found->state = found->opening->poll();
    } catch (...) {
      openings_.erase(found);  // it has ended: whoever goes on begins another
      throw;
    }
    if (found->state) {
      ready.push_back(at);
      if (const std::string account = found->opening->account(); !account.empty()) parts_.log.note(account);
    } else if (tells) {
      if (const std::string progress = found->opening->progress(); !progress.empty()) parts_.log.note(progress);
    }
  }
  return ready;
}

void Worker::drop_opening(const kafka::TopicPartition& at) {
  for (const OpeningState& one : openings_) {
    if (one.at == at && one.state) one.state->close();
  }
  openings_.erase(
      std::remove_if(openings_.begin(), openings_.end(), [&](const auto& one) { return one.at == at; }),
      openings_.end());
}

std::unique_ptr<Stage> Worker::make_stage(OwnedPartition& partition) {
  StageContext context{partition.at.partition, partition.state ? &partition.state->store() : nullptr, &clock_};
  if (parts_.plan.repartition.empty()) return parts_.job.make_stage(context);
  context.input_partitions = parts_.plan.inputs.front().second;
  return partition.state ? parts_.job.make_stage(context) : parts_.job.make_repartition_stage(context);
}

void Worker::close_state(OwnedPartition& partition) {
  partition.stage.reset();
  if (partition.state) partition.state->close();
  partition.state.reset();
}

// Where the state stands decides; the group's offset is its mirror (17).
int64_t Worker::position_of(PartitionState& state, const kafka::PartitionOffset& commit, bool& is_new) {
  using Action = state::Resume::Action;
  const std::optional<int64_t> group_offset =
      commit.offset == kafka::kOffsetNone ? std::nullopt : std::optional<int64_t>(commit.offset);
  const std::string& group = parts_.plan.group;
  const std::string place = commit.at.topic + " [" + std::to_string(commit.at.partition) + "]";
  const std::string again = "start from the beginning under another name with -g NAME";
  if (const std::string known = state.fingerprint(); !known.empty()) {
    const auto earlier = Fingerprint::decode(known);
    const auto now = Fingerprint::decode(parts_.plan.fingerprint);
    const auto differences = earlier && now ? now->differences_from(*earlier, parts_.plan.repartition.empty()) : std::vector<std::string>();
    if (!earlier || !differences.empty()) {
      std::string text = "the state of group " + group + " was made for something else:";
      for (const std::string& line : differences) text += "\n  " + line;
      throw usage_error(text, again);
    }
  }
  const state::Resume resume = state.resume(group_offset, commit.at, parts_.admin.watermarks(commit.at));
  switch (resume.action) {
    case Action::start:
      is_new = true;
      return resume.offset;
    case Action::resume:
      if (!group_offset) check_same_input(state, commit.at);
      return resume.offset;
    case Action::input_recreated:
      throw usage_error("the state of " + place + " stands at offset " + std::to_string(resume.offset) +
                            ", beyond the topic's end: the topic was made anew",
                        again);
    case Action::offsets_were_reset:
      // Plain commits: the state may stand behind the group's offset, and says so itself (29).
      if (parts_.plan.in_memory) return resume.offset;
      throw usage_error("the offset of group " + group + " in " + place + " is " + std::to_string(commit.offset) +
                            ", its state stands at " + std::to_string(resume.offset) +
                            ": the offsets were reset by hand, the state was not",
                        again);
    case Action::state_missing:
      if (parts_.plan.in_memory) {
        parts_.log.note(place + ": its state went with the process that had it; reading anew");
        is_new = true;
        return resume.offset;
      }
      throw usage_error("group " + group + " has read " + place + " up to offset " + std::to_string(commit.offset) +
                            ", but " + parts_.plan.changelog + " holds no state of it",
                        "was the changelog topic deleted or made anew? " + again);
    case Action::gap:
      break;
  }
  const std::string gap = place + ": the state stands before offset " + std::to_string(resume.offset) +
                          ", the topic's first: records were deleted before they were read";
  if (!parts_.job.accept_gap) throw usage_error(gap, "--on-gap skip goes on without them; or " + again);
  parts_.log.note(gap);
  return resume.offset;
}

// The group has no offset, the state has one. Offsets expire, but they also go when their topic is deleted: it is the same
// topic if the last record that the state has taken in still is what it was.
void Worker::check_same_input(PartitionState& state, const kafka::TopicPartition& at) {
  const std::string again = "start from the beginning under another name with -g NAME";
  if (parts_.plan.in_memory) return;
  if (!parts_.plan.repartition.empty()) {
    throw usage_error("group " + parts_.plan.group + " has state, but no offsets: they expired or were deleted, and how far " +
                          parts_.plan.inputs.front().first + " was read is not known",
                      again);
  }
  const LastRecord last = state.last_record(at);
  if (last.offset == kNoOffset) return;
  const auto source = parts_.around.make_topic_source({{at, last.offset, last.offset + 1}});
  for (io::Fill fill = io::Fill::nothing; fill != io::Fill::end && parts_.around.stop.signal() == 0;) {
    Batch batch;
    fill = source->poll(batch, kGlance);
    for (const Record& record : batch.records()) {
      if (record.offset != last.offset || digest_of(record) == last.digest) continue;
      throw usage_error("the record at " + at.topic + " [" + std::to_string(at.partition) + "] @ " + std::to_string(last.offset) +
                            " is not the one that the state of group " + parts_.plan.group + " has taken in: the topic was made anew",
                        again);
    }
  }
}

void Worker::admit_assigned() {
  if (assigned_.empty()) return;
  const std::vector<kafka::TopicPartition> ready = open_states();
  if (ready.empty()) return;
  std::vector<kafka::PartitionOffset> from = consumer_->committed(ready);
  std::vector<std::unique_ptr<PartitionState>> states(from.size());
  std::vector<kafka::TopicPartition> fresh;
  for (size_t i = 0; i < from.size(); ++i) {
    bool is_new = from[i].offset == kafka::kOffsetNone;
    if (parts_.plan.has_state(from[i].at.topic)) {
      is_new = false;
      for (OpeningState& one : openings_) {
        if (one.at == from[i].at) states[i] = std::move(one.state);
      }
      drop_opening(from[i].at);
      from[i].offset = position_of(*states[i], from[i], is_new);
    }
    if (is_new) fresh.push_back(from[i].at);
  }
  if (!fresh.empty()) {
    const std::vector<PartitionRange> starts = first_positions(fresh);
    for (auto& position : from) {
      for (const auto& start_at : starts) {
        if (start_at.at == position.at) position.offset = start_at.from;
      }
    }
    // Committed before the first record: a restart, or another member, must not resolve it anew. With a state
    // its meta row goes along, see below.
    std::vector<kafka::PartitionOffset> first;
    for (const auto& start_at : starts) {
      if (!parts_.plan.has_state(start_at.at.topic))
        first.push_back({start_at.at, start_at.from, parts_.plan.fingerprint});
    }
    if (!first.empty()) commit_positions(first, *consumer_, held_as_);
  }
  for (size_t i = 0; i < from.size(); ++i) {
    const kafka::PartitionOffset& position = from[i];
    OwnedPartition partition;
    partition.at = position.at;
    partition.next = partition.committed = partition.first = position.offset;
    // An accepted change, or offsets set by hand: the group learns what it is for now.
    const bool is_fresh = std::find(fresh.begin(), fresh.end(), position.at) != fresh.end();
    if (is_fresh ? parts_.plan.has_state(position.at.topic) : position.metadata != parts_.plan.fingerprint)
      partition.committed = kafka::kOffsetNone;
    if (position.at.topic == parts_.plan.repartition) {
      if (const auto end = repartition_ends_.find(position.at); end != repartition_ends_.end()) partition.end = end->second;
    } else if (parts_.plan.has_ends) {
      const auto end = parts_.plan.ends.find(position.at);
      // A partition that is newer than the ends is beyond them.
      partition.end = end == parts_.plan.ends.end() ? position.offset : end->second;
    }
    partition.state = std::move(states[i]);
    OwnedPartition& added = owned_.add(std::move(partition));
    if (parts_.job.stateful) added.stage = make_stage(added);
    assigned_.erase(std::find(assigned_.begin(), assigned_.end(), position.at));
  }
  for (auto& position : from) position.metadata.clear();
  consumer_->start(from);
  if (parts_.job.stateful && !fresh.empty() && positions_moved()) commit();
}

std::vector<PartitionRange> Worker::first_positions(const std::vector<kafka::TopicPartition>& fresh) {
  // Partitions that came after the group's first start are read from their beginning (19).
  const Range from_beginning;
  std::vector<kafka::TopicPartition> asked, later;
  for (const auto& at : fresh) {
    const auto known = parts_.plan.earlier_counts.find(at.topic);
    const bool is_later = at.topic == parts_.plan.repartition ||
                          (known != parts_.plan.earlier_counts.end() && at.partition >= known->second);
    (is_later ? later : asked).push_back(at);
  }
  Range start = parts_.job.range;
  start.until.clear();
  start.exit_at_end = false;
  std::vector<PartitionRange> starts;
  if (!asked.empty()) starts = parts_.around.resolve_range(parts_.admin, start, asked);
  if (!later.empty()) {
    auto more = parts_.around.resolve_range(parts_.admin, from_beginning, later);
    starts.insert(starts.end(), more.begin(), more.end());
  }
  return starts;
}

// --- records ---

Stage& Worker::stage_of(OwnedPartition& partition) { return partition.stage ? *partition.stage : *stage_; }

void Worker::begin_if_needed() {
  if (committer_->open()) return;
  committer_->begin();
  opened_out_ = outputs_->written();
  pacer_.opened(clock_.steady_us());
}

void Worker::take(const kafka::Polled& polled) {
  const std::span<const Record> records(batch_.records());
  if (!records.empty()) {
    begin_if_needed();
    processor_->begin(records);
    runs_.clear();
    for (const auto& one : owned_.all()) one->seen = one->next;
    size_t at = 0;
    size_t taken = 0;  // records before it were looked at
    while (at < records.size() && processor_->ended() == Processor::End::no) {
      OwnedPartition* partition = owned_.find(records[at].topic, records[at].partition);
      if (!partition) {
        taken = ++at;
        continue;
      }
      int64_t& expected = partition->seen;
      const int64_t end = partition->end.value_or(std::numeric_limits<int64_t>::max());
      size_t behind = at;
      while (behind < records.size() && records[behind].partition == partition->at.partition &&
             records[behind].topic == partition->at.topic && records[behind].offset >= expected &&
             records[behind].offset < end) {
        expected = records[behind].offset + 1;
        ++behind;
      }
      if (behind == at) {
        if (records[at].offset < expected) {
          ++parts_.report.counts.repeated;  // 15
        } else {
          runs_.push_back({partition, at});  // beyond the end: everything before it is done
        }
        taken = ++at;
        continue;
      }
      partition->at_log_end = false;
      speak_for(*partition);
      const size_t n = processor_->process(stage_of(*partition), records.subspan(at, behind - at));
      if (n > 0) runs_.push_back({partition, at + n - 1});
      taken = at + n;
      at = taken;
    }
    if (stage_) {
      processor_->flush(*stage_);
    } else {
      for (const auto& partition : owned_.all()) processor_->flush(*partition->stage);
    }
    const size_t done = processor_->done(taken);
    size_t first = 0;
    for (const Run& run : runs_) {
      if (first >= done) break;
      // The last of the run's records that is done.
      size_t last = std::min(run.last, done - 1);
      while (last > first && (records[last].partition != run.partition->at.partition ||
                              records[last].topic != run.partition->at.topic)) {
        --last;
      }
      if (records[last].partition == run.partition->at.partition &&
          records[last].topic == run.partition->at.topic) {
        int64_t next = records[last].offset + 1;
        if (run.partition->end && next > *run.partition->end) next = *run.partition->end;
        run.partition->next = std::max(run.partition->next, next);
        if (run.partition->state) run.partition->last_record = {records[last].offset, digest_of(records[last])};
      }
      first = run.last + 1;
    }
  }
  if (processor_->ended() != Processor::End::no) return;
  for (const auto& end : polled.ends) {
    OwnedPartition* partition = owned_.find(end.at.topic, end.at.partition);
    if (!partition) continue;
    if (!partition->at_log_end && end.offset >= partition->next) {
      partition->at_log_end = true;
      partition->silent_since_us = clock_.steady_us();
    }
    if (end.offset <= partition->next) continue;
    partition->next = partition->end ? std::min(end.offset, *partition->end) : end.offset;
  }
}

void Worker::tick() {
  const int64_t now = clock_.wall_ms();
  const auto one = [&](Stage& stage, OwnedPartition* partition) {
    const auto due = stage.next_wakeup();
    if (!due || *due > now || processor_->ended() != Processor::End::no) return;
    begin_if_needed();
    if (partition) partition->touched = true;
    processor_->tick(stage, now);
  };
  if (stage_) {
    if (!owned_.empty()) one(*stage_, nullptr);
  } else {
    for (const auto& partition : owned_.all()) {
      speak_for(*partition);
      one(*partition->stage, partition.get());
    }
  }
}

// A partition at its end, with nothing coming (26). An end that a transaction holds back is not one.
void Worker::tell_silence() {
  if (!parts_.job.stateful || clock_.steady_us() - last_silence_us_ < kSilenceUs) return;
  last_silence_us_ = clock_.steady_us();
  for (const auto& partition : owned_.all()) {
    if (processor_->ended() != Processor::End::no) return;
    if (!partition->at_log_end || consumer_->fetched_watermarks(partition->at).high > partition->next) continue;
    if (!parts_.plan.repartition.empty()) continue;
    const int64_t silent_ms = (last_silence_us_ - partition->silent_since_us) / 1000;
    speak_for(*partition);
    processor_->silent(*partition->stage, partition->at.partition, silent_ms);
    if (partition->stage->dirty_rows() > 0) begin_if_needed();
  }
  if (!parts_.plan.repartition.empty()) tell_sources_silence();
}

// Behind a repartition it is the sources that fall silent, wherever they are read: the group has committed their ends. What
// came of them must have been read too, which an end met since then shows.
void Worker::tell_sources_silence() {
  const auto& [topic, count] = parts_.plan.inputs.front();
  const bool any_at_end = std::any_of(owned_.all().begin(), owned_.all().end(),
                                      [](const auto& one) { return one->state && one->at_log_end; });
  if (!any_at_end) return;
  std::vector<kafka::TopicPartition> sources;
  for (int32_t p = 0; p < count; ++p) sources.push_back({topic, p});
  for (const auto& commit : parts_.admin.committed(parts_.plan.group, sources)) {
    const int64_t high = parts_.admin.watermarks(commit.at).high;
    if (high > 0 && commit.offset < high) {
      source_silent_since_us_.erase(commit.at.partition);
      continue;
    }
    const auto since = source_silent_since_us_.emplace(commit.at.partition, last_silence_us_).first->second;
    for (const auto& partition : owned_.all()) {
      if (!partition->state || !partition->at_log_end || processor_->ended() != Processor::End::no) continue;
      if (consumer_->fetched_watermarks(partition->at).high > partition->next) continue;
      speak_for(*partition);
      processor_->silent(*partition->stage, commit.at.partition, (last_silence_us_ - since) / 1000);
      if (partition->stage->dirty_rows() > 0) begin_if_needed();
    }
  }
}

// What was read of the repartition topic and committed is of no use to anybody (20).
void Worker::delete_repartitioned() {
  if (parts_.plan.repartition.empty() || parts_.plan.in_memory || parts_.around.helpers == std::launch::deferred) return;
  const int64_t now = clock_.steady_us();
  if (last_deletion_us_ == 0) last_deletion_us_ = now;
  if (now - last_deletion_us_ < kDeletionUs) return;
  if (deletion_.valid() && deletion_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  last_deletion_us_ = now;
  std::vector<kafka::PartitionOffset> before;
  for (const auto& one : owned_.all()) {
    if (one->state && one->committed > 0) before.push_back({one->at, one->committed, {}});
  }
  if (before.empty()) return;
  deletion_ = std::async(std::launch::async, [&admin = parts_.admin, before] {
    try {
      admin.delete_records(before);
    } catch (const Error&) {
      // Only room is lost; the next time deletes it too.
    }
  });
}

void Worker::speak_for(const OwnedPartition& partition) {
  if (stage_) return outputs_->set_home(nullptr, false);
  const bool is_in_front = !partition.state && !parts_.plan.repartition.empty();
  outputs_->set_home(&partition.at, is_in_front);
  processor_->set_role(is_in_front                        ? Processor::Role::in_front
                       : parts_.plan.repartition.empty() ? Processor::Role::whole
                                                          : Processor::Role::behind);
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
      offsets.push_back({one->at, one->next, parts_.plan.fingerprint});
  }
  if (!offsets.empty()) return offsets;
  // A transaction without offsets would not be fenced (1).
  for (const auto& one : owned_.all()) offsets.push_back({one->at, one->next, parts_.plan.fingerprint});
  return offsets;
}

size_t Worker::dirty_rows() const {
  size_t rows = 0;
  for (const auto& one : owned_.all()) {
    if (one->stage) rows += one->stage->dirty_rows();
  }
  return rows;
}

// Whether somebody waits for the open transaction.
bool Worker::visible() const {
  return outputs_->written() > opened_out_ || dirty_rows() > 0;
}

void Worker::commit_if_due() {
  if (!committer_->open()) {
    if (!positions_moved()) return;
    begin_if_needed();  // an end behind transaction markers: only the position moves
  }
  if (pacer_.due(clock_.steady_us(), lag(), visible(), dirty_rows())) commit();
}

void Worker::before_commit() {
  if (stage_) return processor_->before_commit(*stage_);
  const uint64_t failures = parts_.report.counts.failures;
  for (const auto& one : owned_.all()) {
    speak_for(*one);
    const uint64_t out = outputs_->written();
    processor_->before_commit(*one->stage);
    if (outputs_->written() != out || (one->state && one->state->has_changes())) one->touched = true;
  }
  if (parts_.report.counts.failures != failures && parts_.policy == OnError::Policy::fail) {
    committer_->abort();
    throw Error(ExitCode::bad_record, "what the state makes cannot be written; the transaction is aborted");
  }
}

// The rows of the open transaction, each partition's meta row among them, into the changelog.
void Worker::write_changes(const std::vector<kafka::PartitionOffset>& offsets) {
  if (!parts_.job.stateful) return;
  kafka::Producer& producer = *committer_->producers().at(committer_->producer_index());
  const int64_t now = clock_.wall_ms();
  for (const auto& offset : offsets) {
    OwnedPartition& partition = *owned_.find(offset.at.topic, offset.at.partition);
    if (!partition.state) continue;
    const StateMark mark{partition.at, offset.offset, now, parts_.plan.fingerprint,
                         parts_.plan.inputs.front().second, partition.last_record};
    for (const state::Change& change : partition.state->changes(mark)) {
      Output row;
      row.key = MaybeBytes(change.key);
      row.value = change.value;
      producer.produce(parts_.plan.changelog, partition.at.partition, row);
    }
  }
  if (outside_) outside_->flush();
  check_changelog(producer, offsets);
}

// The changelog's offsets only grow, unless somebody deleted it and made it anew while we work: then it lacks rows that
// the state has. Found before the commit, for afterwards it would look like a state of its own.
void Worker::check_changelog(kafka::Producer& producer, const std::vector<kafka::PartitionOffset>& offsets) {
  producer.flush();
  for (const auto& offset : offsets) {
    OwnedPartition& partition = *owned_.find(offset.at.topic, offset.at.partition);
    if (!partition.state) continue;
    partition.changes_end = producer.delivered_offset(parts_.plan.changelog, partition.at.partition) + 1;
    const int64_t applied = partition.state->changelog_offset().value_or(0);
    if (partition.changes_end == 0 || partition.changes_end > applied) continue;
    committer_->abort();
    throw usage_error("the changelog topic " + parts_.plan.changelog + " was deleted and made anew while this worked: partition " +
                          std::to_string(partition.at.partition) + " ends at " + std::to_string(partition.changes_end) +
                          ", its rows stand at " + std::to_string(applied),
                      "nothing was committed to it; start from the beginning under another name with -g NAME");
  }
}

void Worker::apply_changes(const std::vector<kafka::PartitionOffset>& offsets) {
  if (!parts_.job.stateful) return;
  for (const auto& offset : offsets) {
    OwnedPartition& partition = *owned_.find(offset.at.topic, offset.at.partition);
    if (!partition.state) continue;
    const int64_t end = partition.changes_end;
    partition.state->applied(end == 0 ? std::nullopt : std::optional<int64_t>(end), clock_.wall_ms());
  }
}

void Worker::commit() {
  if (!committer_->open()) {
    if (!positions_moved()) return;
    begin_if_needed();
  }
  before_commit();
  const auto offsets = positions_to_commit();
  if (offsets.empty()) {
    throw KafkaError(ExitCode::delivery, Severity::abort, 0,
                     "no partition is left that the outputs belong to");
  }
  const int64_t behind = lag();
  write_changes(offsets);
  committer_->commit(offsets, *consumer_, held_as_);
  apply_changes(offsets);
  for (const auto& one : owned_.all()) {
    one->committed = one->next;
    one->touched = false;
  }
  checkpoint_ = processor_->checkpoint();
  if (parts_.around.observer) parts_.around.observer->committed(checkpoint_.counts);
  pacer_.committed(behind);
  aborts_in_a_row_ = 0;
  has_committed_ = true;
}

void Worker::abort_and_rewind() {
  if (committer_->open()) {
    committer_->abort();
    if (parts_.around.observer) parts_.around.observer->aborted();
  }
  processor_->roll_back(checkpoint_);
  // A stage may hold what the transaction put into it.
  if (stage_) {
    stage_ = parts_.job.make_stage(StageContext{-1, nullptr, &clock_});
  } else {
    for (const auto& one : owned_.all()) {
      one->stage.reset();
      if (one->state) one->state->discard();
      one->stage = make_stage(*one);
    }
  }
  rewind();
  rewind_needed_ = false;
}

void Worker::rewind() {
  if (owned_.empty()) return;
  std::vector<kafka::TopicPartition> partitions;
  for (const auto& one : owned_.all()) partitions.push_back(one->at);
  std::vector<kafka::PartitionOffset> to = consumer_->committed(partitions);
  for (auto& position : to) {
    if (position.offset != kafka::kOffsetNone) continue;
    const OwnedPartition& one = *owned_.find(position.at.topic, position.at.partition);
    // Where we began is only right if nothing was ever committed: what was is gone, with the topic that it belonged to.
    if (one.committed != kafka::kOffsetNone) {
      throw usage_error("group " + parts_.plan.group + " has lost its offset in " + position.at.topic + " [" +
                            std::to_string(position.at.partition) + "], which was " + std::to_string(one.committed) +
                            ": the topic was deleted and made anew, or the offset was",
                        "start from the beginning under another name with -g NAME");
    }
    position.offset = one.first;
  }
  // Asked only after the broker refused a position: a question more would be one more that an outage fails.
  if (std::exchange(offset_gone_, false)) judge_gaps(to, parts_.admin, parts_.job.accept_gap, parts_.log);
  for (const auto& position : to) {
    OwnedPartition* one = owned_.find(position.at.topic, position.at.partition);
    one->next = one->committed = position.offset;
    one->touched = false;
  }
  consumer_->rewind(to);
}

void Worker::leave() {
  try {
    consumer_->leave(*this, parts_.job.stay && !rejoins_);
    for (const auto& one : owned_.all()) close_state(*one);  // with --stay nothing was revoked
  } catch (const KafkaError& error) {
    // All is committed; the group finds out by its session time-out.
    if (parts_.job.verbose > 0) parts_.log.note(std::string("left the group the hard way: ") + error.what());
  }
}

// --- time ---

int64_t Worker::lag() {
  int64_t sum = 0;
  for (const auto& one : owned_.all()) {
    int64_t high = consumer_->fetched_watermarks(one->at).high;
    if (one->end) high = std::min(high, *one->end);
    sum += std::max<int64_t>(0, high - one->next);
  }
  return sum;
}

Millis Worker::patience() {
  Millis wait = assigned_.empty() ? kGlance : kOpeningLook;
  if (committer_->open()) wait = std::min(wait, pacer_.patience(clock_.steady_us(), lag(), visible()));
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

void Worker::note_time() {
  const int64_t now = clock_.steady_us();
  if (now - last_turn_us_ > kAwayUs) was_away_ = true;
  last_turn_us_ = now;
  if (member_id_.empty() || now - member_noted_us_ > kMemberNoteUs) {
    member_noted_us_ = now;
    note_member();
  }
}

void Worker::watch_left_out() {
  if (!left_out_ || member_id_.empty() || !left_out_->look(clock_.steady_us())) return;
  std::string names;
  for (const auto& at : left_out_->left_out()) names += ' ' + at.topic + '-' + std::to_string(at.partition);
  parts_.log.note("the group has given to nobody:" + names + "; joining anew");
}

void Worker::note_member() {
  const kafka::GroupMetadata group = consumer_->group_metadata();
  if (group.usable()) member_id_ = group.member_id;
}

const std::string& Worker::member_id() {
  if (consumer_) note_member();
  return member_id_;
}

}  // namespace kutils::flow
