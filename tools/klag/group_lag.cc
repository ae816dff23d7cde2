#include "klag/group_lag.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/nearest_name.h"
#include "io/first_record.h"
#include "kafka/cluster_admin.h"

namespace kutils::klag {
namespace {

constexpr Millis kConnectLimit{5'000};

}  // namespace

std::vector<std::string> group_names(const kafka::ClientConfig& client) try {
  const auto admin = kafka::make_cluster_admin(client);
  admin->connect(kConnectLimit);
  if (admin->is_in_memory()) return {};
  std::vector<std::string> names;
  for (const auto& one : admin->groups()) names.push_back(one.name);
  return names;
} catch (const Error&) {
  return {};  // not permitted: it is only a hint
}

GroupLag::GroupLag(const kafka::ClientConfig& client, std::string group, std::vector<std::string> topics)
    : reading_(client),
      group_(std::move(group)),
      topics_(std::move(topics)),
      admin_(kafka::make_admin(client)) {
  admin_->connect(kConnectLimit);
  // Only one record of each partition is read, so the end of a transaction at a partition's end must be
  // noticed at once.
  reading_.set_assignment("fetch.wait.max.ms=10");
  reading_.set_assignment("consumer.queued.min.messages=1");
}

std::vector<TopicPartition> GroupLag::partitions() {
  std::vector<TopicPartition> all;
  const auto add = [&all](const kafka::TopicInfo& topic) {
    for (int32_t partition = 0; partition < topic.partitions; ++partition)
      all.push_back({topic.name, partition});
  };
  for (const std::string& name : topics_) {
    const auto topic = admin_->find_topic(name);
    if (!topic) {
      std::vector<std::string> names;
      for (const kafka::TopicInfo& one : admin_->topics()) names.push_back(one.name);
      const std::string near = nearest_name(name, names);
      throw usage_error("there is no topic '" + name + "'",
                        near.empty() ? "ktopic list shows all" : "did you mean '" + near + "'?");
    }
    add(*topic);
  }
  if (topics_.empty()) {
    for (const kafka::TopicInfo& topic : admin_->topics())
      if (topic.name.rfind("__", 0) != 0) add(topic);  // the cluster's own
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::optional<Lag> GroupLag::look(int64_t now_ms) {
  const std::vector<kafka::PartitionOffset> offsets = admin_->committed(group_, partitions());
  std::set<std::string> known;
  for (const kafka::PartitionOffset& one : offsets)
    if (one.offset >= 0) known.insert(one.at.topic);
  if (known.empty()) {
    // Who may see none of its topics has asked nothing of the group yet: throws where it may not be seen, either.
    (void)admin_->group_members(group_);
    return std::nullopt;
  }
  Lag lag;
  std::vector<io::SearchSpan> spans;
  std::vector<size_t> whose;
  for (const kafka::PartitionOffset& one : offsets) {
    if (topics_.empty() && known.count(one.at.topic) == 0) continue;
    const kafka::Watermarks marks = admin_->watermarks(one.at);
    PartitionLag& at = lag.partitions.emplace_back();
    at.at = one.at;
    if (one.offset >= 0) at.committed = one.offset;
    at.end = marks.high;
    const int64_t from = std::max(one.offset, marks.low);  // retention may have deleted what was next
    at.records = std::max<int64_t>(0, marks.high - from);
    if (at.records == 0) continue;
    spans.push_back({one.at, from, marks.high});
    whose.push_back(lag.partitions.size() - 1);
  }
  const auto first = io::first_records(spans, [this] { return kafka::make_partition_reader(reading_); });
  for (size_t i = 0; i < spans.size(); ++i) {
    PartitionLag& at = lag.partitions[whose[i]];
    if (first[i].time_ms) {
      if (*first[i].time_ms != kNoTimestamp) at.age_ms = std::max<int64_t>(0, now_ms - *first[i].time_ms);
    } else if (!first[i].is_held_back) {
      at.records = 0;  // ends of transactions, and what was aborted or compacted
    }
  }
  for (const PartitionLag& at : lag.partitions) {
    lag.records += at.records;
    lag.age_ms = std::max(lag.age_ms, at.age_ms);
  }
  return lag;
}

}  // namespace kutils::klag
