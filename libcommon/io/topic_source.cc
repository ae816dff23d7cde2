#include "io/topic_source.h"

#include <algorithm>
#include <map>
#include <set>

namespace kutils::io {
namespace {

class TopicSource final : public Source {
 public:
  TopicSource(std::unique_ptr<kafka::PartitionReader> reader, const std::vector<PartitionRange>& ranges,
              const Clock& clock, kafka::ClientConfig::Note note)
      : reader_(std::move(reader)), clock_(clock), note_(std::move(note)) {
    std::vector<kafka::PartitionOffset> from;
    for (const PartitionRange& range : ranges) {
      if (range.end && range.from >= *range.end) continue;
      from.push_back({range.at, range.from, {}});
      if (range.end) ends_[range.at] = *range.end;
    }
    start(from);
  }

  void add(const std::vector<kafka::TopicPartition>& partitions) override {
    std::vector<kafka::PartitionOffset> from;
    for (const auto& at : partitions) from.push_back({at, 0, {}});
    start(from);
  }

  Fill poll(Batch& batch, Millis wait) override {
    if (open_ == 0) return Fill::end;
    const kafka::Polled polled = reader_->poll(batch, wait);
    note_ends(batch, polled);
    if (!ends_.empty()) {
      drop_beyond_ends(batch);
      for (const auto& met : polled.ends) {
        const auto end = ends_.find(met.at);
        if (end != ends_.end() && met.offset >= end->second) finish(met.at);
      }
      note_held_back();
    }
    if (open_ == 0) return Fill::end;
    return batch.empty() ? Fill::nothing : Fill::records;
  }

  std::vector<kafka::TopicPartition> at_end() const override {
    std::vector<kafka::TopicPartition> out;
    for (const auto& [at, there] : reading_)
      if (there) out.push_back(at);
    return out;
  }
  bool may_give(const kafka::TopicPartition& at) const override { return unfinished_.count(at) > 0; }

 private:
  void start(const std::vector<kafka::PartitionOffset>& from) {
    for (const auto& one : from) {
      ++open_;
      reading_[one.at] = false;
      unfinished_.insert(one.at);
    }
    if (!from.empty()) reader_->start(from);
  }

  void note_ends(const Batch& batch, const kafka::Polled& polled) {
    const Record* last = nullptr;
    for (const Record& record : batch.records()) {
      if (last && last->partition == record.partition && last->topic == record.topic) continue;
      last = &record;
      const kafka::TopicPartition at{std::string(record.topic), record.partition};
      reading_[at] = false;
      if (!held_back_.empty()) held_back_.erase(at);
    }
    // An end that an open transaction holds back is none.
    for (const auto& met : polled.ends) {
      const bool all = reading_[met.at] = met.offset >= reader_->fetched_high(met.at);
      if (all)
        held_back_.erase(met.at);
      else if (HeldBack& where = held_back_[met.at]; where.offset != met.offset)
        where = {met.offset, clock_.steady_us()};
    }
  }

  void note_held_back() {
    if (held_back_.empty() || !note_) return;
    const int64_t now = clock_.steady_us();
    for (const auto& [at, where] : held_back_) {
      const auto end = ends_.find(at);
      if (end == ends_.end() || now - where.since_us < std::chrono::microseconds(kHeldBackNote).count())
        continue;
      note_(held_back_text(at, where.offset, end->second) +
            "\n  -X isolation.level=read_uncommitted does not wait for it");
      note_ = nullptr;
      return;
    }
  }

  void drop_beyond_ends(Batch& batch) {
    auto& records = batch.records();
    size_t keep = 0;
    std::vector<kafka::TopicPartition> done;
    // Records come in runs of one partition.
    const int64_t* end = nullptr;
    std::string_view topic;
    int32_t partition = kNoPartition;
    bool known = false;
    for (size_t i = 0; i < records.size(); ++i) {
      const Record& record = records[i];
      if (!known || record.partition != partition || record.topic != topic) {
        topic = record.topic;
        partition = record.partition;
        known = true;
        const auto found = ends_.find({std::string(topic), partition});
        end = found == ends_.end() ? nullptr : &found->second;
      }
      if (end && record.offset + 1 >= *end) done.push_back({std::string(topic), partition});
      if (end && record.offset >= *end) continue;
      if (keep != i) records[keep] = record;
      ++keep;
    }
    records.resize(keep);
    for (const auto& at : done) finish(at);
  }

  void finish(const kafka::TopicPartition& at) {
    if (ends_.erase(at) == 0) return;
    reader_->stop(at);
    --open_;
    unfinished_.erase(at);
  }

  struct HeldBack {
    int64_t offset = -1;
    int64_t since_us = 0;
  };

  std::unique_ptr<kafka::PartitionReader> reader_;
  const Clock& clock_;
  kafka::ClientConfig::Note note_;  // until it was told
  std::map<kafka::TopicPartition, HeldBack> held_back_;
  std::map<kafka::TopicPartition, int64_t> ends_;  // of those that are not done
  std::map<kafka::TopicPartition, bool> reading_;  // whether all that is there was read
  size_t open_ = 0;
  std::set<kafka::TopicPartition> unfinished_;
};

}  // namespace

std::string held_back_text(const kafka::TopicPartition& at, int64_t offset, int64_t end) {
  return at.topic + " [" + std::to_string(at.partition) + "] @ " + std::to_string(offset) +
         ": waiting for the end at " + std::to_string(end) +
         ": a producer has an open transaction there; the records behind it can be read when it has ended";
}

std::unique_ptr<Source> make_topic_source(std::unique_ptr<kafka::PartitionReader> reader,
                                          const std::vector<PartitionRange>& ranges, const Clock& clock,
                                          kafka::ClientConfig::Note note) {
  return std::make_unique<TopicSource>(std::move(reader), ranges, clock, std::move(note));
}

std::unique_ptr<Source> make_topic_source(const kafka::ClientConfig& config,
                                          const std::vector<PartitionRange>& ranges, const Clock& clock) {
  return make_topic_source(kafka::make_partition_reader(config), ranges, clock, config.note());
}

}  // namespace kutils::io
