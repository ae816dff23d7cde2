#include "flow/membership/known_topic_source.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "flow/membership/mark_check.h"

namespace kutils::flow {
namespace {

constexpr int64_t kGapUs = 100'000;
constexpr int64_t kLookUs = 1'000'000;
constexpr size_t kTopicsAtOnce = 16;

class KnownTopicSource final : public io::Source {
 public:
  KnownTopicSource(std::unique_ptr<io::Source> source, const Environment& around, std::string hint,
                   KnownRecord read_before)
      : source_(std::move(source)), around_(around), hint_(std::move(hint)), check_(around) {
    if (read_before.record.offset != kNoOffset) topics_[read_before.at.topic].known = std::move(read_before);
  }

  io::Fill poll(Batch& batch, Millis wait) override {
    const io::Fill fill = source_->poll(batch, wait);
    took(batch);
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
  struct Question {
    std::string topic;
    KnownRecord known;
    KnownRecord newest;
  };

  // Each topic's last record tells of it.
  void took(const Batch& batch) {
    const auto& records = batch.records();
    for (size_t i = 0; i < records.size(); ++i)
      if (i + 1 == records.size() || records[i + 1].topic != records[i].topic) took(records[i]);
  }

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
      if (!answer_.is_ready()) return;
      const MarkCheck::Findings found = answer_.get();
      for (const Question& asked : std::exchange(asked_, {})) judge(asked, found);
      return;
    }
    const int64_t now = around_.clock.steady_us();
    if (now < next_look_us_) return;
    asked_ = due(now);
    if (asked_.empty()) return;
    next_look_us_ = now + kLookUs;
    answer_ = run_beside(around_.executor, [this, asked = asked_] { return ask(asked); });
  }

  // Topics whose records came after a gap, then those that nothing was heard of for the longest time.
  std::vector<Question> due(int64_t now) const {
    std::vector<std::tuple<bool, int64_t, const std::string*>> order;
    for (const auto& [name, topic] : topics_) {
      const bool has_newer = topic.newest.record.offset != kNoOffset;
      const int64_t heard_us = std::max(topic.last_us, topic.known_us);
      if (has_newer || now - heard_us >= kIdleCheckUs) order.emplace_back(!has_newer, heard_us, &name);
    }
    std::sort(order.begin(), order.end());
    if (order.size() > kTopicsAtOnce) order.resize(kTopicsAtOnce);
    std::vector<Question> questions;
    for (const auto& one : order) {
      const Topic& topic = topics_.at(*std::get<2>(one));
      questions.push_back({*std::get<2>(one), topic.known, topic.newest});
    }
    return questions;
  }

  void judge(const Question& asked, const MarkCheck::Findings& found) {
    Topic& topic = topics_[asked.topic];
    const auto finding = found.find(asked.known.at);
    if (finding == found.end() || finding->second == MarkCheck::Finding::unknown) return;
    if (finding->second == MarkCheck::Finding::different)
      throw usage_error("the record at " + asked.topic + " [" + std::to_string(asked.known.at.partition) +
                            "] @ " + std::to_string(asked.known.record.offset) +
                            " is not the one that was read: the topic was deleted and recreated, or it lost "
                            "records; its first records may have been skipped",
                        hint_);
    topic.known_us = around_.clock.steady_us();
    if (asked.newest.record.offset == kNoOffset) return;
    topic.known = asked.newest;
    if (topic.newest.at == asked.newest.at && topic.newest.record.offset == asked.newest.record.offset)
      topic.newest.record.offset = kNoOffset;
  }

  // On the helper's thread.
  MarkCheck::Findings ask(const std::vector<Question>& asked) {
    Marks marks;
    for (const Question& one : asked) marks[one.known.at] = one.known.record;
    MarkCheck::Findings found;
    try {
      check_.check(marks, found);
    } catch (const Error&) {
      // An outage: the next look.
    }
    return found;
  }

  const std::unique_ptr<io::Source> source_;
  const Environment around_;
  const std::string hint_;
  std::map<std::string, Topic> topics_;
  int64_t next_look_us_ = 0;
  MarkCheck check_;  // the helper's
  std::vector<Question> asked_;
  Task<MarkCheck::Findings> answer_;
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
