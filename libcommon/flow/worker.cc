#include "flow/worker.h"

#include <algorithm>
#include <future>
#include <limits>

#include "flow/gaps.h"
#include "flow/sink_outputs.h"

namespace kutils::flow {
namespace {

// How long a quiet topic may keep us from seeing that we are asked to stop.
constexpr Millis kGlance{100};
constexpr int64_t kEndCheckUs = 100'000;
// A loop that stood still this long may have lost its partitions or its transaction.
constexpr int64_t kAwayUs = 2'500'000;
constexpr int64_t kMemberNoteUs = 1'000'000;
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

// One set of sinks for each producer of the committer: a sink writes through one producer only.
class Worker::CycleOutputs final : public Outputs {
 public:
  CycleOutputs(const Parts& parts, Committer& committer) : committer_(committer), lines_(parts.lines) {
    for (kafka::Producer* producer : committer.producers()) {
      std::vector<std::unique_ptr<io::Sink>> ports;
      for (const std::string& topic : parts.plan.outputs) {
        ports.push_back(parts.around.make_topic_sink(*producer, parts.admin, topic, parts.plan.inputs));
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
    return set().write(origin, output);
  }
  void dead_letter(const Record& origin, const RecordError& error) override {
    set().dead_letter(origin, error);
  }

 private:
  SinkOutputs& set() { return lines_ ? *lines_ : *sets_[committer_.producer_index()]; }

  Committer& committer_;
  SinkOutputs* lines_;
  std::vector<std::unique_ptr<SinkOutputs>> sets_;
};

Worker::Worker(const Parts& parts)
    : parts_(parts),
      clock_(parts.around.clock),
      pacer_(parts.plan.exactly_once || parts.lines ? parts.job.commit_min : parts.job.commit_max,
             parts.job.commit_max, transaction_limit(parts.job)),
      checkpoint_(parts.counted) {}

Worker::~Worker() = default;

Processor::End Worker::ended() const { return processor_ ? processor_->ended() : Processor::End::no; }

void Worker::open() {
  const std::string& id = parts_.slot.transactional_id();
  if (parts_.lines) {
    committer_ = std::make_unique<LineCommits>([lines = parts_.lines] { lines->flush(); });
  } else if (parts_.plan.exactly_once) {
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
  outputs_ = std::make_unique<CycleOutputs>(parts_, *committer_);
  processor_ = std::make_unique<Processor>(parts_.policy,
                                           Processor::Limits{parts_.job.max_input, parts_.job.max_output},
                                           *outputs_, parts_.report);
  processor_->roll_back(checkpoint_);
  if (!parts_.job.stateful) stage_ = parts_.job.make_stage(StageContext{-1, nullptr, &clock_});
  consumer_ = parts_.around.make_group_consumer(parts_.plan.group, parts_.slot.instance_id());
  consumer_->subscribe(parts_.plan.subscription);
  last_turn_us_ = clock_.steady_us();
}

void Worker::run() {
  open();
  while (!finished()) {
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
  if (rebalance_error_) std::rethrow_exception(std::exchange(rebalance_error_, nullptr));
  if (rewind_needed_) return;  // what was polled stands behind what was aborted
  admit_assigned();
  take(polled);
  tick();
  commit_if_due();
  if (parts_.lines && !polled.any && parts_.lines->reader_gone()) throw io::ReaderGone();
  parts_.progress.update(parts_.report.counts.in, lag());
}

bool Worker::finished() {
  if (parts_.around.stop.signal() != 0 || processor_->ended() != Processor::End::no) {
    if (processor_->ended() == Processor::End::failed && processor_->failed_half_way()) {
      // The record had written before it failed: that cannot be committed without the rest of it.
      committer_->abort();
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
  if (!parts_.plan.has_ends || rewind_needed_ || !assigned_.empty() || !owned_.all_at_end()) return false;
  if (clock_.steady_us() - last_end_check_us_ < kEndCheckUs) return false;
  last_end_check_us_ = clock_.steady_us();
  try {
    commit();
    return group_reached_ends();
  } catch (const KafkaError& error) {
    if (error.severity() == Severity::fatal) throw;
    rewind_needed_ = true;
    return false;
  }
}

bool Worker::group_reached_ends() {
  std::vector<kafka::TopicPartition> partitions;
  for (const auto& [at, end] : parts_.plan.ends) partitions.push_back(at);
  for (const auto& commit : consumer_->committed(partitions)) {
    if (commit.offset < parts_.plan.ends.at(commit.at)) return false;
  }
  return true;
}

// --- the group's events ---

void Worker::on_assigned(const std::vector<kafka::TopicPartition>& partitions) {
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
    owned_.remove(at);
    assigned_.erase(std::remove(assigned_.begin(), assigned_.end(), at), assigned_.end());
  }
}

void Worker::admit_assigned() {
  if (assigned_.empty()) return;
  const std::vector<kafka::PartitionOffset> commits = consumer_->committed(assigned_);
  std::vector<kafka::TopicPartition> fresh;
  for (const auto& commit : commits) {
    if (commit.offset == kafka::kOffsetNone) fresh.push_back(commit.at);
  }
  std::vector<PartitionRange> starts;
  if (!fresh.empty()) {
    // Partitions that came after the group's first start are read from their beginning (19).
    Range from_beginning;
    std::vector<kafka::TopicPartition> asked, later;
    for (const auto& at : fresh) {
      const auto known = parts_.plan.earlier_counts.find(at.topic);
      const bool is_later = known != parts_.plan.earlier_counts.end() && at.partition >= known->second;
      (is_later ? later : asked).push_back(at);
    }
    Range start = parts_.job.range;
    start.until.clear();
    start.exit_at_end = false;
    if (!asked.empty()) starts = parts_.around.resolve_range(parts_.admin, start, asked);
    if (!later.empty()) {
      auto more = parts_.around.resolve_range(parts_.admin, from_beginning, later);
      starts.insert(starts.end(), more.begin(), more.end());
    }
    // Committed before the first record: a restart, or another member, must not resolve it anew.
    std::vector<kafka::PartitionOffset> first;
    for (const auto& start_at : starts)
      first.push_back({start_at.at, start_at.from, parts_.plan.fingerprint});
    consumer_->commit(first);
  }
  std::vector<kafka::PartitionOffset> from;
  for (const auto& commit : commits) {
    int64_t offset = commit.offset;
    for (const auto& start_at : starts) {
      if (start_at.at == commit.at) offset = start_at.from;
    }
    from.push_back({commit.at, offset, commit.metadata});
  }
  for (const auto& position : from) {
    OwnedPartition partition;
    partition.at = position.at;
    partition.next = partition.committed = partition.first = position.offset;
    // An accepted change, or offsets set by hand: the group learns what it is for now.
    const bool is_fresh = std::find(fresh.begin(), fresh.end(), position.at) != fresh.end();
    if (!is_fresh && position.metadata != parts_.plan.fingerprint) partition.committed = kafka::kOffsetNone;
    if (parts_.plan.has_ends) {
      const auto end = parts_.plan.ends.find(position.at);
      // A partition that is newer than the ends is beyond them.
      partition.end = end == parts_.plan.ends.end() ? position.offset : end->second;
    }
    OwnedPartition& added = owned_.add(std::move(partition));
    if (parts_.job.stateful) {
      added.stage = parts_.job.make_stage(StageContext{added.at.partition, nullptr, &clock_});
    }
  }
  assigned_.clear();
  for (auto& position : from) position.metadata.clear();
  consumer_->start(from);
}

// --- records ---

Stage& Worker::stage_of(OwnedPartition& partition) { return partition.stage ? *partition.stage : *stage_; }

void Worker::begin_if_needed() {
  if (committer_->open()) return;
  committer_->begin();
  opened_out_ = parts_.report.counts.out + parts_.report.counts.dead_letters;
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
      }
      first = run.last + 1;
    }
  }
  if (processor_->ended() != Processor::End::no) return;
  for (const auto& end : polled.ends) {
    OwnedPartition* partition = owned_.find(end.at.topic, end.at.partition);
    if (!partition || end.offset <= partition->next) continue;
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
    for (const auto& partition : owned_.all()) one(*partition->stage, partition.get());
  }
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

void Worker::commit_if_due() {
  if (!committer_->open()) {
    if (!positions_moved()) return;
    begin_if_needed();  // an end behind transaction markers: only the position moves
  }
  const int64_t now = clock_.steady_us();
  const bool visible = parts_.report.counts.out + parts_.report.counts.dead_letters > opened_out_;
  if (pacer_.due(now, lag(), visible, 0)) commit();
}

void Worker::commit() {
  if (!committer_->open()) {
    if (!positions_moved()) return;
    begin_if_needed();
  }
  if (stage_) {
    processor_->before_commit(*stage_);
  } else {
    for (const auto& one : owned_.all()) processor_->before_commit(*one->stage);
  }
  const auto offsets = positions_to_commit();
  if (offsets.empty()) {
    throw KafkaError(ExitCode::delivery, Severity::abort, 0,
                     "no partition is left that the outputs belong to");
  }
  const int64_t behind = lag();
  committer_->commit(offsets, *consumer_);
  for (const auto& one : owned_.all()) {
    one->committed = one->next;
    one->touched = false;
  }
  checkpoint_ = processor_->checkpoint();
  pacer_.committed(behind);
  aborts_in_a_row_ = 0;
  has_committed_ = true;
}

void Worker::abort_and_rewind() {
  if (committer_->open()) committer_->abort();
  processor_->roll_back(checkpoint_);
  // A stage may hold what the transaction put into it.
  if (stage_) {
    stage_ = parts_.job.make_stage(StageContext{-1, nullptr, &clock_});
  } else {
    for (const auto& one : owned_.all()) {
      one->stage = parts_.job.make_stage(StageContext{one->at.partition, nullptr, &clock_});
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
    if (position.offset == kafka::kOffsetNone) {
      position.offset = owned_.find(position.at.topic, position.at.partition)->first;
    }
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
    consumer_->leave(*this, parts_.job.stay);
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
  Millis wait = kGlance;
  if (committer_->open()) {
    const bool visible = parts_.report.counts.out + parts_.report.counts.dead_letters > opened_out_;
    wait = std::min(wait, pacer_.patience(clock_.steady_us(), lag(), visible));
  }
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

void Worker::note_member() {
  const kafka::GroupMetadata group = consumer_->group_metadata();
  if (group.usable()) member_id_ = group.member_id;
}

const std::string& Worker::member_id() {
  if (consumer_) note_member();
  return member_id_;
}

}  // namespace kutils::flow
