#include "flow/membership/group_ends.h"

#include <algorithm>
#include <string>
#include <vector>

#include "flow/membership/origins.h"

namespace kutils::flow {
namespace {

// A member that has been given nothing for so long gets nothing: others have it all.
constexpr int64_t kAssignmentUs = 15'000'000;
// A killed member is out of the group by then: after its session time-out of 30 s and a rebalance.
constexpr int64_t kTakeOverUs = 35'000'000;
constexpr int64_t kTellAfterUs = 1'000'000;

}  // namespace

bool GroupEnds::reached(size_t sub, kafka::GroupConsumer& consumer) const {
  const WorkerPlan& plan = context_.plan;
  std::vector<kafka::TopicPartition> partitions;
  for (const auto& [at, end] : plan.ends)
    if (plan.sub_of(at.topic) == sub) partitions.push_back(at);
  if (partitions.empty()) return true;
  for (const auto& commit : consumer.committed(partitions)) {
    if (commit.offset < plan.ends.at(commit.at)) return false;
    // An accepted change is not done before the group knows it, also where nothing new has come.
    if ((context_.job.accept_change || plan.accepts_change) && commit.offset >= 0 &&
        fingerprint_of(commit.metadata) != plan.fingerprint)
      return false;
  }
  return true;
}

bool GroupEnds::waits_for_partitions(int32_t held, int32_t all, int64_t waited_us) {
  const WorkerPlan& plan = context_.plan;
  if (held >= all) return false;
  if (held == 0 && waited_us < kAssignmentUs) return true;
  if (plan.in_memory || live_siblings_have_the_rest()) return false;
  const std::string missing = std::to_string(all - held) + " of " + std::to_string(all) + " partitions";
  if (waited_us >= kTakeOverUs) {
    context_.log.note(missing + " are held by other members of group " + plan.group +
                      (context_.job.close_at_end
                           ? ": their windows are closed only if those run with --close-at-end, too"
                           : ": records that wait there are written when those run"));
    return false;
  }
  if (waited_us >= kTellAfterUs && !is_told_) {
    is_told_ = true;
    context_.log.note("waiting for " + missing +
                      " that another member of the group holds: if it was killed, its session ends within " +
                      std::to_string(kTakeOverUs / 1'000'000) + " s");
  }
  return true;
}

bool GroupEnds::live_siblings_have_the_rest() const {
  const std::string& ours = slot_.instance_id();
  if (ours.empty() || slot_.directory().empty()) return false;
  try {
    const auto members = context_.admin.group_members(context_.plan.group);
    std::vector<std::string> dead;
    for (int number = 0; const auto slot = slot_.next_dead(number);) dead.push_back(slot->transactional_id);
    const std::string here = ours.substr(0, ours.rfind('.') + 1);
    return members.size() > 1 &&
           std::all_of(members.begin(), members.end(), [&](const kafka::GroupMember& member) {
             return member.instance_id.starts_with(here) &&
                    std::find(dead.begin(), dead.end(), member.instance_id) == dead.end();
           });
  } catch (const Error&) {
    return false;  // without an answer siblings count as not alive
  }
}

}  // namespace kutils::flow
