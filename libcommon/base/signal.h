// Being asked to stop. SIGINT, SIGTERM and SIGHUP ask once: the run loop finishes its batch, commits and
// leaves. The second one ends the process at once with 128 + n; nothing is lost by that, only not committed.
// Of SIGINT the process dies in both cases (which a shell shows as 130, too): a shell that runs a loop or a
// list ends with a program that Ctrl-C killed, and goes on after one that ended by itself.
#pragma once

#include <cstdint>
#include <memory>

namespace kutils {

// How long work in progress may go on after a signal. Then the run loop stops between two records, and an
// evaluation stops within a record.
constexpr int64_t kStopTimeoutUs = 500'000;

// Thrown by a long computation (an evaluation) that stops within a record because a signal asked the program
// to end. The run loop treats the record as not begun. Only the loop may catch it, so it does not derive from
// std::exception.
struct Interrupted {};

// The request that a run loop checks between batches and, where batches take long, between records. Tests set
// it by hand.
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

// The process, at its exit, dies of SIGINT. To be called when it ends because of one.
void die_of_interrupt_at_exit();

// The signals that the process's StopSignals received, for computations that have no access to the run loop.
const StopRequest& process_stop();

// Stands around a single call that may take seconds and cannot be interrupted (a regular expression on a long
// text). If it has not returned within kStopTimeoutUs of a signal, the process ends as at the second one.
// Throws Interrupted if the end was asked for already.
class DeafCall {
 public:
  DeafCall();
  ~DeafCall();
  DeafCall(const DeafCall&) = delete;
  DeafCall& operator=(const DeafCall&) = delete;
};

}  // namespace kutils
