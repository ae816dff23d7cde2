#include "flow/membership/unassigned_partition_monitor.h"

#include <chrono>
#include <utility>

#include "base/error.h"

namespace kutils::flow {
namespace {
constexpr int64_t kLookEveryUs = 1'000'000;
constexpr int kLooks = 3;  // a member may still be committing what it gives up
}  // namespace

UnassignedPartitionMonitor::UnassignedPartitionMonitor(kafka::Admin& admin, Executor& executor,
                                                       std::string group,
                                                       std::vector<kafka::TopicPartition> all)
    : admin_(admin), executor_(executor), group_(std::move(group)), all_(std::move(all)) {}

bool UnassignedPartitionMonitor::look(int64_t now_us) {
  if (done_) return false;
  if (!answer_.valid()) {
    if (now_us < next_look_us_) return false;
    next_look_us_ = now_us + kLookEveryUs;
    answer_ = run_beside(executor_, [&admin = admin_, group = group_, all = all_] {
      try {
        return admin.coverage(group, all);
      } catch (const Error&) {
        return kafka::GroupCoverage{};  // a coordinator that moves; the next look
      }
    });
  }
  if (!answer_.is_ready()) return false;
  kafka::GroupCoverage found = answer_.get();
  if (!found.settled) {
    looks_ = 0;
    return false;
  }
  if (found.left_out.empty()) {
    done_ = true;
    return false;
  }
  looks_ = found.left_out == left_out_ ? looks_ + 1 : 1;
  left_out_ = std::move(found.left_out);
  done_ = confirmed_ = looks_ >= kLooks;
  return confirmed_;
}

}  // namespace kutils::flow
