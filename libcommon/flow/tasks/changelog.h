// The internal topics of a stateful group: made explicitly, verified where they exist (rule 20).
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "base/log.h"
#include "flow/topology/job.h"
#include "kafka/admin.h"

namespace kutils::flow {

struct ChangelogTopic {
  std::string name;
  int32_t partitions = 0;
  int64_t delete_retention_ms = 0;
  int64_t max_bytes = std::numeric_limits<int64_t>::max();  // of a row, as a batch of its own
};

std::string changelog_name(const std::string& group);

// `states`: partitions of state, for each of which it has one; one more where `keeps_positions` (input_positions.h), unless
// an earlier version has made it. `has_commits`: the group has worked before. Throws Error(usage) where the topic is
// missing under commits, has another number of partitions or another policy.
ChangelogTopic ensure_changelog(const Job& job, kafka::Admin& admin, Log& log, const std::string& group,
                                int32_t states, bool keeps_positions, bool has_commits);

// Makes the topic so that it takes records of any time: Kafka 4 refuses those more than an hour ahead, by
// default. Before 3.6 there was no such setting, and no limit. As Admin::create_topic otherwise.
bool create_for_any_time(kafka::Admin& admin, kafka::NewTopic topic);

// The topic before the sub-topology with this number, from 1.
std::string internal_topic_name(const std::string& group, size_t sub);
// Made with the input's number of partitions; records are never deleted by age. Returns its number of
// partitions.
int32_t ensure_internal_topic(const Job& job, kafka::Admin& admin, Log& log, const std::string& name,
                              int32_t partitions, bool has_commits);

}  // namespace kutils::flow
