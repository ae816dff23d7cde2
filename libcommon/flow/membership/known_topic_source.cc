#include "flow/membership/known_topic_source.h"

#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "flow/membership/partition_watch.h"

namespace kutils::flow {
namespace {

constexpr int64_t kGapUs = 100'000;
constexpr int64_t kLookUs = 1'000'000;
constexpr int64_t kReadLimitUs = 3'000'000;
constexpr Millis kGlance{50};

class KnownTopicSource final : public io::Source {
 public:
  KnownTopicSource(std::unique_ptr<io::Source> source, const Environment& around, std::string hint,
                   KnownRecord read_before)
      : source_(std::move(source)), around_(around), hint_(std::move(hint)) {
    if (read_before.record.offset != kNoOffset) topics_[read_before.at.topic].known = std::move(read_before);
  }

  io::Fill poll(Batch& batch, Millis wait) override {
    const io::Fill fill = source_->poll(batch, wait);
    if (!batch.empty()) took(batch.records().back());
    look();
    return fill;
  }
  const std::vector<io::BadRecord>& bad_records() const override { return source_->bad_records(); }
  std::vector<kafka::TopicPartition> at_end() const override { return source_->at_end(); }
  bool may_give(const kafka::TopicPartition& at) const override { return source_->may_give(at); }
  void add(const std::vector<kafka::TopicPartition>& added) override { source_->add(added); }

 private:
  enum class Finding { is_known, different, unknown };
  struct Topic {
    KnownRecord known;      // of the topic as we began with it
    KnownRecord newest;     // came after a gap; offset kNoOffset: nothing did
    int64_t last_us = 0;    // records came
    int looks_shorter = 0;  // in a row found the log ending before the mark
  };
  struct Answer {
    std::string topic;
    KnownRecord newest;
    Finding found = Finding::unknown;
    bool is_shorter = false;
  };

  void took(const Record& last) {
    if (last.topic.empty() || last.offset < 0) return;
    Topic& topic = topics_[std::string(last.topic)];
    const KnownRecord mark{{std::string(last.topic), last.partition}, {last.offset, digest_of(last)}};
    const int64_t now = around_.clock.steady_us();
    const bool has_gap = now - std::exchange(topic.last_us, now) > kGapUs;
    if (topic.known.record.offset == kNoOffset || (!has_gap && topic.newest.record.offset == kNoOffset)) {
      topic.known = mark;
    } else {
      topic.newest = mark;
    }
  }

  void look() {
    if (answer_.valid()) {
      if (answer_.is_ready()) judge(answer_.get());
      return;
    }
    const int64_t now = around_.clock.steady_us();
    if (now < next_look_us_) return;
    for (const auto& [name, topic] : topics_) {
      if (topic.newest.record.offset == kNoOffset) continue;
      next_look_us_ = now + kLookUs;
      answer_ = run_beside(around_.executor, [this, name = name, known = topic.known, newest = topic.newest] {
        return ask(name, known, newest);
      });
      return;
    }
  }

  void judge(const Answer& answer) {
    Topic& topic = topics_[answer.topic];
    topic.looks_shorter = answer.is_shorter ? topic.looks_shorter + 1 : 0;
    if (answer.found == Finding::different || topic.looks_shorter >= kShorterLooks)
      throw usage_error("the record at " + topic.known.at.topic + " [" +
                            std::to_string(topic.known.at.partition) + "] @ " +
                            std::to_string(topic.known.record.offset) +
                            " is not the one that was read: the topic was deleted and recreated, or it lost "
                            "records; its first records may have been skipped",
                        hint_);
    if (answer.found != Finding::is_known) return;
    topic.known = answer.newest;
    if (topic.newest.at == answer.newest.at && topic.newest.record.offset == answer.newest.record.offset)
      topic.newest.record.offset = kNoOffset;
  }

  // --- on the helper's thread ---

  Answer ask(const std::string& topic, const KnownRecord& known, const KnownRecord& newest) {
    Answer answer{topic, newest};
    try {
      answer.found = read_again(known);
      if (answer.found == Finding::unknown) judge_by_ends(known, answer);
    } catch (const Error&) {
      // An outage: the next look.
    }
    return answer;
  }

  Finding read_again(const KnownRecord& known) {
    Finding found = Finding::unknown;
    try {
      if (!reader_) reader_ = around_.make_mark_reader();
      reader_->start({{known.at, known.record.offset, {}}});
      const int64_t until = around_.clock.steady_us() + kReadLimitUs;
      for (bool ends = false; !ends && around_.clock.steady_us() < until && around_.stop.signal() == 0;) {
        Batch batch;
        const kafka::Polled polled = reader_->poll(batch, kGlance);
        for (const Record& record : batch.records()) {
          if (record.topic != known.at.topic || record.partition != known.at.partition || ends) continue;
          const bool is_there = record.offset == known.record.offset;
          found =
              is_there && digest_of(record) != known.record.digest ? Finding::different : Finding::is_known;
          ends = true;
        }
        for (const auto& end : polled.ends) {
          if (!(end.at == known.at) || ends) continue;
          if (end.offset > known.record.offset) found = Finding::is_known;  // compacted away
          ends = true;
        }
      }
      reader_->stop(known.at);
    } catch (const kafka::KafkaError&) {
      reader_.reset();
    }
    return found;
  }

  void judge_by_ends(const KnownRecord& known, Answer& answer) {
    if (!admin_) {
      admin_ = around_.make_admin();
      admin_->try_once();
    }
    const kafka::Watermarks log = admin_->watermarks(known.at);
    answer.is_shorter = log.high <= known.record.offset;
    if (log.low > known.record.offset) answer.found = Finding::is_known;  // removed by retention
  }

  const std::unique_ptr<io::Source> source_;
  const Environment around_;
  const std::string hint_;
  std::map<std::string, Topic> topics_;
  int64_t next_look_us_ = 0;
  // The helper's.
  std::unique_ptr<kafka::PartitionReader> reader_;
  std::unique_ptr<kafka::Admin> admin_;
  Task<Answer> answer_;
};

}  // namespace

std::unique_ptr<io::Source> make_known_topic_source(std::unique_ptr<io::Source> source,
                                                    const Environment& around, std::string hint,
                                                    KnownRecord read_before) {
  if (!around.make_mark_reader) return source;
  return std::make_unique<KnownTopicSource>(std::move(source), around, std::move(hint),
                                            std::move(read_before));
}

}  // namespace kutils::flow
