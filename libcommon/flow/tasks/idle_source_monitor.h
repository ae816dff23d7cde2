// Which partitions are silent, and for how long (rule 26): those whose leader, asked again and again,
// gave the same end, which is where their reader stands. So neither lag, an open transaction, a broker that
// is away nor a process that stood still counts, and no record is missed between two looks. Behind a
// repartition it is the sources that fall silent, wherever they are read: neither the end of one nor the
// group's offset there changed.
//
// The broker is asked beside the caller, about once a second. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "flow/run/run.h"
#include "kafka/admin.h"

namespace kutils::flow {

class IdleSourceMonitor {
 public:
  // Two answers prove the time between them only if they are this close, and a little more for each partition
  // that is asked about: what kept us from asking may have kept records from coming.
  static constexpr int64_t kGapUs = 3'000'000;
  static constexpr int64_t kGapEachUs = 50'000;

  struct Silent {
    kafka::TopicPartition at;
    int32_t source = 0;  // its number: the partition; of several topics that of source_number()
    int64_t ms = 0;
  };
  struct Found {
    int64_t asked_us = 0;
    // The positions of the request that are at their ends. The request for them followed that for the
    // sources: all outputs of a silent source stand before them.
    std::vector<kafka::PartitionOffset> read;
    std::vector<Silent> silent;  // of the same partitions, or of the sources
    // Sources of which there is more than was read, or was since the last answer: nobody may go on without
    // them.
    std::vector<int32_t> active;
  };

  // Of the partitions themselves.
  explicit IdleSourceMonitor(const Environment& around) : around_(around) {}
  // Of the partitions of these topics (with their counts), which `group` reads; of those that are added, too.
  // Where a topic has fewer partitions than another, the numbers that it lacks are idle sources.
  // `between`: internal topics through which their records go before they come to the readers. While `group` has
  // not read all of them, no source is called silent.
  IdleSourceMonitor(const Environment& around, std::string group,
                    std::vector<std::pair<std::string, int32_t>> topics,
                    std::vector<std::pair<std::string, int32_t>> between = {})
      : around_(around), group_(std::move(group)), topics_(std::move(topics)), between_(std::move(between)) {}

  // Takes the partitions of which all records so far have been read, and the reader's positions. Returns each
  // answer once, when it has come; else nullopt.
  std::optional<Found> look(const std::vector<kafka::PartitionOffset>& positions);

 private:
  struct Reader {
    kafka::TopicPartition at;
    int64_t position = 0;
    int64_t end = 0;
    int32_t number = 0;
  };
  struct Answer {
    int64_t asked_us = 0;
    bool answered = false;
    std::vector<Reader> sources, readers;
    std::vector<int32_t> missing;  // numbers of no partition
    bool all_came_through = true;
  };
  struct Quiet {
    int64_t position = 0;
    int64_t end = 0;
    int64_t since_us = 0;
    int64_t asked_us = 0;
  };
  // Called by one helper at a time.
  Answer ask(kafka::Admin& admin, int64_t now_us, std::vector<kafka::PartitionOffset> positions);
  Found judge(const Answer& answer);

  const Environment& around_;
  const std::string group_;
  // Empty: the partitions themselves. They may get more, also ones that others read.
  std::vector<std::pair<std::string, int32_t>> topics_;
  const std::vector<std::pair<std::string, int32_t>> between_;
  int64_t counted_us_ = INT64_MIN;
  std::map<kafka::TopicPartition, Quiet> quiet_;
  std::unique_ptr<kafka::Admin> admin_;  // ours alone: it takes one call at a time
  int64_t asked_us_ = INT64_MIN / 2;
  Task<Answer> answer_;
};

}  // namespace kutils::flow
