// Being asked to stop. SIGINT, SIGTERM and SIGHUP ask once: the run loop finishes its batch, commits and
// leaves. The second one ends the process at once with 128 + n; nothing is lost by that, only not committed.
#pragma once

#include <cstdint>
#include <memory>

namespace kutils {

// How long what is in hand may go on once the end was asked for: then the run loop stops between two records,
// and an evaluation within one.
constexpr int64_t kStopPatienceUs = 500'000;

// Thrown by what takes long (an evaluation) to leave a record half done because the end was asked for. The
// loop takes the record for not begun. Nothing else catches it, so it is no std::exception.
struct Interrupted {};

// What a run loop looks at between batches and, where these take long, between records. Tests ask by hand.
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

// What the process's StopSignals heard, for computations that no run loop can reach.
const StopRequest& process_stop();

// Around a single call that may take seconds and looks at nothing (a regular expression on a long text). If
// it has not returned within kStopPatienceUs of a signal, the process ends as at the second one. Throws
// Interrupted if the end was asked for already.
class DeafCall {
 public:
  DeafCall();
  ~DeafCall();
  DeafCall(const DeafCall&) = delete;
  DeafCall& operator=(const DeafCall&) = delete;
};

}  // namespace kutils
