#include "base/signal.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace kutils {
namespace {

constexpr std::array kStopping = {SIGINT, SIGTERM, SIGHUP};

// A signal handler can reach only statics. Workers read it in threads of their own (-j).
std::atomic<int> asked{0};
std::atomic<int> deaf_calls{0};
static_assert(std::atomic<int>::is_always_lock_free);

// Only what a signal handler may call.
void die_of_interrupt() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  raise(SIGINT);
  pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
}

void end_now(int number) {
  if (number == SIGINT) die_of_interrupt();
  _exit(128 + number);
}

void on_signal(int number) {
  if (asked != 0) end_now(number);
  asked = number;
  if (deaf_calls == 0) return;
  itimerval timeout{};
  timeout.it_value.tv_usec = kStopTimeoutUs;
  setitimer(ITIMER_REAL, &timeout, nullptr);
}

// No deaf call begins after a signal, so one that is running now was running when the signal came.
void on_alarm(int) {
  if (deaf_calls > 0) end_now(asked);
}

class ProcessStop final : public StopRequest {
 public:
  int signal() const override { return asked; }
};

}  // namespace

struct StopSignals::Saved {
  std::array<struct sigaction, kStopping.size()> actions;
  struct sigaction alarm;
};

StopSignals::StopSignals() : saved_(std::make_unique<Saved>()) {
  asked = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;  // no SA_RESTART: a read that waits returns
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kStopping.size(); ++i) {
    sigaction(kStopping[i], nullptr, &saved_->actions[i]);
    // nohup and `&` in a script ignore signals on purpose.
    if (saved_->actions[i].sa_handler != SIG_IGN) sigaction(kStopping[i], &action, nullptr);
  }
  action.sa_handler = on_alarm;
  sigaction(SIGALRM, &action, &saved_->alarm);
}

StopSignals::~StopSignals() {
  for (size_t i = 0; i < kStopping.size(); ++i) sigaction(kStopping[i], &saved_->actions[i], nullptr);
  sigaction(SIGALRM, &saved_->alarm, nullptr);
}

int StopSignals::signal() const { return asked; }

void die_of_interrupt_at_exit() {
  // Behind all that ends in order; the streams are flushed after such functions, so here as well.
  std::atexit([] {
    std::fflush(nullptr);
    die_of_interrupt();
  });
}

const StopRequest& process_stop() {
  static const ProcessStop stop;
  return stop;
}

DeafCall::DeafCall() {
  ++deaf_calls;  // counted first, so that a signal from here on sees the call
  if (asked == 0) return;
  --deaf_calls;
  throw Interrupted();
}
DeafCall::~DeafCall() { --deaf_calls; }

}  // namespace kutils
