#include "base/signal.h"

#include <signal.h>
#include <unistd.h>

#include <array>

namespace kutils {
namespace {

constexpr std::array kStopping = {SIGINT, SIGTERM, SIGHUP};

// A handler can reach nothing but a static; StopSignals is its only other user.
volatile sig_atomic_t asked = 0;

void on_signal(int number) {
  if (asked != 0) _exit(128 + number);
  asked = number;
}

}  // namespace

struct StopSignals::Saved {
  std::array<struct sigaction, kStopping.size()> actions;
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
}

StopSignals::~StopSignals() {
  for (size_t i = 0; i < kStopping.size(); ++i) sigaction(kStopping[i], &saved_->actions[i], nullptr);
}

int StopSignals::signal() const { return asked; }

}  // namespace kutils
