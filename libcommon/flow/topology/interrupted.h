// Thrown by a stage that answers later, where it waits for others and a signal asked the program to end: what
// came before `first` has been emitted or failed, `first` and what it took behind that have not. The run loop
// treats these as not begun.
#pragma once

#include "base/signal.h"
#include "data/record.h"

namespace kutils::flow {

struct InterruptedBefore : Interrupted {
  explicit InterruptedBefore(const Record& record) : first(record) {}
  const Record& first;
};

}  // namespace kutils::flow
