#include "flow/membership/lost_offsets.h"

#include <algorithm>
#include <string>

#include "base/shell_word.h"

namespace kutils::flow {
namespace {

constexpr size_t kNamedAtMost = 5;
constexpr const char* kUnderAnotherName = "start from the beginning under another name with -g NAME";

Error lost_topic_error(const Job& job, const WorkerPlan& plan, const std::string& topic) {
  return usage_error("group " + plan.group + " has read topic '" + topic +
                         "' before, but the cluster has no offsets of it any more: they expired or were "
                         "deleted, or the topic was deleted and recreated",
                     job.stateful()
                         ? kUnderAnotherName
                         : "say where to start: -o beginning processes all of it again, -o end new "
                           "records only");
}

}  // namespace

std::string names_of(const std::vector<kafka::TopicPartition>& partitions) {
  std::string names;
  for (size_t i = 0; i < partitions.size() && i < kNamedAtMost; ++i)
    names +=
        (i == 0 ? "" : ", ") + partitions[i].topic + " [" + std::to_string(partitions[i].partition) + "]";
  if (partitions.size() > kNamedAtMost)
    names += " and " + std::to_string(partitions.size() - kNamedAtMost) + " more";
  return names;
}

Error lost_offsets_error(const Job& job, const WorkerPlan& plan,
                         const std::vector<kafka::TopicPartition>& lost) {
  const kafka::TopicPartition& first = lost.front();
  return usage_error(
      "group " + plan.group + " has read " + names_of(lost) +
          " before, but the cluster has no offset there any more: it expired or was deleted",
      job.stateful()
          ? kUnderAnotherName
          : "say where to start there, all else continues: -o beginning processes it again, -o end new "
            "records only; or, where it is known: koffset commit --execute " +
                shell_word(plan.group) + " " + first.topic + ":" + std::to_string(first.partition) +
                "=OFFSET");
}

void refuse_lost_offsets(const Job& job, const WorkerPlan& plan, const CommitMemory& memory,
                         kafka::Admin& admin) {
  // Where IN's partitions have state, that says itself where it stands; state behind an internal topic has the effects of
  // IN's records and cannot take them again.
  const bool says_start = !job.range.from.empty() || !job.range.since.empty() || job.range.tail;
  const bool is_new = plan.earlier_counts.empty();  // with state, or what is left of it: found by the plan
  if (plan.in_memory || (job.stateful() ? plan.input_has_state() || is_new : says_start)) return;
  std::vector<kafka::TopicPartition> lost;
  for (const auto& [topic, count] : plan.inputs) {
    const auto all_begun = plan.all_begun_counts.find(topic);
    std::vector<kafka::TopicPartition> of_topic;
    int32_t without = 0;
    for (int32_t p = 0; p < count; ++p) {
      const kafka::TopicPartition at{topic, p};
      if (plan.begun.count(at) > 0) continue;
      ++without;
      if ((all_begun != plan.all_begun_counts.end() && p < all_begun->second) ||
          memory.holds(admin.cluster_id(), at))
        of_topic.push_back(at);
    }
    if (without == count && (!of_topic.empty() || memory.holds(admin.cluster_id(), topic)))
      throw lost_topic_error(job, plan, topic);
    lost.insert(lost.end(), of_topic.begin(), of_topic.end());
  }
  if (!lost.empty()) throw lost_offsets_error(job, plan, lost);
}

}  // namespace kutils::flow
