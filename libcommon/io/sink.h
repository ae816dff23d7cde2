// Where outputs go. One thread uses a sink.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "data/record.h"

namespace kutils::io {

// Thrown by write() and flush() when the reader of our output has hung up (EPIPE). Not an error: the run loop
// ends quietly, as coreutils do. A sink of lines makes the process ignore SIGPIPE.
class ReaderGone : public Error {
 public:
  ReaderGone() : Error(ExitCode::ok, "the reader of the output closed it") {}
};

class Sink {
 public:
  virtual ~Sink() = default;
  // Takes a copy of what it needs. A RecordError says that this output cannot be delivered (too large for the
  // topic, not expressible in the line format) and that nothing of it was written.
  virtual std::optional<RecordError> write(const Record* origin, const Output& output) = 0;
  // Why write() refuses an output of this time for being too far ahead of the clock; nullopt: it does not.
  virtual std::optional<RecordError> too_far_ahead(int64_t /*ms*/) { return std::nullopt; }
  // Everything written so far is delivered (acknowledged, or handed to the operating system) when this
  // returns. Throws Error(delivery) if it cannot be.
  virtual void flush() = 0;
  // After the last flush(): no more outputs come. Throws as flush() does.
  // The run has not ended well: what a file held stays, unless something was written to it. Before close().
  virtual void spare() {}
  virtual void close() {}
  // Asked while no input comes: true if nobody reads our output any more (a pipe whose other end was closed).
  virtual bool reader_gone() { return false; }
};

}  // namespace kutils::io
