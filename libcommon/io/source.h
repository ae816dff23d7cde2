// Where records come from. One thread uses a source.
#pragma once

#include "base/clock.h"
#include "data/batch.h"

namespace kutils::io {

enum class Fill {
  records,  // the batch holds at least one record
  nothing,  // none came within the wait; more may
  end,      // the input has ended: nothing more will come (the batch may hold the last records)
};

class Source {
 public:
  virtual ~Source() = default;
  // Waits up to `wait` for the first record, then takes what is there without waiting, some thousand at most. `batch` is
  // empty on entry. A line that is not in the input format becomes a failed record: see bad_records().
  // Throws Error where the input cannot be read.
  virtual Fill poll(Batch& batch, Millis wait) = 0;
};

}  // namespace kutils::io
