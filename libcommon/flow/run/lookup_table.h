// A table that is no input of a task: all of it is in this process, and every stage looks rows up in it. It has
// no state, no positions and no place in a transaction: whoever starts reads all of it first.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace kutils::flow {

struct Environment;
struct Job;

class LookupTable {
 public:
  virtual ~LookupTable() = default;
  // Reads all that is there now. From then until close() it is kept up to date beside the caller's threads.
  // Called once, before the first record; `around` lives until close(). Returns early when the process is asked
  // to end. Throws Error.
  virtual void open(const Job& job, const Environment& around) = 0;
  virtual void close() = 0;
  // Copies the row of this key; false: there is none. Any thread. Throws Error if the table cannot be kept up
  // to date any more.
  virtual bool find(std::string_view key, std::string& row) = 0;
};
using LookupTables = std::vector<std::shared_ptr<LookupTable>>;

// run() (run.h) with these tables open.
ExitCode run(const Job& job, const LookupTables& tables, const Environment& around);
ExitCode run(const Job& job, const LookupTables& tables);

}  // namespace kutils::flow
