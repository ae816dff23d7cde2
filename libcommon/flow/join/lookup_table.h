// A table that is no input of a task: all of it is in this process, and every stage looks rows up in it. It has
// no state, no positions and no place in a transaction: whoever starts reads all of it first.
#pragma once

#include <string>
#include <string_view>

#include "flow/run/run_part.h"

namespace kutils::flow {

// open() reads all that is there now. From then until close() the table is kept up to date beside the caller's
// threads.
class LookupTable : public RunPart {
 public:
  // Copies the row of this key; false: there is none. Any thread. Throws Error if the table cannot be kept up
  // to date any more.
  virtual bool find(std::string_view key, std::string& row) = 0;
};

}  // namespace kutils::flow
