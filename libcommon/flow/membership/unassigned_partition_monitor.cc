#include "flow/membership/unassigned_partition_monitor.h"

#include <chrono>
#include <utility>

#include "base/error.h"

namespace kutils::flow {
namespace {
constexpr int64_t kLookEveryUs = 1'000'000;
constexpr int kLooks = 3;  // a member may still be committing what it gives up
}  // namespace

UnassignedPartitionMonitor::UnassignedPartitionMonitor(const Environment& around, std::string group,
                                                       std::vector<kafka::TopicPartition> all)
    : around_(around), group_(std::move(group)), all_(std::move(all)) {}

kafka::GroupCoverage UnassignedPartitionMonitor::ask() {
  try {
    if (!admin_) {
      admin_ = around_.make_admin();
      admin_->try_once();
    }
    return admin_->coverage(group_, all_);
  } catch (const Error&) {
    return {};  // a coordinator that moves; the next look
  }
}

bool UnassignedPartitionMonitor::look(int64_t now_us) {
  if (done_) return false;
  if (!answer_.valid()) {
    if (now_us < next_look_us_) return false;
    next_look_us_ = now_us + kLookEveryUs;
    answer_ = run_beside(around_.executor, [this] { return ask(); });
  }
  if (!answer_.is_ready()) return false;
  kafka::GroupCoverage found = answer_.get();
  if (!found.settled) {
    looks_ = 0;
    return false;
  }
  if (found.left_out.empty()) {
    done_ = true;
    admin_.reset();
    return false;
  }
  looks_ = found.left_out == left_out_ ? looks_ + 1 : 1;
  left_out_ = std::move(found.left_out);
  done_ = confirmed_ = looks_ >= kLooks;
  return confirmed_;
}

}  // namespace kutils::flow
