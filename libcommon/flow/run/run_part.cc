#include "flow/run/run_part.h"

#include "flow/run/run.h"

namespace kutils::flow {
namespace {

class OpenParts {
 public:
  OpenParts(const Job& job, const RunParts& parts, const Environment& around) : parts_(parts) {
    try {
      for (const auto& part : parts_) part->open(job, around);
    } catch (...) {
      close();
      throw;
    }
  }
  ~OpenParts() { close(); }
  OpenParts(const OpenParts&) = delete;
  OpenParts& operator=(const OpenParts&) = delete;

 private:
  void close() {
    for (const auto& part : parts_) part->close();
  }

  const RunParts& parts_;
};

}  // namespace

ExitCode run(const Job& job, const RunParts& parts, const Environment& around) {
  const OpenParts open(job, parts, around);
  // What was asked to end meanwhile has perhaps not read all of them.
  if (const int signal = around.stop.signal(); signal != 0 && !parts.empty())
    return static_cast<ExitCode>(128 + signal);
  return run(job, around);
}

}  // namespace kutils::flow
