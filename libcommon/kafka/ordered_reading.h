// Partitions that are read in order of time (rules 16 and 28b): which are read together, whose waiting message is
// next, what is waited for and how long. Knows no client: the owner of one is its Feed. One thread.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kafka/group_consumer.h"
#include "kafka/time_order.h"

namespace kutils::kafka {

// One of them. The messages in `line` are its own.
struct OrderedPartition {
  OrderedPartition() = default;
  OrderedPartition(const OrderedPartition&) = delete;
  OrderedPartition& operator=(const OrderedPartition&) = delete;
  ~OrderedPartition() {
    while (!line.empty()) rd_kafka_message_destroy(line.pop());
  }
  // All before it was handed out.
  int64_t given() const { return line.empty() ? next : line.front()->offset; }

  TopicPartition at;
  int64_t next = kOffsetNone;  // smallest offset that may still come; behind those in `line`
  bool at_end = false;         // as the client said
  int64_t untold_end = -1;     // an end that the client told, and that the owner's caller was not told yet
  int64_t expected = 0;        // all before it is there to be read, whatever the last fetch said
  TimeLine<rd_kafka_message_t*> line;

  // Of OrderedReading alone.
  bool looked = false;  // the client has nothing more of it, as of this round
  std::chrono::steady_clock::time_point empty_since;
  bool told_wait = false;
  bool has_companions = false;
};

class OrderedReading {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // Who has the client.
  class Feed {
   public:
    virtual ~Feed() = default;
    // Puts up to `most` of the messages that wait for this partition into its line. Never waits.
    virtual void feed(OrderedPartition& partition, size_t most) = 0;
    // One past the partition's last record, as of the last fetch; negative: not known yet.
    virtual int64_t known_end(const TopicPartition& at) = 0;
  };

  explicit OrderedReading(Feed& feed, std::function<void(const std::string&)> note = {})
      : feed_(feed), note_(std::move(note)) {}
  // Sets of partitions, each in an order of its own; else all are one set.
  void read_together(Companions companions) { companions_ = std::move(companions); }
  // Those of each of these topics are a set of their own, too.
  void read_apart(std::set<std::string> topics) { apart_ = std::move(topics); }

  // Roughly in order of time, in runs, those that this names; others each by itself (GroupConsumer).
  void read_at_one_pace(std::function<bool(const TopicPartition& at)> is_paced) {
    is_paced_ = std::move(is_paced);
  }

  // Partitions came or went: none of the earlier ones is touched until gather().
  void forget() { sets_.clear(); }
  bool has_forgotten() const { return sets_.empty(); }
  // Of all that are started; `leads`: the group gave out this one, the others are its companions.
  void gather(const std::vector<OrderedPartition*>& started,
              const std::function<bool(const TopicPartition& at)>& leads);

  // Up to `most` messages, appended to `messages`, which takes them over; `ends`: those met behind them.
  void take(size_t most, TimePoint now, std::vector<rd_kafka_message_t*>& messages,
            std::vector<PartitionOffset>& ends);
  // Whether the last take() stopped for want of a record of a partition, so that others may have to wait.
  bool waits() const { return waits_; }

  // How long a partition that gives nothing is waited for; nullopt: without a limit.
  std::optional<std::chrono::steady_clock::duration> wait_limit(const OrderedPartition& partition) const;

 private:
  bool fed(OrderedPartition& partition);
  bool fill(OrderedPartition& partition, TimePoint now, std::vector<PartitionOffset>& ends);

  Feed& feed_;
  std::function<void(const std::string&)> note_;
  std::set<std::string> apart_;
  std::optional<Companions> companions_;
  std::function<bool(const TopicPartition& at)> is_paced_;  // empty: in strict order
  std::vector<std::vector<OrderedPartition*>> sets_;
  size_t first_set_ = 0;  // of the next take()
  OldestLine oldest_;     // only in take()
  bool waits_ = false;
};

}  // namespace kutils::kafka
