// Where outputs go. One thread uses a sink.
#pragma once

#include <optional>

#include "base/error.h"
#include "data/record.h"

namespace kutils::io {

class Sink {
 public:
  virtual ~Sink() = default;
  // Takes a copy of what it needs. A RecordError says that this output cannot be delivered (too large for the
  // topic, not expressible in the line format) and that nothing of it was written.
  virtual std::optional<RecordError> write(const Record* origin, const Output& output) = 0;
  // Everything written so far is delivered (acknowledged, or handed to the operating system) when this returns.
  // Throws Error(delivery) if it cannot be.
  virtual void flush() = 0;
};

}  // namespace kutils::io
