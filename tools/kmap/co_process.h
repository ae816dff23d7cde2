// A command that answers each line that it gets, kept running: by one line, or by any number of lines and a
// last one that ends them.
//
// Where a line is an answer, nothing but their number says which is whose: a command that gives two lines for one and
// none for the next would mix them unseen. So the first lines of all, and the first of each batch, are asked alone, and
// more than their one answer ends the run.
//
// Started by `sh -c CMD` (under stdbuf -oL where that is installed, so that programs of C's stdio answer line
// by line) in a process group of its own: Ctrl-C on the terminal asks us to stop, and the command must still
// answer what it was asked. One thread. REQUIRES: SIGPIPE is ignored.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/signal.h"

namespace kutils {

class CoProcess {
 public:
  struct Options {
    std::optional<std::string> end_line;  // ends the answer to one line; nullopt: a line is an answer
    Millis notice{5'000};                 // said after this silence when an answer is due; once
    Millis timeout{30'000};               // how long the command may be silent after its input
    std::function<void(const std::string&)> note;  // may be empty
    const StopRequest* stop = &process_stop();     // asked while the command is silent; not owned
  };
  CoProcess(std::string command, Options options)
      : command_(std::move(command)), options_(std::move(options)) {}
  ~CoProcess();  // ends the command: end of input, then SIGTERM, then SIGKILL
  CoProcess(const CoProcess&) = delete;
  CoProcess& operator=(const CoProcess&) = delete;

  // The lines of all answers, and for each line that was asked where its own end among them. Views until the
  // next call.
  struct Answers {
    std::vector<std::string_view> lines;
    std::vector<size_t> ends;
  };
  // Sends the lines (without newlines in them) and waits for their answers. Throws Error(bad_record) if it
  // dies, stays silent, or answers more than it was asked. Fewer answers than lines: a signal asked the program
  // to end, and kStopTimeoutUs later the command had said no more; the command is gone.
  const Answers& ask(const std::vector<std::string_view>& lines);
  // Ends its input and waits for its end, after a signal no longer than kStopTimeoutUs. Throws
  // Error(bad_record) for a failure or a line too many.
  void finish();

 private:
  void start();
  void check_nothing_came(Millis poll_timeout = Millis(0));
  [[noreturn]] void died(size_t answered, size_t asked);
  [[noreturn]] void said_too_much() const;
  enum class Waited { ready, silent, stopped };
  // Until a pipe is ready, for `timeout`, or until a signal is older than kStopTimeoutUs.
  Waited wait(pollfd* fds, nfds_t count, Millis timeout);
  // The same for an answer: silent after the time-out. Prints one note before that.
  Waited wait_for(pollfd* fds, nfds_t count, size_t answered, size_t asked);
  bool is_overdue();
  size_t take_answers(size_t count);
  const char* contract() const;
  std::string silence(size_t answered, size_t asked, Millis time) const;
  int reap(bool force);
  void close_fds();

  const std::string command_;
  const Options options_;
  bool noticed_ = false;
  int alone_ = 20;  // lines that are still to be sent one by one
  std::optional<std::chrono::steady_clock::time_point> stop_seen_;
  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
  std::string sent_;      // what is being written
  std::string received_;  // what came and was not taken
  Answers answers_;
};

}  // namespace kutils
