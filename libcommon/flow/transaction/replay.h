// A record that failed half-way under --on-error fail: it had written an output, or changed a state, and what
// one record did cannot be told apart from what others did. So its transaction is aborted, and what came before
// it is done again, up to it and no further, and committed.
//
//   failed(), any number of times → begin() → end_of() stands before the record → reached()
//
// One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "flow/membership/assignment.h"
#include "flow/run/report.h"

namespace kutils::flow {

class Replay {
 public:
  // The run ended as failed at this record, with these counts. Null: at none that could be told.
  void failed(const Record* record, const Report::Counts& counts) {
    if (is_on_) return;
    failed_.reset();
    if (record) failed_ = Failed{{std::string(record->topic), record->partition}, record->offset, counts};
  }
  // False: there is nothing that could be done again, or it was tried and failed too.
  bool begin() {
    if (!failed_ || is_on_) return false;
    return is_on_ = true;
  }
  bool is_on() const { return is_on_; }

  // Records from here on are not for this run: its end, or the record that failed.
  int64_t end_of(const OwnedPartition& partition) const {
    const int64_t end = partition.end.value_or(std::numeric_limits<int64_t>::max());
    return is_on_ && failed_->at == partition.at ? std::min(end, failed_->offset) : end;
  }

  // REQUIRES for the rest: is_on().
  const kafka::TopicPartition& at() const { return failed_->at; }
  // All before the record is done in this partition, which is at().
  bool reached(const OwnedPartition& partition) const { return partition.next >= failed_->offset; }
  const Report::Counts& counts() const { return failed_->counts; }

 private:
  struct Failed {
    kafka::TopicPartition at;
    int64_t offset;
    Report::Counts counts;
  };
  std::optional<Failed> failed_;
  bool is_on_ = false;
};

}  // namespace kutils::flow
