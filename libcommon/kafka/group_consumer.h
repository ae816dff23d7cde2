// A member of a consumer group, as the run loop uses it: cooperative, assignments answered by hand.
//
// An interface, so that the run loop's tests can put a broker under it that fails on the n-th call; the real
// one is made by make_group_consumer() (librdkafka_consumer.cc). All calls come from one thread. A fatal
// error of the client arrives as a KafkaError thrown by poll() (rule 11: as a message error, not
// through error_cb).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "data/batch.h"
#include "data/topic_partition.h"
#include "kafka/client_config.h"
#include "kafka/kafka_error.h"

namespace kutils::kafka {

using kutils::TopicPartition;

constexpr int64_t kOffsetNone = -1001;  // librdkafka's "invalid": nothing committed

struct PartitionOffset {
  TopicPartition at;
  int64_t offset = kOffsetNone;  // the next one to read
  std::string metadata;          // of a committed offset
};

// What a transaction needs of the group: librdkafka's own handle, and what must be checked before it is used.
struct GroupMetadata {
  std::shared_ptr<void> handle;  // rd_kafka_consumer_group_metadata_t
  int32_t generation = -1;
  std::string member_id;
  // rule 2: offsets sent with anything else are accepted by the broker and fence nobody.
  bool usable() const { return generation >= 0 && !member_id.empty(); }
};

struct Watermarks {
  int64_t low = 0;
  int64_t high = 0;  // one past the last record
};

// Sources that are read together (rule 16): with a partition that the group gives out, its companions are
// started, and they leave with it. poll() hands out the records of such a set in order of time: of those that
// wait the oldest first. A partition that lacks records is always waited for; one at its end for `max_wait`
// from when it last had one, a table not; one of which `comes_more` knows that it is still written, without a limit.
struct Companions {
  std::function<std::vector<TopicPartition>(const TopicPartition& first)> of;
  std::function<bool(const TopicPartition& at)> is_table;
  Millis max_wait{0};
  // Partitions that have none are one set, as read_in_order_of_time() makes of all; else each is read by itself.
  bool others_in_order = false;
  // Records will still come at `next` or behind, though the partition is at its end; empty: this is not known of any.
  std::function<bool(const TopicPartition& at, int64_t next)> comes_more = {};
};

// Partition events met while polling, in order.
class RebalanceListener {
 public:
  virtual ~RebalanceListener() = default;
  // The group gave these to us. The client already answered with an empty incremental assign (rule
  // 13): they deliver nothing until start() is called for them.
  virtual void on_assigned(const std::vector<TopicPartition>& partitions) = 0;
  // They leave, companions before the partition that they belong to. `lost`: they are gone already, nothing of them may be committed. The client unassigns them
  // when this returns.
  virtual void on_revoked(const std::vector<TopicPartition>& partitions, bool lost) = 0;
};

struct Polled {
  bool any = false;                   // the batch holds records
  std::vector<PartitionOffset> ends;  // partitions whose end was met, with the position there
};

class GroupConsumer {
 public:
  virtual ~GroupConsumer() = default;
  virtual void subscribe(const std::vector<std::string>& topics_or_regex) = 0;
  // Serves rebalances (through the listener), then fills the batch: waits up to `wait` for the first record,
  // then takes what is there. Throws KafkaError.
  virtual Polled poll(Batch& batch, Millis wait, RebalanceListener& listener) = 0;
  // The same without records: serves rebalances and tells the client that we live.
  virtual void serve(RebalanceListener& listener) = 0;
  // While something else is waited for: the client is told that we live, and does not leave the group for
  // want of polls (max.poll.interval.ms). What the group wants is served by the next poll().
  virtual void stay_alive() = 0;
  virtual void start(const std::vector<PartitionOffset>& from) = 0;  // incremental_assign at these offsets
  virtual void stop(
      const std::vector<TopicPartition>& partitions) = 0;  // incremental_unassign, outside a revoke
  // Rewinding: unassign and assign again at these offsets; what was fetched before is never delivered.
  virtual void rewind(const std::vector<PartitionOffset>& to) = 0;
  // From now on poll() hands out the records of different partitions in order of time: of those that wait the
  // oldest first; a partition at its end is not waited for (rule 28b). The partitions of each topic of `apart` have an
  // order of their own. REQUIRES: nothing is started.
  virtual void read_in_order_of_time(std::set<std::string> apart) { (void)apart; }
  // From now on poll() reads the partitions that `is_paced` names at one pace: of those that wait a run of that one
  // whose next record is the oldest, so that under lag none gets far ahead of the others in time. Others are read
  // as they come. For tasks that hold open what lies between their sources: no result may depend on it, for a
  // partition that gives nothing is waited for only a moment. REQUIRES: nothing is started.
  virtual void read_at_one_pace(std::function<bool(const TopicPartition& at)> /*is_paced*/) {}
  // In order of time: these partitions have records up to there, for we have committed them; what the last fetch
  // said may be older. Those that are not started are left out.
  virtual void expect(const std::vector<PartitionOffset>& /*ends*/) {}
  // REQUIRES: nothing is started.
  virtual void read_together(Companions companions) = 0;
  // Not reading a partition's queue, in place of pause (rule 15).
  virtual void hold_back(const TopicPartition& partition, bool held) = 0;
  // The group's committed offsets, stable ones (asked until call and every partition are free of errors). An
  // offset is kOffsetNone where nothing is committed.
  virtual std::vector<PartitionOffset> committed(const std::vector<TopicPartition>& partitions) = 0;
  virtual void commit(const std::vector<PartitionOffset>& offsets) = 0;  // at-least-once: synchronous, plain
  virtual GroupMetadata group_metadata() = 0;                            // fresh, for one transaction
  virtual bool assignment_lost() = 0;
  // What the last fetch said of this partition, without asking anybody; high -1 where nothing was fetched
  // yet. For lag.
  virtual Watermarks fetched_watermarks(const TopicPartition& partition) = 0;
  // Leaves the group on purpose: unsubscribe, poll until the revoke is served, close; bounded by a watchdog.
  // With `stay` the member keeps its slot (a static member that will be back).
  virtual void leave(RebalanceListener& listener, bool stay) = 0;
};

std::unique_ptr<GroupConsumer> make_group_consumer(const ClientConfig& config, const std::string& group,
                                                   const std::string& instance_id);  // empty: dynamic member

}  // namespace kutils::kafka
