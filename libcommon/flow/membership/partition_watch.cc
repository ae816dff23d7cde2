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
    answer_ = run_beside(executor_, [&admin = admin_, counts = topics_, counts_too, may_go = may_go_] {
      Answer answer{counts, {}};
      for (auto& [topic, count] : answer.counts) {
        try {
          if (!may_go && is_missing(admin, topic)) answer.missing = topic;
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
  for (size_t i = 0; i < topics_.size(); ++i) {
    for (int32_t p = topics_[i].second; p < answer.counts[i].second; ++p)
      added.push_back({topics_[i].first, p});
  }
  topics_ = answer.counts;
  return added;
}

// The cluster is asked for one of its ends, and only if that fails for the list of all its topics.
bool is_missing(kafka::Admin& admin, const std::string& topic) {
  try {
    (void)admin.watermarks({topic, 0});
    return false;
  } catch (const kafka::KafkaError& error) {
    if (!error.is_unknown_topic()) throw;
  }
  return !admin.find_topic(topic);
}

Error deleted_error(const std::string& topic, const std::string& hint) {
  return usage_error("topic '" + topic + "' was deleted while this read it", hint);
}

Error deleted_output_error(const std::string& topic, const std::string& tool) {
  return usage_error("topic '" + topic + "' was deleted while this wrote to it",
                     "what it held is gone; start " + tool + " again to create it and to write on");
}

}  // namespace kutils::flow
