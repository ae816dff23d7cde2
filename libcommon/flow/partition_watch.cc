#include "flow/partition_watch.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"

namespace kutils::flow {

PartitionWatch::PartitionWatch(kafka::Admin& admin, Counts topics, std::launch helpers)
    : admin_(admin), topics_(std::move(topics)), helpers_(helpers) {
  admin_.try_once();
}

std::vector<kafka::TopicPartition> PartitionWatch::look(int64_t now_us) {
  std::vector<kafka::TopicPartition> added;
  if (!answer_.valid()) {
    const bool is_first = next_look_us_ == 0;
    if (!is_first && now_us < next_look_us_) return added;
    next_look_us_ = now_us + std::chrono::microseconds(kPartitionWatchEvery).count();
    if (is_first) return added;  // they were just counted
    answer_ = std::async(helpers_, [&admin = admin_, counts = topics_]() mutable {
      for (auto& [topic, count] : counts) {
        try {
          if (const auto found = admin.find_topic(topic)) count = std::max(count, found->partitions);
        } catch (const Error&) {  // the next look
        }
      }
      return counts;
    });
  }
  if (answer_.wait_for(std::chrono::seconds(0)) == std::future_status::timeout) return added;
  const Counts found = answer_.get();
  for (size_t i = 0; i < found.size(); ++i) {
    for (int32_t p = topics_[i].second; p < found[i].second; ++p) added.push_back({found[i].first, p});
  }
  topics_ = found;
  return added;
}

}  // namespace kutils::flow
