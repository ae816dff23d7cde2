#include "flow/membership/mark_check.h"

#include <chrono>
#include <vector>

#include "flow/membership/partition_watch.h"

namespace kutils::flow {
namespace {

constexpr Millis kReadLimit{3000};
constexpr Millis kEndLimit{1000};  // once the program is asked to end
constexpr Millis kGlance{50};

}  // namespace

kafka::Admin& MarkCheck::admin() {
  if (!admin_) {
    admin_ = around_.make_admin();
    admin_->try_once();
  }
  return *admin_;
}

void MarkCheck::check(const Marks& marks, Findings& found) {
  Marks open;
  for (const auto& [at, mark] : marks) {
    found[at] = Finding::unknown;
    // To read at an offset that is not there ends the reader; one that retention has removed is not looked for again.
    if (removed_.count(at) > 0 && admin().watermarks(at).low > mark.offset) {
      found[at] = Finding::gone;
    } else {
      open.emplace(at, mark);
    }
  }
  if (open.empty()) return;
  if (!reader_) reader_ = around_.make_mark_reader();
  const auto finish = [&](const kafka::TopicPartition& at, Finding finding) {
    found[at] = finding;
    open.erase(at);
    reader_->stop(at);
  };
  std::map<kafka::TopicPartition, bool> doubtful;  // whether the log was read beyond the mark
  try {
    std::vector<kafka::PartitionOffset> from;
    for (const auto& [at, mark] : open) from.push_back({at, mark.offset, {}});
    reader_->start(from);
    const int64_t began = around_.clock.steady_us();
    const auto is_over = [&] {
      const Millis limit = around_.stop.signal() == 0 ? kReadLimit : kEndLimit;
      return around_.clock.steady_us() - began >= std::chrono::microseconds(limit).count();
    };
    while (!open.empty() && !is_over()) {
      Batch batch;
      const kafka::Polled polled = reader_->poll(batch, kGlance);
      for (const Record& record : batch.records()) {
        const kafka::TopicPartition at{std::string(record.topic), record.partition};
        const auto mark = open.find(at);
        if (mark == open.end()) continue;
        const bool is_there = record.offset == mark->second.offset;
        const bool is_same = is_there && digest_of(record) == mark->second.digest;
        finish(at, is_same ? Finding::same : is_there ? Finding::different : Finding::gone);
      }
      for (const auto& end : polled.ends) {
        const auto mark = open.find(end.at);
        if (mark == open.end()) continue;
        doubtful[end.at] = end.offset > mark->second.offset;
        finish(end.at, Finding::unknown);
      }
    }
    for (const auto& [at, mark] : Marks(open)) finish(at, Finding::unknown);
  } catch (const kafka::KafkaError&) {
    // One of the offsets is not there, or the reader cannot go on: the logs' ends tell.
    for (const auto& [at, mark] : open) doubtful[at] = false;
    reader_.reset();
  }
  for (const auto& [at, was_passed] : doubtful)
    found[at] = judge_by_ends(at, marks.at(at).offset, was_passed);
}

MarkCheck::Finding MarkCheck::judge_by_ends(const kafka::TopicPartition& at, int64_t offset,
                                            bool was_passed) {
  const kafka::Watermarks log = admin().watermarks(at);
  if (log.high > offset) {
    shorter_.erase(at);
    if (log.low > offset) removed_.insert(at);
    return was_passed || log.low > offset ? Finding::gone : Finding::unknown;  // by retention or compaction
  }
  // Twice, for a new leader may be a moment behind.
  return ++shorter_[at] >= kShorterLooks ? Finding::different : Finding::unknown;
}

}  // namespace kutils::flow
