#include "flow/run/plain_loop.h"

#include <algorithm>
#include <thread>

#include "flow/run/commit_observer.h"
#include "flow/topology/waiting.h"

namespace kutils::flow {
namespace {

// How long a quiet input may keep us from seeing that the reader hung up or that we are asked to stop.
constexpr Millis kGlance{100};
constexpr int64_t kIdleUs = 1'000'000;

}  // namespace

void PlainLoop::run() {
  Batch batch;
  bool ended = false;
  tell_ended();
  while (!ended && parts_.processor.ended() == Processor::End::no && parts_.stop.signal() == 0) {
    batch.clear();
    io::Fill fill = parts_.source.poll(batch, Millis(0));
    if (fill == io::Fill::nothing) {
      settle();
      if (parts_.outputs.reader_gone()) throw io::ReaderGone();
      batch.clear();
      fill = parts_.source.poll(batch, poll_timeout());
    }
    take(batch);
    parts_.progress.update(parts_.report.counts.in, std::nullopt);
    if (late_) late_->look(parts_.report.counts, parts_.clock.steady_us());
    if (parts_.observer) parts_.observer->turned(std::nullopt, 0);
    if (parts_.each_turn) parts_.each_turn();
    if (auto due = parts_.stage.next_wakeup(); due && *due <= parts_.clock.wall_ms()) {
      parts_.processor.tick(parts_.stage, parts_.clock.wall_ms());
      dirty_ = true;
    }
    ended = fill == io::Fill::end;
    if (ended) break;
    tell_ended();
    note_quiet(batch);
    if (parts_.silence)
      tell_topics_silence();
    else
      tell_silence();
  }
  if (ended || parts_.processor.read_enough()) wait_for_waiting();
  if ((ended && parts_.processor.ended() == Processor::End::no) || parts_.processor.read_enough()) {
    parts_.processor.begin({});  // the last batch's records are gone
    parts_.processor.close(parts_.stage);
    dirty_ = true;
  }
  settle();
  const bool is_well = (ended || parts_.processor.ended() == Processor::End::limit) &&
                       parts_.processor.ended() != Processor::End::failed &&
                       parts_.report.counts.failures == 0;
  if (const uint64_t lost = count_waiting(parts_.stage); lost > 0 && parts_.log && parts_.stop.signal() != 0)
    parts_.log->error(std::to_string(lost) + (lost == 1 ? " record was" : " records were") +
                      " still waiting for their time and are lost: records wait in memory here.\n"
                      "  between topics they wait on disk, and none is lost");
  if (!is_well) parts_.outputs.spare();
  parts_.outputs.close();
}

// What the stage holds until its time goes out then, not with the end of the input.
void PlainLoop::wait_for_waiting() {
  const auto goes_on = [&] {
    return parts_.stop.signal() == 0 && count_waiting(parts_.stage) > 0 &&
           (parts_.processor.ended() == Processor::End::no || parts_.processor.read_enough());
  };
  parts_.processor.begin({});  // the last batch's records are gone
  while (goes_on()) {
    settle();
    if (parts_.outputs.reader_gone()) throw io::ReaderGone();
    std::this_thread::sleep_for(poll_timeout());
    parts_.processor.tick(parts_.stage, parts_.clock.wall_ms());
    dirty_ = true;
  }
}

// As between topics (rule 26): --idle, and partitions without records that would hold stream time
// back.
void PlainLoop::note_quiet(const Batch& batch) {
  const int64_t now = parts_.clock.steady_us();
  // A process that stood still heard nothing: that is no silence.
  if (now - last_look_us_ > IdleSourceMonitor::kGapUs) idle_since_us_.clear();
  last_look_us_ = now;
  const Record* last = nullptr;
  for (const Record& record : batch.records()) {
    if (last && last->partition == record.partition && last->topic == record.topic) continue;
    last = &record;
    idle_since_us_.erase({std::string(record.topic), record.partition});
  }
  const auto quiet = parts_.source.at_end();
  std::erase_if(idle_since_us_, [&](const auto& one) {
    return std::find(quiet.begin(), quiet.end(), one.first) == quiet.end();
  });
  for (const auto& at : quiet) idle_since_us_.emplace(at, now);
}

// Of lines: who is waited for says nothing.
void PlainLoop::tell_silence() {
  const int64_t now = last_look_us_;
  if (now - last_idle_look_us_ < kIdleUs) return;
  last_idle_look_us_ = now;
  for (const auto& [at, since] : idle_since_us_) {
    if (now - since < kIdleUs || parts_.processor.ended() != Processor::End::no) continue;
    parts_.processor.silent(parts_.stage, number_of(at), (now - since) / 1000);
    dirty_ = true;
  }
}

// Of topics: their leaders say so.
void PlainLoop::tell_topics_silence() {
  std::vector<kafka::PartitionOffset> positions;
  for (const auto& [at, since] : idle_since_us_) positions.push_back({at, INT64_MAX, {}});
  const auto found = parts_.silence->look(positions);
  if (!found) return;
  for (const auto& one : found->silent) {
    const auto since = idle_since_us_.find(one.at);
    if (since == idle_since_us_.end() || since->second > found->asked_us || one.ms < kIdleUs / 1000 ||
        parts_.processor.ended() != Processor::End::no)
      continue;
    parts_.processor.silent(parts_.stage, number_of(one.at), one.ms);
    dirty_ = true;
  }
}

// What will give nothing more must not hold stream time back until the end of the input.
void PlainLoop::tell_ended() {
  const auto count = static_cast<int32_t>(parts_.sources.size());
  if (count <= 1) return;
  for (int32_t source = 0; source < count; ++source) {
    if (parts_.processor.ended() != Processor::End::no) return;
    if (parts_.source.may_give(parts_.sources[static_cast<size_t>(source)]) || !ended_.insert(source).second)
      continue;
    parts_.processor.source_ended(parts_.stage, source);
    dirty_ = true;
  }
}

int32_t PlainLoop::number_of(const kafka::TopicPartition& at) const {
  const auto found = std::find(parts_.sources.begin(), parts_.sources.end(), at);
  return found == parts_.sources.end() ? at.partition : static_cast<int32_t>(found - parts_.sources.begin());
}

void PlainLoop::take(const Batch& batch) {
  const auto& records = batch.records();
  const auto& bad = parts_.source.bad_records();
  if (records.empty() && bad.empty()) return;
  dirty_ = true;
  if (!records.empty()) record_time_ms_ = std::max(record_time_ms_, records.back().timestamp);
  parts_.processor.begin(records);
  size_t at = 0;
  for (const io::BadRecord& one : bad) {
    const size_t before = std::min(one.before, records.size());
    if (before > at)
      at += parts_.processor.process(parts_.stage, std::span(records).subspan(at, before - at));
    // What came before it shall be out before it is reported.
    parts_.processor.flush(parts_.stage);
    parts_.processor.bad_record(one.origin, one.error);
  }
  if (at < records.size()) at += parts_.processor.process(parts_.stage, std::span(records).subspan(at));
  parts_.processor.flush(parts_.stage);
  if (parts_.taken) parts_.taken(batch, parts_.processor.done(at));
}

void PlainLoop::settle() {
  if (!dirty_) return;
  const int64_t began_us = parts_.clock.steady_us();
  parts_.outputs.flush();
  if (parts_.delivered) parts_.delivered();
  tell_commit(parts_.observer, {parts_.clock.steady_us() - began_us, record_time_ms_});
  if (parts_.observer) parts_.observer->committed(parts_.report.counts);
  dirty_ = false;
}

Millis PlainLoop::poll_timeout() const {
  const auto due = parts_.stage.next_wakeup();
  if (!due) return kGlance;
  return std::clamp(Millis(*due - parts_.clock.wall_ms()), Millis(0), kGlance);
}

}  // namespace kutils::flow
