// Records that retention deleted before the group had read them (rule 19). Reading on from wherever
// the log now begins would lose them silently, so auto.offset.reset is `error` and the judgement is made
// here.
#pragma once

#include <vector>

#include "base/log.h"
#include "kafka/admin.h"

namespace kutils::flow {

// Positions to read from, one of which the broker refused. Positions before the log's start are an
// Error(usage) that counts what is missing; with `accept` (--on-gap skip) they move up to the start, with a
// note. Positions beyond the end: the topic was recreated, an Error(usage). One request per partition.
void judge_gaps(std::vector<kafka::PartitionOffset>& from, kafka::Admin& admin, bool accept, Log& log);

}  // namespace kutils::flow
