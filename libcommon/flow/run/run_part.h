// What a run has beside its inputs and outputs: checked or opened once by the process, before its workers begin.
#pragma once

#include <memory>
#include <vector>

#include "base/error.h"

namespace kutils::flow {

struct Environment;
struct Job;

class RunPart {
 public:
  virtual ~RunPart() = default;
  // Before the first record; `around` lives until close(). Returns early when the process is asked to end.
  // Throws Error.
  virtual void open(const Job& job, const Environment& around) = 0;
  virtual void close() {}
};
using RunParts = std::vector<std::shared_ptr<RunPart>>;

// run() (run.h) with these open.
ExitCode run(const Job& job, const RunParts& parts, const Environment& around);
ExitCode run(const Job& job, const RunParts& parts);

}  // namespace kutils::flow
