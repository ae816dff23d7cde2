// Where a processor's outputs go: the sink of each port, and the dead letters.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.h"
#include "data/record.h"

namespace kutils::flow {

class Outputs {
 public:
  virtual ~Outputs() = default;
  // As io::Sink::write, on the sink of output.port.
  virtual std::optional<RecordError> write(const Record* origin, const Output& output) = 0;
  // As io::Sink::too_far_ahead, of OUT.
  virtual std::optional<RecordError> too_far_ahead(int64_t /*ms*/) { return std::nullopt; }
  // The untouched record with headers that say where it came from and why it is here (see dead_letter.h).
  virtual void dead_letter(const Record& origin, const RecordError& error) = 0;
  // A result that OUT refused and that is of many records: it is the dead letter itself. Without its value if
  // the dead letters do not take that, either.
  virtual void dead_result(const Output& result, const RecordError& error) = 0;
};

}  // namespace kutils::flow
