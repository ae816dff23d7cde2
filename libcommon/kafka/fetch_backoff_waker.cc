#include "kafka/fetch_backoff_waker.h"

#include <chrono>

namespace kutils::kafka {
namespace {
constexpr auto kEvery = std::chrono::milliseconds(10);
constexpr int kAnswerLimitMs = 1000;
}  // namespace

FetchBackoffWaker::FetchBackoffWaker(std::shared_ptr<Client> client) : client_(std::move(client)) {
  if (needed(rd_kafka_version())) thread_ = std::thread([this] { run(); });
}

FetchBackoffWaker::~FetchBackoffWaker() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void FetchBackoffWaker::set_partitions(std::vector<TopicPartition> partitions) {
  const std::lock_guard lock(mutex_);
  partitions_ = std::move(partitions);
}

void FetchBackoffWaker::set_lagging(bool lagging) {
  if (lagging == lagging_told_) return;
  lagging_told_ = lagging;
  {
    const std::lock_guard lock(mutex_);
    lagging_ = lagging;
  }
  if (lagging) changed_.notify_all();
}

int64_t FetchBackoffWaker::requests() const {
  const std::lock_guard lock(mutex_);
  return requests_;
}

void FetchBackoffWaker::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    changed_.wait(lock, [this] { return stop_ || lagging_; });
    changed_.wait_for(lock, kEvery, [this] { return stop_; });
    if (stop_ || !lagging_ || partitions_.empty()) {
      if (!stop_ && lagging_) changed_.wait_for(lock, kEvery, [this] { return stop_; });
      continue;
    }
    const PartitionListHandle list = to_list(partitions_);
    ++requests_;
    lock.unlock();
    for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = RD_KAFKA_OFFSET_END;
    // The answer does not matter, only that each leader's thread has something to send.
    (void)rd_kafka_offsets_for_times(client_->get(), list.get(), kAnswerLimitMs);
    lock.lock();
  }
}

}  // namespace kutils::kafka
