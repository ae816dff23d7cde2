// Whether topics that are read or written without a group have more partitions than before, or were deleted:
// without a group nothing else reports it.
//
// Requests run beside the run loop, so that the loop does not wait for them. Used by the loop's thread; no
// other code may use `admin` while a request runs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/executor.h"
#include "kafka/admin.h"
#include "kafka/producer.h"

namespace kutils::flow {

constexpr Millis kPartitionWatchEvery{10'000};
constexpr Millis kDeletionWatchEvery{1'000};

// A topic is missing after this many looks in a row: a broker that has just started may not know it yet.
constexpr int kMissingLooks = 3;
// A log ends before a record that it held after this many: a broker that comes back may lag for one.
constexpr int kShorterLooks = 2;
// Whether there is no such topic (any more). Throws KafkaError where the cluster does not say.
bool is_missing(kafka::Admin& admin, const std::string& topic);

// What a topic looks like to who wrote a record to it, or knows of one.
struct TopicLook {
  enum class Found { there, missing, shorter } found = Found::there;
  int64_t end = kNoOffset;  // of that partition; kNoOffset: it has none
};
// `known`: a partition, and the offset of a record there; kNoOffset: none is known. Throws KafkaError as
// is_missing().
TopicLook look_at(kafka::Admin& admin, const kafka::PartitionOffset& known);

// The topics that are written, by their largest known offsets. One that is recreated within a second is
// missing in no look, and a producer that waits for the old one's leader may wait for ever (seen); but a log
// never ends before a record that it has acknowledged.
class WrittenLogs {
 public:
  // They outlive this.
  void written_through(std::vector<kafka::Producer*> producers) { producers_ = std::move(producers); }
  // What to look at.
  kafka::PartitionOffset newest(const std::string& topic) const;
  // Takes what was found there. The error when it was recreated; twice in a row, for a new leader may be a
  // moment behind.
  std::optional<Error> judge(const kafka::PartitionOffset& known, const TopicLook& look);

 private:
  std::vector<kafka::Producer*> producers_;
  std::map<std::string, kafka::PartitionOffset> seen_;  // the newest of the logs that looks found
  std::map<std::string, int> shorter_;                  // looks in a row
};
Error deleted_error(const std::string& topic, const std::string& hint);
// The same for one that `tool` writes to.
Error deleted_output_error(const std::string& topic, const std::string& tool);

class PartitionWatch {
 public:
  // `topics`: with the counts that are read. `may_go`: they are no
  // reason to end when they do, as those that a pattern matches.
  PartitionWatch(kafka::Admin& admin, std::vector<std::pair<std::string, int32_t>> topics, Executor& executor,
                 bool may_go);
  // The topics are written through these, which outlive this.
  void written_through(std::vector<kafka::Producer*> producers);
  // Takes an answer, or asks the next question when its time has come. The partitions that are new since the
  // last answer. Does not throw: a broker that does not answer is asked again.
  std::vector<kafka::TopicPartition> look(int64_t now_us);
  // A topic that several looks in a row did not find; empty: there is none.
  const std::string& deleted() const { return deleted_; }
  // One that is written was recreated.
  const std::optional<Error>& recreated() const { return recreated_; }

 private:
  using Counts = std::vector<std::pair<std::string, int32_t>>;
  struct Answer {
    Counts counts;
    std::string missing;                                              // one of the topics
    std::vector<std::pair<kafka::PartitionOffset, TopicLook>> looks;  // at those that are written
  };

  kafka::Admin& admin_;
  Counts topics_;
  Executor& executor_;
  const bool may_go_;
  Task<Answer> answer_;
  int64_t next_look_us_ = 0;
  int64_t next_count_us_ = 0;
  int missing_looks_ = 0;
  std::string deleted_;
  std::optional<WrittenLogs> written_;
  std::optional<Error> recreated_;
};

}  // namespace kutils::flow
