#include "flow/membership/group_membership.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace kutils::flow {
namespace {

// A loop that stood still this long may have lost its partitions or its transaction.
constexpr int64_t kAwayUs = 2'500'000;
constexpr int64_t kMemberNoteUs = 1'000'000;

}  // namespace

GroupMembership::GroupMembership(const WorkerContext& context, const InstanceSlot& slot,
                                 PartitionOwner& owner)
    : context_(context),
      slot_(slot),
      owner_(owner),
      consumer_(
          context.around.make_group_consumer(context.plan.group, slot.instance_id(), context.plan.in_memory)),
      begun_us_(context.around.clock.steady_us()),
      last_look_us_(begun_us_) {
  const WorkerPlan& plan = context_.plan;
  if (plan.has_copartitioned()) {
    consumer_->read_together({[&plan](const auto& at) { return plan.companions_of(at); },
                              [&plan](const auto& at) { return plan.is_table(at.topic); },
                              plan.has_ends ? Millis(0) : context.job.max_wait, plan.in_order_of_time,
                              [this](const auto& at, int64_t next) { return owner_.comes_more(at, next); }});
  }
  if (plan.in_order_of_time) {
    // IN does not wait for what the group itself wrote last: it would go on by a commit at a time.
    std::set<std::string> internal_topics;
    for (size_t i = 1; i < plan.subs.size(); ++i) internal_topics.insert(plan.subs[i].topic);
    consumer_->read_in_order_of_time(std::move(internal_topics));
  } else if (plan.at_one_pace && !plan.has_copartitioned()) {
    consumer_->read_at_one_pace([&plan](const auto& at) { return plan.sub_of(at.topic) == 0; });
  }
}

void GroupMembership::join() {
  const WorkerPlan& plan = context_.plan;
  consumer_->subscribe(plan.subscription);
  if (!slot_.instance_id().empty() && !plan.in_memory)
    unassigned_.emplace(context_.around, plan.group, plan.given_partitions());
}

kafka::Polled GroupMembership::poll(Batch& batch, Millis wait) {
  left_.clear();
  return consumer_->poll(batch, wait, *this);
}

void GroupMembership::look() {
  const Clock& clock = context_.around.clock;
  const int64_t now = clock.steady_us();
  if (now - last_look_us_ > kAwayUs) was_away_ = true;
  last_look_us_ = now;
  if (member_id_.empty() || now - member_noted_us_ > kMemberNoteUs) {
    member_noted_us_ = now;
    note_member();
  }
  if (unassigned_ && !member_id_.empty() && unassigned_->look(clock.steady_us())) {
    std::string names;
    for (const auto& at : unassigned_->left_out())
      names += ' ' + at.topic + '-' + std::to_string(at.partition);
    context_.log.note("unassigned partitions:" + names + "; rejoining the group");
  }
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void GroupMembership::leave(bool stay) {
  try {
    consumer_->leave(*this, stay);
  } catch (const kafka::KafkaError& error) {
    if (context_.job.verbose > 0)
      context_.log.note(std::string("closed without leaving the group in order: ") + error.what());
  }
}

void GroupMembership::started(const kafka::TopicPartition& at) {
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), at));
}

void GroupMembership::note_member() {
  const kafka::GroupMetadata group = consumer_->group_metadata();
  if (group.usable()) member_id_ = group.member_id;
}

void GroupMembership::on_assigned(const std::vector<kafka::TopicPartition>& partitions) {
  if (given_.empty()) held_as_ = consumer_->group_metadata().member_id;
  given_.insert(given_.end(), partitions.begin(), partitions.end());
  waiting_.insert(waiting_.end(), partitions.begin(), partitions.end());
}

// The client is inside a callback: nothing may be thrown through it.
void GroupMembership::on_revoked(const std::vector<kafka::TopicPartition>& partitions, bool lost) {
  if (!error_) {
    try {
      owner_.before_revoke(lost || consumer_->assignment_lost());
    } catch (...) {
      error_ = std::current_exception();
    }
  }
  left_.insert(left_.end(), partitions.begin(), partitions.end());
  for (const auto& at : partitions) {
    owner_.revoked(at);
    std::erase(given_, at);
    std::erase(waiting_, at);
  }
}

}  // namespace kutils::flow
