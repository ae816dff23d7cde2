#include "flow/repartition_upkeep.h"

#include <algorithm>

namespace kutils::flow {
namespace {

constexpr int64_t kDeletionUs = 30'000'000;

}  // namespace

bool RepartitionUpkeep::reached_ends(const Assignment& owned, kafka::GroupConsumer& consumer) {
  std::vector<kafka::TopicPartition> partitions;
  for (int32_t p = 0; p < context_.plan.repartition_count; ++p) partitions.push_back({context_.plan.repartition, p});
  if (ends_.empty()) {
    for (const auto& at : partitions) ends_[at] = context_.admin.watermarks(at).high;
    for (const auto& one : owned.all()) {
      if (const auto end = ends_.find(one->at); end != ends_.end()) one->end = end->second;
    }
  }
  for (const auto& commit : consumer.committed(partitions)) {
    if (std::max<int64_t>(commit.offset, 0) < ends_.at(commit.at)) return false;
  }
  return true;
}

std::optional<int64_t> RepartitionUpkeep::end_of(const kafka::TopicPartition& at) const {
  const auto found = ends_.find(at);
  return found == ends_.end() ? std::nullopt : std::optional<int64_t>(found->second);
}

std::vector<std::pair<int32_t, int64_t>> RepartitionUpkeep::silent_sources(int64_t now_us) {
  const auto& [topic, count] = context_.plan.inputs.front();
  std::vector<kafka::TopicPartition> sources;
  for (int32_t p = 0; p < count; ++p) sources.push_back({topic, p});
  std::vector<std::pair<int32_t, int64_t>> silent;
  for (const auto& commit : context_.admin.committed(context_.plan.group, sources)) {
    const int64_t high = context_.admin.watermarks(commit.at).high;
    if (high > 0 && commit.offset < high) {
      silent_since_us_.erase(commit.at.partition);
      continue;
    }
    const auto since = silent_since_us_.emplace(commit.at.partition, now_us).first->second;
    silent.emplace_back(commit.at.partition, (now_us - since) / 1000);
  }
  return silent;
}

void RepartitionUpkeep::delete_read(const Assignment& owned) {
  if (context_.plan.in_memory || context_.around.helpers == std::launch::deferred) return;
  const int64_t now = context_.around.clock.steady_us();
  if (last_deletion_us_ == 0) last_deletion_us_ = now;
  if (now - last_deletion_us_ < kDeletionUs) return;
  if (deletion_.valid() && deletion_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  last_deletion_us_ = now;
  std::vector<kafka::PartitionOffset> before;
  for (const auto& one : owned.all()) {
    if (one->role == Role::behind && one->committed > 0) before.push_back({one->at, one->committed, {}});
  }
  if (before.empty()) return;
  deletion_ = std::async(std::launch::async, [&admin = context_.admin, before] {
    try {
      admin.delete_records(before);
    } catch (const Error&) {
      // Only room is lost; the next time deletes it too.
    }
  });
}

}  // namespace kutils::flow
