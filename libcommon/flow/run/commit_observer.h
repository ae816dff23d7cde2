// What commits cost and how far they have come, for an observer of a run (observer.h) that is this, too:
// metrics.
#pragma once

#include <cstdint>

#include "data/record.h"
#include "flow/run/observer.h"

namespace kutils::flow {

struct CommitNews {
  int64_t took_us = 0;                    // from its begin until it was answered
  int64_t record_time_ms = kNoTimestamp;  // the largest of records that ended a batch, of the whole run
};

class CommitObserver {
 public:
  virtual ~CommitObserver() = default;
  // Before RunObserver::committed() of the same commit.
  virtual void commit_done(const CommitNews& news) = 0;
};

inline void tell_commit(RunObserver* observer, const CommitNews& news) {
  if (auto* const commits = dynamic_cast<CommitObserver*>(observer)) commits->commit_done(news);
}

}  // namespace kutils::flow
