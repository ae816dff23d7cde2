#include "flow/membership/known_topic_source.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "flow/membership/mark_check.h"

namespace kutils::flow {
namespace {

constexpr int64_t kGapUs = 100'000;
constexpr int64_t kLookUs = 1'000'000;

class KnownTopicSource final : public io::Source {
 public:
  KnownTopicSource(std::unique_ptr<io::Source> source, const Environment& around, std::string hint,
                   KnownRecord read_before)
      : source_(std::move(source)), around_(around), hint_(std::move(hint)), check_(around) {
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
  struct Topic {
    KnownRecord known;     // of the topic as we began with it
    KnownRecord newest;    // came after a gap; offset kNoOffset: nothing did
    int64_t last_us = 0;   // records came
    int64_t known_us = 0;  // a look has found the mark to be what it was
  };
  struct Answer {
    std::string topic;
    KnownRecord newest;
    MarkCheck::Finding found = MarkCheck::Finding::unknown;
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
      const bool is_idle = now - std::max(topic.last_us, topic.known_us) >= kIdleCheckUs;
      if (topic.newest.record.offset == kNoOffset && !is_idle) continue;
      next_look_us_ = now + kLookUs;
      answer_ = run_beside(around_.executor, [this, name = name, known = topic.known, newest = topic.newest] {
        return Answer{name, newest, ask(known)};
      });
      return;
    }
  }

  void judge(const Answer& answer) {
    Topic& topic = topics_[answer.topic];
    if (answer.found == MarkCheck::Finding::different)
      throw usage_error("the record at " + topic.known.at.topic + " [" +
                            std::to_string(topic.known.at.partition) + "] @ " +
                            std::to_string(topic.known.record.offset) +
                            " is not the one that was read: the topic was deleted and recreated, or it lost "
                            "records; its first records may have been skipped",
                        hint_);
    if (answer.found == MarkCheck::Finding::unknown) return;
    topic.known_us = around_.clock.steady_us();
    if (answer.newest.record.offset == kNoOffset) return;
    topic.known = answer.newest;
    if (topic.newest.at == answer.newest.at && topic.newest.record.offset == answer.newest.record.offset)
      topic.newest.record.offset = kNoOffset;
  }

  // On the helper's thread.
  MarkCheck::Finding ask(const KnownRecord& known) {
    MarkCheck::Findings found;
    try {
      check_.check({{known.at, known.record}}, found);
    } catch (const Error&) {
      // An outage: the next look.
    }
    return found[known.at];
  }

  const std::unique_ptr<io::Source> source_;
  const Environment around_;
  const std::string hint_;
  std::map<std::string, Topic> topics_;
  int64_t next_look_us_ = 0;
  MarkCheck check_;  // the helper's
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
