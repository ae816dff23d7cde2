// Whether topics that are read without a group have got more partitions: nobody else would say so.
//
// Asks in a thread of its own, so that the loop goes on. Used by the loop's thread; nobody else may use
// `admin` meanwhile.
#pragma once

#include <future>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "kafka/admin.h"

namespace kutils::flow {

constexpr Millis kPartitionWatchEvery{10'000};

class PartitionWatch {
 public:
  // `topics`: with the counts that are read. `helpers`: how the thread is started.
  PartitionWatch(kafka::Admin& admin, std::vector<std::pair<std::string, int32_t>> topics,
                 std::launch helpers);
  // Takes an answer, or asks the next question when its time has come. The partitions that are new since the
  // last answer. Does not throw: a broker that does not answer is asked again.
  std::vector<kafka::TopicPartition> look(int64_t now_us);

 private:
  using Counts = std::vector<std::pair<std::string, int32_t>>;

  kafka::Admin& admin_;
  Counts topics_;
  const std::launch helpers_;
  std::future<Counts> answer_;
  int64_t next_look_us_ = 0;
};

}  // namespace kutils::flow
