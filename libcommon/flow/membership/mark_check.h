// Whether records that were read from topics still are what they were: a topic that was deleted and recreated under
// the same name holds others at their offsets. Reads the records again, with a reader and an admin of its own. Used by
// one thread at a time.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "flow/run/run.h"
#include "flow/tasks/partition_state.h"
#include "kafka/admin.h"
#include "kafka/partition_reader.h"

namespace kutils::flow {

// How often a record of a topic from which nothing comes is read again.
constexpr int64_t kIdleCheckUs = 10'000'000;

using Marks = std::map<kafka::TopicPartition, LastRecord>;

class MarkCheck {
 public:
  enum class Finding {
    same,
    gone,       // retention or compaction has removed it
    different,  // another record is there; or, in several looks in a row, the log ends before it
    unknown
  };
  using Findings = std::map<kafka::TopicPartition, Finding>;
  // What `around` refers to outlives this.
  explicit MarkCheck(const Environment& around) : around_(around) {}

  // Takes some seconds at most. Throws Error where the cluster does not answer; `found` then has what was found out
  // before.
  void check(const Marks& marks, Findings& found);
  // Tries each call once.
  kafka::Admin& admin();

 private:
  Finding judge_by_ends(const kafka::TopicPartition& at, int64_t offset, bool was_passed);

  const Environment around_;
  std::unique_ptr<kafka::Admin> admin_;
  std::unique_ptr<kafka::PartitionReader> reader_;
  std::set<kafka::TopicPartition> removed_;       // retention had removed the mark of before
  std::map<kafka::TopicPartition, int> shorter_;  // looks in a row that found the log ending before the mark
};

}  // namespace kutils::flow
