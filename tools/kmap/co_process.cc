#include "kmap/co_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

extern char** environ;

namespace kutils {
namespace {

bool on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  for (std::string_view left = path ? path : ""; !left.empty();) {
    const std::string_view folder = left.substr(0, left.find(':'));
    if (access((std::string(folder) + "/" + program).c_str(), X_OK) == 0) return true;
    left.remove_prefix(std::min(left.size(), folder.size() + 1));
  }
  return false;
}

constexpr const char* kUnbuffered =
    "if the command buffers its output: sed -u, jq --unbuffered, python3 -u, awk with fflush()";

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  if (WEXITSTATUS(status) == 127) return "was not found (status 127)";
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

CoProcess::~CoProcess() {
  if (pid_ > 0) reap(true);
}

void CoProcess::close_fds() {
  if (to_ >= 0) close(to_);
  if (from_ >= 0) close(from_);
  to_ = from_ = -1;
}

void CoProcess::start() {
  int in[2];
  int out[2];
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
    throw Error(ExitCode::usage,
                std::string("cannot make a pipe for the co-process: ") + std::strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t signals;
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);

  std::vector<std::string> words;
  if (on_path("stdbuf")) words = {"stdbuf", "-oL"};
  words.insert(words.end(), {"sh", "-c", command_});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int problem = posix_spawnp(&pid_, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  to_ = in[1];
  from_ = out[0];
  if (problem != 0) {
    pid_ = -1;
    close_fds();
    throw Error(ExitCode::usage, "cannot start '" + command_ + "': " + std::strerror(problem));
  }
  fcntl(to_, F_SETFL, O_NONBLOCK);
  fcntl(from_, F_SETFL, O_NONBLOCK);
}

// Its status. `force`: it has a second to end by itself; less where somebody waits for our end.
int CoProcess::reap(bool force) {
  const int term_round = stop_seen_ ? 20 : 100;  // of 10 ms
  close_fds();
  int status = 0;
  if (force) {
    for (int round = 0; round < 200; ++round) {
      if (waitpid(pid_, &status, WNOHANG) != 0) {
        pid_ = -1;
        return status;
      }
      if (round == term_round) kill(-pid_, SIGTERM);
      poll(nullptr, 0, 10);
    }
    kill(-pid_, SIGKILL);
  }
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

void CoProcess::died(size_t answered, size_t asked) {
  const int status = reap(true);
  throw Error(ExitCode::bad_record,
              "the co-process '" + command_ + "' " + how_it_ended(status) + " after answering " +
                  std::to_string(answered) + " of " + std::to_string(asked) + " lines",
              contract());
}

const char* CoProcess::contract() const {
  return options_.end_line
             ? "each line in must give lines out that end with the line of --answer-end (a blank one by default)"
             : "each line in must give one line out, until the input ends; with --each-line any number";
}

std::string CoProcess::silence(size_t answered, size_t asked, Millis time) const {
  return "the co-process '" + command_ + "' has been silent for " + std::to_string(time.count() / 1000) +
         " s; it has answered " + std::to_string(answered) + " of " + std::to_string(asked) + " lines";
}

void CoProcess::said_too_much() const {
  throw Error(ExitCode::bad_record, "the co-process '" + command_ + "' answered more lines than it got",
              contract());
}

bool CoProcess::is_overdue() {
  if (options_.stop->signal() == 0) return false;
  const auto now = std::chrono::steady_clock::now();
  if (!stop_seen_) stop_seen_ = now;
  return now - *stop_seen_ >= std::chrono::microseconds(kStopTimeoutUs);
}

CoProcess::Waited CoProcess::wait(pollfd* fds, nfds_t count, Millis timeout) {
  constexpr Millis kGlance{100};  // a signal may interrupt another thread
  const auto until = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    if (is_overdue()) return Waited::stopped;
    const auto left = std::chrono::ceil<Millis>(until - std::chrono::steady_clock::now());
    const int ready = poll(fds, count, static_cast<int>(std::clamp(left, Millis(0), kGlance).count()));
    if (ready > 0) return Waited::ready;
    if (left <= kGlance && std::chrono::steady_clock::now() >= until) return Waited::silent;
  }
}

CoProcess::Waited CoProcess::wait_for(pollfd* fds, nfds_t count, size_t answered, size_t asked) {
  const Millis first = noticed_ ? options_.timeout : std::min(options_.notice, options_.timeout);
  const Waited waited = wait(fds, count, first);
  if (waited != Waited::silent || noticed_) return waited;
  noticed_ = true;
  if (options_.note)
    options_.note(silence(answered, asked, first) + "\n  " + contract() + "\n  " + kUnbuffered);
  return wait(fds, count, options_.timeout - first);
}

void CoProcess::check_nothing_came(Millis poll_timeout) {
  pollfd fd{from_, POLLIN, 0};
  if (poll(&fd, 1, static_cast<int>(poll_timeout.count())) == 1 && (fd.revents & POLLIN)) said_too_much();
}

const CoProcess::Answers& CoProcess::ask(const std::vector<std::string_view>& lines) {
  answers_.lines.clear();
  answers_.ends.clear();
  if (lines.empty()) return answers_;
  if (pid_ < 0) start();
  received_.clear();
  check_nothing_came();
  sent_.clear();
  size_t written = 0;
  size_t asked = 0;
  size_t answered = 0;
  size_t line = 0;  // where the line begins of which no end has been seen
  char buffer[65536];
  while (answered < lines.size()) {
    if (answered > asked) said_too_much();
    if (answered == asked) {
      constexpr Millis kSecondAnswer{2};
      const bool is_alone = !options_.end_line && alone_ > 0;
      if (is_alone && asked > 0) check_nothing_came(kSecondAnswer);
      if (is_alone) --alone_;
      const size_t until = is_alone || (!options_.end_line && asked == 0) ? asked + 1 : lines.size();
      for (; asked < until; ++asked) (sent_ += lines[asked]) += '\n';
    }
    pollfd fds[2] = {{from_, POLLIN, 0}, {written < sent_.size() ? to_ : -1, POLLOUT, 0}};
    const Waited waited = wait_for(fds, 2, answered, asked);
    if (waited == Waited::stopped) break;
    if (waited == Waited::silent) {
      throw Error(ExitCode::bad_record, silence(answered, asked, options_.timeout),
                  std::string(contract()) + "\n" + kUnbuffered);
    }
    if (fds[1].revents & (POLLOUT | POLLERR)) {
      const ssize_t n = write(to_, sent_.data() + written, sent_.size() - written);
      if (n > 0) written += static_cast<size_t>(n);
      // It takes no more: what it still says is read below, its end ends this.
      if (n < 0 && errno != EAGAIN && errno != EINTR) written = sent_.size();
    }
    if (fds[0].revents & (POLLIN | POLLHUP)) {
      const ssize_t n = read(from_, buffer, sizeof buffer);
      if (n == 0) died(answered, asked);
      size_t from = received_.size();
      if (n > 0) received_.append(buffer, static_cast<size_t>(n));
      for (size_t end; (end = received_.find('\n', from)) != std::string::npos; from = line = end + 1) {
        if (!options_.end_line || std::string_view(received_).substr(line, end - line) == *options_.end_line)
          ++answered;
      }
    }
  }
  // Only now: the text has moved while it grew.
  const size_t taken = take_answers(std::min(answered, lines.size()));
  if (answered < lines.size()) {
    reap(true);
  } else if (taken != received_.size()) {
    said_too_much();
  }
  return answers_;
}

// Returns how much of what was received they are.
size_t CoProcess::take_answers(size_t count) {
  size_t from = 0;
  while (answers_.ends.size() < count) {
    const size_t end = received_.find('\n', from);
    const std::string_view text = std::string_view(received_).substr(from, end - from);
    from = end + 1;
    const bool ends = options_.end_line && text == *options_.end_line;
    if (!ends) answers_.lines.push_back(text);
    if (ends || !options_.end_line) answers_.ends.push_back(answers_.lines.size());
  }
  return from;
}

void CoProcess::finish() {
  if (pid_ < 0) return;
  close(to_);
  to_ = -1;
  received_.clear();
  char buffer[4096];
  for (;;) {
    pollfd fd{from_, POLLIN, 0};
    const Waited waited = wait(&fd, 1, options_.timeout);
    if (waited == Waited::stopped) {  // all that it was asked is answered
      reap(true);
      return;
    }
    const ssize_t n = waited == Waited::ready ? read(from_, buffer, sizeof buffer) : 0;
    if (n <= 0) break;
    received_.append(buffer, static_cast<size_t>(n));
  }
  if (!received_.empty()) said_too_much();
  check_nothing_came();
  const int status = reap(true);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw Error(ExitCode::bad_record,
                "the co-process '" + command_ + "' " + how_it_ended(status) + " when its input ended");
  }
}

}  // namespace kutils
