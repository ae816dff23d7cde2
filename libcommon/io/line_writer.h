// From outputs to lines: one writer per format. A writer may keep state (a CSV header, a table's widths).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "data/record.h"
#include "io/line_format.h"

namespace kutils::io {

class LineWriter {
 public:
  virtual ~LineWriter() = default;
  // Appends the record with its terminator to `out`. A RecordError: not expressible, and `out` is as it was.
  virtual std::optional<RecordError> write(const Record* origin, const Output& output, std::string& out) = 0;
  // Appends what was kept back; called at each flush of the sink.
  virtual void flush(std::string& /*out*/) {}
  // The same, when nothing more comes.
  virtual void finish(std::string& out) { flush(out); }
};

// `bytes` as the codec has them decoded, in `scratch` if anything changes. No codec, or null: as they are.
std::optional<RecordError> decode(const std::optional<Codec>& codec, MaybeBytes& bytes, std::string& scratch);

// REQUIRES: check_output_format() did not throw.
std::unique_ptr<LineWriter> make_line_writer(const LineFormat& format);

}  // namespace kutils::io
