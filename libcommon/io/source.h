// Where records come from. One thread uses a source.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "data/batch.h"
#include "kafka/group_consumer.h"

namespace kutils::io {

enum class Fill {
  records,  // the batch holds at least one record
  nothing,  // none came within the wait; more may
  end,      // the input has ended: nothing more will come (the batch may hold the last records)
};

// Input that could not be made a record (a line that is not in the input format). Views live as long as the
// batch's.
struct BadRecord {
  size_t before = 0;  // it stood before batch.records()[before], or behind the last one
  Record origin;      // topic, partition, offset; `value` is the untouched input
  RecordError error;
};

class Source {
 public:
  virtual ~Source() = default;
  // Waits up to `wait` for the first record, then takes what is there without waiting, some thousand at most.
  // `batch` is empty on entry. A line that is not in the input format becomes a failed record: see
  // bad_records(). Throws Error where the input cannot be read.
  virtual Fill poll(Batch& batch, Millis wait) = 0;
  // Of the last poll, in order.
  virtual const std::vector<BadRecord>& bad_records() const {
    static const std::vector<BadRecord> none;
    return none;
  }
  // The partitions (of lines: 0 of no topic) of which all that is there has been given. Asked after a poll
  // that gave nothing or something; who is in it for long is silent (rule 26).
  virtual std::vector<kafka::TopicPartition> at_end() const { return {}; }
  // Whether the partition may still give something: false for one that is not read, and one that was read to
  // the end that was asked for.
  virtual bool may_give(const kafka::TopicPartition&) const { return true; }
  // Reads these as well, from their beginning and without end; of lines there are none.
  virtual void add(const std::vector<kafka::TopicPartition>&) {}
};

}  // namespace kutils::io
