#include "flow/repartition_upkeep.h"

#include <algorithm>
#include <chrono>

namespace kutils::flow {
namespace {

constexpr int64_t kDeletionUs = 30'000'000;
constexpr int64_t kCountUs = 10'000'000;
constexpr Millis kLastWait{1000};

}  // namespace

bool RepartitionUpkeep::reached_ends(const Assignment& owned, kafka::GroupConsumer& consumer) {
  std::vector<kafka::TopicPartition> partitions;
  for (int32_t p = 0; p < context_.plan.repartition_count; ++p)
    partitions.push_back({context_.plan.repartition, p});
  if (ends_.empty()) {
    std::map<kafka::TopicPartition, int64_t> ends;  // all of them or none: a question may fail
    for (const auto& at : partitions) ends[at] = context_.admin.watermarks(at).high;
    ends_ = std::move(ends);
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

// Called by one helper at a time.
int32_t RepartitionUpkeep::count_sources(kafka::Admin& admin, int64_t now_us) {
  const auto& [topic, at_start] = context_.plan.inputs.front();
  if (sources_ == 0) {
    sources_ = at_start;
    counted_us_ = now_us;
  }
  if (now_us - counted_us_ < kCountUs) return sources_;
  counted_us_ = now_us;
  if (const auto found = admin.find_topic(topic)) sources_ = std::max(sources_, found->partitions);
  return sources_;
}

RepartitionUpkeep::Reached RepartitionUpkeep::ask(kafka::Admin& admin, const WorkerPlan& plan,
                                                  int32_t count) {
  const std::string& topic = plan.inputs.front().first;
  std::vector<kafka::TopicPartition> sources;
  for (int32_t p = 0; p < count; ++p) sources.push_back({topic, p});
  Reached reached;
  for (const auto& commit : admin.committed(plan.group, sources)) {
    const int64_t high = admin.watermarks(commit.at).high;
    reached.emplace_back(commit.at.partition, high <= 0 || commit.offset >= high);
  }
  return reached;
}

bool RepartitionUpkeep::is_busy() const {
  const auto runs = [](const auto& one) {
    return one.valid() && one.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
  };
  return runs(answer_) || runs(deletion_);
}

kafka::Admin& RepartitionUpkeep::admin() {
  if (!admin_) {
    admin_ = context_.around.make_admin();
    admin_->try_once();
  }
  return *admin_;
}

std::vector<std::pair<int32_t, int64_t>> RepartitionUpkeep::silent_sources() {
  const int64_t now = context_.around.clock.steady_us();
  Answer answer;
  if (context_.around.helpers == std::launch::deferred) {
    answer = {now, ask(context_.admin, context_.plan, count_sources(context_.admin, now))};
  } else {
    if (is_busy()) return {};
    if (answer_.valid()) answer = answer_.get();
    answer_ = std::async(std::launch::async, [this, now, &admin = admin()]() -> Answer {
      try {
        return {now, ask(admin, context_.plan, count_sources(admin, now))};
      } catch (const Error&) {
        return {};  // the next time
      }
    });
  }
  std::vector<std::pair<int32_t, int64_t>> silent;
  for (const auto& [partition, reached] : answer.reached) {
    if (!reached) {
      silent_since_us_.erase(partition);
      continue;
    }
    const int64_t since = silent_since_us_.emplace(partition, answer.asked_us).first->second;
    silent.emplace_back(partition, (answer.asked_us - since) / 1000);
  }
  return silent;
}

void RepartitionUpkeep::delete_read(const Assignment& owned, bool at_end) {
  if (context_.plan.in_memory || context_.around.helpers == std::launch::deferred) return;
  const int64_t now = context_.around.clock.steady_us();
  if (last_deletion_us_ == 0) last_deletion_us_ = now;
  if (now - last_deletion_us_ < kDeletionUs && !at_end) return;
  if (at_end) {
    // In an outage the end must not wait long for what only saves room.
    if (answer_.valid()) answer_.wait_for(kLastWait);
    if (deletion_.valid()) deletion_.wait_for(kLastWait);
  }
  if (is_busy()) return;
  last_deletion_us_ = now;
  std::vector<kafka::PartitionOffset> before;
  for (const auto& one : owned.all()) {
    if (one->role == Role::behind && one->committed > 0) before.push_back({one->at, one->committed, {}});
  }
  if (before.empty()) return;
  deletion_ = std::async(std::launch::async, [&admin = admin(), before] {
    try {
      admin.delete_records(before);
    } catch (const Error&) {
      // Only room is lost; the next time deletes it too.
    }
  });
}

}  // namespace kutils::flow
