#include "flow/membership/partition_watch.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"

namespace kutils::flow {

PartitionWatch::PartitionWatch(kafka::Admin& admin, Counts topics, Executor& executor, bool may_go)
    : admin_(admin), topics_(std::move(topics)), executor_(executor), may_go_(may_go) {
  admin_.try_once();
}

std::vector<kafka::TopicPartition> PartitionWatch::look(int64_t now_us) {
  std::vector<kafka::TopicPartition> added;
  if (!answer_.valid()) {
    const bool is_first = next_look_us_ == 0;
    if (!is_first && now_us < next_look_us_) return added;
    next_look_us_ = now_us + std::chrono::microseconds(kDeletionWatchEvery).count();
    const bool counts_too = now_us >= next_count_us_;
    if (counts_too) next_count_us_ = now_us + std::chrono::microseconds(kPartitionWatchEvery).count();
    if (is_first) return added;  // they were just counted
    std::vector<kafka::PartitionOffset> known;
    for (const auto& [topic, count] : topics_)
      known.push_back(written_ ? written_->newest(topic) : kafka::PartitionOffset{{topic, 0}, kNoOffset, {}});
    answer_ = run_beside(executor_, [&admin = admin_, counts = topics_, known, counts_too, may_go = may_go_] {
      Answer answer{counts, {}, {}};
      for (size_t i = 0; i < answer.counts.size(); ++i) {
        auto& [topic, count] = answer.counts[i];
        try {
          if (!may_go) {
            const TopicLook look = look_at(admin, known[i]);
            if (look.found == TopicLook::Found::missing) answer.missing = topic;
            answer.looks.emplace_back(known[i], look);
          }
          if (!counts_too) continue;
          if (const auto found = admin.find_topic(topic)) count = std::max(count, found->partitions);
        } catch (const Error&) {  // the next look
        }
      }
      return answer;
    });
  }
  if (!answer_.is_ready()) return added;
  const Answer answer = answer_.get();
  missing_looks_ = answer.missing.empty() ? 0 : missing_looks_ + 1;
  if (missing_looks_ >= kMissingLooks) deleted_ = answer.missing;
  for (const auto& [known, look] : answer.looks) {
    if (!written_ || recreated_) break;
    recreated_ = written_->judge(known, look);
  }
  for (size_t i = 0; i < topics_.size(); ++i) {
    for (int32_t p = topics_[i].second; p < answer.counts[i].second; ++p)
      added.push_back({topics_[i].first, p});
  }
  topics_ = answer.counts;
  return added;
}

void PartitionWatch::written_through(std::vector<kafka::Producer*> producers) {
  written_.emplace().written_through(std::move(producers));
}

bool is_missing(kafka::Admin& admin, const std::string& topic) {
  return look_at(admin, {{topic, 0}, kNoOffset, {}}).found == TopicLook::Found::missing;
}

// The cluster is asked for one of its ends, and only if that fails for the list of all its topics.
TopicLook look_at(kafka::Admin& admin, const kafka::PartitionOffset& known) {
  using Found = TopicLook::Found;
  try {
    const int64_t end = admin.watermarks(known.at).high;
    return {known.offset != kNoOffset && end <= known.offset ? Found::shorter : Found::there, end};
  } catch (const kafka::KafkaError& error) {
    if (!error.is_unknown_topic()) throw;
  }
  const auto found = admin.find_topic(known.at.topic);
  if (!found) return {Found::missing, kNoOffset};
  const bool has_lost_it = known.offset != kNoOffset && found->partitions <= known.at.partition;
  return {has_lost_it ? Found::shorter : Found::there, kNoOffset};
}

kafka::PartitionOffset WrittenLogs::newest(const std::string& topic) const {
  const auto seen = seen_.find(topic);
  kafka::PartitionOffset out =
      seen == seen_.end() ? kafka::PartitionOffset{{topic, 0}, kNoOffset, {}} : seen->second;
  for (const kafka::Producer* producer : producers_) {
    kafka::PartitionOffset one = producer->newest_acknowledged(topic);
    if (one.offset > out.offset) out = std::move(one);
  }
  return out;
}

std::optional<Error> WrittenLogs::judge(const kafka::PartitionOffset& known, const TopicLook& look) {
  int& looks = shorter_[known.at.topic];
  if (look.found != TopicLook::Found::shorter) {
    looks = 0;
    if (look.end > 0) {
      auto& seen = seen_[known.at.topic];
      if (look.end - 1 >= seen.offset) seen = {known.at, look.end - 1, {}};
    }
    return std::nullopt;
  }
  if (++looks < kShorterLooks) return std::nullopt;
  const std::string now = look.end == kNoOffset ? " is gone" : " ends at offset " + std::to_string(look.end);
  return usage_error(
      "topic '" + known.at.topic +
          "' was deleted and recreated while the tool wrote to it, or it lost records: partition " +
          std::to_string(known.at.partition) + now + ", and held a record at " + std::to_string(known.offset),
      "the records that it held are gone");
}

Error deleted_error(const std::string& topic, const std::string& hint) {
  return usage_error("topic '" + topic + "' was deleted while the tool read it", hint);
}

Error deleted_output_error(const std::string& topic, const std::string& tool) {
  return usage_error(
      "topic '" + topic + "' was deleted while the tool wrote to it",
      "the records that it held are gone; start " + tool + " again to create it and to write on");
}

}  // namespace kutils::flow
