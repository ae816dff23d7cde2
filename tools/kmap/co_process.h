// A command that answers one line for each line it gets, kept running.
//
// Started by `sh -c CMD` (under stdbuf -oL where that is installed, so that programs of C's stdio answer line
// by line) in a process group of its own: Ctrl-C on the terminal asks us to stop, and the command must still
// answer what it was asked. One thread. REQUIRES: SIGPIPE is ignored.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace kutils {

class CoProcess {
 public:
  // `patience`: how long it may stay silent when an answer is due.
  explicit CoProcess(std::string command, Millis patience = Millis(30'000))
      : command_(std::move(command)), patience_(patience) {}
  ~CoProcess();  // ends the command: end of input, then SIGTERM, then SIGKILL
  CoProcess(const CoProcess&) = delete;
  CoProcess& operator=(const CoProcess&) = delete;

  // Sends the lines (without newlines in them) and returns as many answers, without their newlines; views
  // until the next call. Throws Error(bad_record) if it dies, stays silent, or answers more lines than it
  // got.
  const std::vector<std::string_view>& ask(const std::vector<std::string_view>& lines);
  // Ends its input and waits for its end. Throws Error(bad_record) for a failure or a line too many.
  void finish();

 private:
  void start();
  void check_nothing_came();
  [[noreturn]] void died(size_t answered, size_t asked);
  int reap(bool force);
  void close_fds();

  const std::string command_;
  const Millis patience_;
  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  std::string sent_;      // what is being written
  std::string received_;  // what came and was not taken
  std::vector<std::string_view> answers_;
};

}  // namespace kutils
