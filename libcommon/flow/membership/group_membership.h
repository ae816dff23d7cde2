// This worker as a member of its group: what the group gives and takes, under which id, and how it is left. What
// is done with a partition is its owner's business, who is told before it goes and when it is gone.
//
// A partition on its way:
//   given by the group → waiting() → started() → revoked: PartitionOwner::before_revoke(), revoked()
//
// Times in steady microseconds. One thread. Throws what the consumer throws; nothing is thrown through the
// client's callbacks: what the owner throws there comes out of look(). The destructor makes no calls.
#pragma once

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "flow/membership/instance_slot.h"
#include "flow/membership/unassigned_partition_monitor.h"
#include "flow/run/worker_context.h"
#include "kafka/group_consumer.h"

namespace kutils::flow {

// Who works on the partitions.
class PartitionOwner {
 public:
  virtual ~PartitionOwner() = default;
  // Partitions are about to go. No transaction is open when it returns (rule 14). `lost`: they are gone already,
  // nothing of them may be committed.
  virtual void before_revoke(bool lost) = 0;
  // It is somebody else's now. Does not throw.
  virtual void revoked(const kafka::TopicPartition& at) = 0;
  // This partition is still written in this run, at `next` or behind (kafka::Companions).
  virtual bool comes_more(const kafka::TopicPartition& at, int64_t next) const = 0;
};

class GroupMembership final : private kafka::RebalanceListener {
 public:
  // Makes the consumer, which has not joined yet. `owner` outlives this.
  GroupMembership(const WorkerContext& context, const InstanceSlot& slot, PartitionOwner& owner);

  void join();
  // The group's events, then records: at least those events.
  kafka::Polled poll(Batch& batch, Millis wait);
  // The events alone, while records of an earlier poll() are at hand.
  void serve() { consumer_->serve(*this); }
  // Once a turn: notes the time and who we are, and looks whether the group has left partitions out. Throws
  // what kept an event from being served as it should.
  void look();
  // Waits until the partitions are given up (rule 12). Does not throw KafkaError: all is committed, and the group
  // finds out by its session time-out. `stay`: the member keeps its place.
  void leave(bool stay);

  // Given to us, and not started yet.
  const std::vector<kafka::TopicPartition>& waiting() const { return waiting_; }
  bool is_waiting(const kafka::TopicPartition& at) const {
    return std::find(waiting_.begin(), waiting_.end(), at) != waiting_.end();
  }
  void started(const kafka::TopicPartition& at);
  // It went since the last poll(): what is still at hand of it comes again with its new assignment.
  bool has_left(const kafka::TopicPartition& at) const {
    return !left_.empty() && std::find(left_.begin(), left_.end(), at) != left_.end();
  }

  // The member that the group gave our partitions to: offsets are sent as that one, or not at all (rule 2).
  const std::string& held_as() const { return held_as_; }
  // The last id that the group knew us by; empty if we never joined.
  const std::string& member_id() const { return member_id_; }
  void note_member();
  // The loop stood still for so long that the group must have gone on without it (a laptop that slept,
  // SIGSTOP).
  bool was_away() const { return was_away_; }
  int64_t age_us() const { return context_.around.clock.steady_us() - begun_us_; }
  // Partitions of the group are assigned to no member, until a member joins again (unassigned_partition_monitor.h).
  bool has_left_out() const { return unassigned_ && unassigned_->is_confirmed(); }

  kafka::GroupConsumer& consumer() { return *consumer_; }

 private:
  void on_assigned(const std::vector<kafka::TopicPartition>& partitions) override;
  void on_revoked(const std::vector<kafka::TopicPartition>& partitions, bool lost) override;

  const WorkerContext context_;
  const InstanceSlot& slot_;
  PartitionOwner& owner_;
  const std::unique_ptr<kafka::GroupConsumer> consumer_;
  const int64_t begun_us_;
  std::vector<kafka::TopicPartition> given_;  // waiting or started
  std::vector<kafka::TopicPartition> waiting_;
  std::vector<kafka::TopicPartition> left_;  // since the last poll()
  std::exception_ptr error_;                 // of the owner, in a callback
  std::string member_id_;                    // the newest
  std::string held_as_;
  int64_t member_noted_us_ = 0;
  int64_t last_look_us_;
  bool was_away_ = false;
  std::optional<UnassignedPartitionMonitor> unassigned_;  // members with a static name
};

}  // namespace kutils::flow
