#include "flow/tasks/repartition_maintenance.h"

#include <algorithm>

#include "kafka/ends_of_many.h"

namespace kutils::flow {
namespace {

constexpr int64_t kDeletionUs = 30'000'000;
constexpr Millis kLastWait{1000};

}  // namespace

bool RepartitionMaintenance::reached_ends(const Assignment& owned, kafka::GroupConsumer& consumer) {
  std::vector<kafka::TopicPartition> partitions;
  const SubPlan& plan = context_.plan.subs[sub_];
  for (int32_t p = 0; p < plan.partitions; ++p) partitions.push_back({plan.topic, p});
  if (ends_.empty()) {
    std::map<kafka::TopicPartition, int64_t> ends;  // all of them or none: a question may fail
    for (const auto& [at, log] : kafka::ends_of_many(context_.admin, partitions)) ends[at] = log.high;
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

std::optional<int64_t> RepartitionMaintenance::end_of(const kafka::TopicPartition& at) const {
  const auto found = ends_.find(at);
  return found == ends_.end() ? std::nullopt : std::optional<int64_t>(found->second);
}

bool RepartitionMaintenance::is_busy() const { return deletion_.valid() && !deletion_.is_ready(); }

kafka::Admin& RepartitionMaintenance::admin() {
  if (!admin_) {
    admin_ = context_.around.make_admin();
    admin_->try_once();
  }
  return *admin_;
}

void RepartitionMaintenance::delete_read(const Assignment& owned, bool at_end) {
  if (context_.plan.in_memory) return;
  const int64_t now = context_.around.clock.steady_us();
  if (last_deletion_us_ == 0) last_deletion_us_ = now;
  if (now - last_deletion_us_ < kDeletionUs && !at_end) return;
  if (at_end) {
    // In an outage the end must not wait long for what only saves room.
    if (deletion_.valid()) deletion_.wait_for(kLastWait);
  }
  if (is_busy()) return;
  last_deletion_us_ = now;
  std::vector<kafka::PartitionOffset> before;
  for (const auto& one : owned.all()) {
    if (one->is_internal && one->sub == sub_ && one->committed > 0)
      before.push_back({one->at, one->committed, {}});
  }
  if (before.empty()) return;
  deletion_ = run_beside(context_.around.executor, [&admin = admin(), before] {
    try {
      admin.delete_records(before);
    } catch (const Error&) {
      // Only room is lost; the next time deletes it too.
    }
  });
}

}  // namespace kutils::flow
