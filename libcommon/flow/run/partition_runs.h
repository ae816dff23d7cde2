// A batch as runs of records of one partition each, in the order in which they go through stages, and how far
// each partition is when some of the batch is done. Records that are not ours, not any more, or not for this run
// are in no run that goes to a stage.
//
//   begin() → gather(), taken() or pass_over(), until the batch ends → settle()
//
// Of the partitions it reads and moves `seen`, `settled` and `at_log_end`. One thread; references outlive it, as
// the partitions of a batch outlive the batch (Assignment changes between batches only).
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "data/record.h"
#include "flow/membership/assignment.h"
#include "flow/membership/group_membership.h"
#include "flow/transaction/replay.h"

namespace kutils::flow {

class PartitionRuns {
 public:
  PartitionRuns(Assignment& owned, const GroupMembership& membership, const Replay& replay)
      : owned_(owned), membership_(membership), replay_(replay) {}

  // A batch begins: nothing of it was looked at.
  void begin();
  // Records from `at` on that go to a stage together: those of one task, either of its internal topic or of what is
  // read beside it; where one stage stands for all, of several tasks. In order of time the runs of one partition are
  // short. Returns where they end; `at`: this one goes to none.
  size_t gather(std::span<const Record> records, size_t at, bool one_stage);
  // The partition of the first of them. REQUIRES: gather() found some.
  OwnedPartition& first() const { return *runs_[gathered_].partition; }
  // The stage was given only those before this index, for it ended.
  void taken(size_t before);
  // A record that goes to no stage, where gather() returned `at`. True: it was seen already (rule 15).
  bool pass_over(const Record& record, size_t at);
  // Of the batch, what is before `done` is done. Calls `settled(partition, last)` for each partition of such
  // records, once, with the last of them.
  template <typename Settled>
  void settle(std::span<const Record> records, size_t done, const Settled& settled) {
    for (size_t i = runs_.size(); i > 0; --i) {
      const Run& run = runs_[i - 1];
      if (run.first >= done || run.partition->settled) continue;
      run.partition->settled = true;
      settled(*run.partition, records[std::min(run.last, done - 1)]);
    }
  }

 private:
  struct Run {
    OwnedPartition* partition;
    size_t first, last;  // indices in the batch, of one partition all
  };
  Assignment& owned_;
  const GroupMembership& membership_;
  const Replay& replay_;
  std::vector<Run> runs_;
  size_t gathered_ = 0;  // the first run of the last gather()
};

}  // namespace kutils::flow
