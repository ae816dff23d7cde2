// Offsets of the group that the cluster has no more, where nothing but them tells how far IN was read. All of them expire
// or are deleted, or those of a topic, or of single partitions. To take such a partition for a new one would process it
// again without a word; a partition that was added to IN, or that no member had begun yet, is none of them.
//
// What tells them apart: this machine's memory of the group's commits (commit_memory.h), and, on any machine, a commit of
// another partition that says `all` (origins.h): when it was made, each partition that its fingerprint counts had an
// offset. Whoever has seen or made them all says so. Nobody can where several processes began a group in the same moment,
// none has started since, and this machine has no memory of it.
#pragma once

#include <string>
#include <vector>

#include "flow/run/worker_plan.h"
#include "flow/transaction/commit_memory.h"

namespace kutils::flow {

// Throws Error(usage) where the group looks new, or a part of its inputs does, but is not.
void refuse_lost_offsets(const Job& job, const WorkerPlan& plan, const CommitMemory& memory,
                         kafka::Admin& admin);
// The group has read these before.
Error lost_offsets_error(const Job& job, const WorkerPlan& plan,
                         const std::vector<kafka::TopicPartition>& lost);
// `in [1], in [3]`, and how many more; not empty.
std::string names_of(const std::vector<kafka::TopicPartition>& partitions);

}  // namespace kutils::flow
