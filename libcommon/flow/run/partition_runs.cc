#include "flow/run/partition_runs.h"

namespace kutils::flow {

void PartitionRuns::begin() {
  runs_.clear();
  for (const auto& one : owned_.all()) {
    one->seen = one->next;
    one->settled = false;
  }
}

size_t PartitionRuns::gather(std::span<const Record> records, size_t at, bool one_stage) {
  gathered_ = runs_.size();
  OwnedPartition* partition = nullptr;
  size_t behind = at;
  for (; behind < records.size(); ++behind) {
    const Record& record = records[behind];
    if (!partition || record.partition != partition->at.partition || record.topic != partition->at.topic) {
      OwnedPartition* const next = owned_.find(record.topic, record.partition);
      // What counts as read from IN, and where a record comes from, is said of all of them together.
      if (partition && !one_stage &&
          (!next || &next->task() != &partition->task() || next->is_internal != partition->is_internal))
        break;
      partition = next;
      if (!partition || membership_.has_left(partition->at)) break;
      runs_.push_back({partition, behind, behind});
    }
    if (record.offset < partition->seen || record.offset >= replay_.end_of(*partition)) {
      if (runs_.back().first == behind) runs_.pop_back();
      break;
    }
    partition->seen = record.offset + 1;
    runs_.back().last = behind;
  }
  for (size_t i = gathered_; i < runs_.size(); ++i) runs_[i].partition->at_log_end = false;
  return behind;
}

void PartitionRuns::taken(size_t before) {
  while (runs_.size() > gathered_ && runs_.back().first >= before) runs_.pop_back();
  if (runs_.size() > gathered_) runs_.back().last = std::min(runs_.back().last, before - 1);
}

bool PartitionRuns::pass_over(const Record& record, size_t at) {
  OwnedPartition* partition = owned_.find(record.topic, record.partition);
  if (!partition || membership_.has_left(partition->at)) return false;
  if (record.offset < partition->seen) return true;
  runs_.push_back({partition, at, at});  // beyond the end: everything before it is done
  return false;
}

}  // namespace kutils::flow
