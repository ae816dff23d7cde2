// Being asked to stop. SIGINT, SIGTERM and SIGHUP ask once: the run loop finishes its batch, commits and
// leaves. The second one ends the process at once with 128 + n; nothing is lost by that, only not committed.
#pragma once

#include <memory>

namespace kutils {

// What a run loop looks at between batches. Tests ask by hand.
class StopRequest {
 public:
  virtual ~StopRequest() = default;
  virtual int signal() const = 0;  // 0: go on
};

// Installs the handlers while it lives; at most one at a time, in the main thread, before other threads
// start.
class StopSignals final : public StopRequest {
 public:
  StopSignals();
  ~StopSignals() override;
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  int signal() const override;

 private:
  struct Saved;
  std::unique_ptr<Saved> saved_;
};

}  // namespace kutils
