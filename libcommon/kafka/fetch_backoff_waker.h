// Wakes a consumer whose broker threads sleep while there is work.
//
// In librdkafka before 2.2 a broker thread whose local queue was full when it looked sleeps a second before
// it fetches again (later: fetch.queue.backoff.ms). Any request to the same broker wakes it. While there is
// lag, a helper thread asks each leader for an end offset every few milliseconds; ListOffsets is about the
// cheapest request there is. One call asks all leaders: asking only one leaves the others asleep. With 2.2 or
// later this class does nothing.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "kafka/client.h"

namespace kutils::kafka {

class FetchBackoffWaker {
 public:
  explicit FetchBackoffWaker(std::shared_ptr<Client> client);
  ~FetchBackoffWaker();
  FetchBackoffWaker(const FetchBackoffWaker&) = delete;
  FetchBackoffWaker& operator=(const FetchBackoffWaker&) = delete;

  void set_partitions(std::vector<TopicPartition> partitions);
  // More is waiting at the brokers than was handed out. Cheap where nothing changes.
  void set_lagging(bool lagging);
  static bool needed(int librdkafka_version) { return librdkafka_version < 0x02020000; }
  int64_t requests() const;  // sent so far, for tests

 private:
  void run();

  std::shared_ptr<Client> client_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<TopicPartition> partitions_;
  bool lagging_ = false;       // guarded
  bool lagging_told_ = false;  // the caller's own copy
  bool stop_ = false;
  int64_t requests_ = 0;
  std::thread thread_;
};

}  // namespace kutils::kafka
