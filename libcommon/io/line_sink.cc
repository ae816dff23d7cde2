#include "io/line_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <utility>

#include "base/error.h"
#include "base/fs.h"
#include "base/printable.h"
#include "base/signal.h"
#include "io/line_writer.h"

namespace kutils::io {
namespace {

constexpr size_t kChunk = 128 * 1024;

class LineSink final : public Sink {
 public:
  LineSink(int fd, bool owned, std::string name, const LineFormat& format, bool replaces)
      : fd_(fd),
        owned_(owned),
        replaces_(replaces),
        name_(std::move(name)),
        is_live_(format.live),
        is_coloured_(format.dress.colour),
        writer_(make_line_writer(format)) {
    std::signal(SIGPIPE, SIG_IGN);
    buffer_.reserve(kChunk + 16 * 1024);
  }
  ~LineSink() override {
    // Reached without close() only when something threw: what failed has been said.
    if (owned_ && fd_ >= 0) ::close(fd_);
  }
  LineSink(const LineSink&) = delete;
  LineSink& operator=(const LineSink&) = delete;

  std::optional<RecordError> write(const Record* origin, const Output& output) override {
    if (auto error = writer_->write(origin, output, buffer_)) return error;
    if (buffer_.size() >= kChunk) write_out();
    return std::nullopt;
  }
  void flush() override {
    writer_->flush(buffer_);
    write_out();
  }
  void spare() override { replaces_ = false; }
  void close() override {
    if (fd_ < 0) return;
    writer_->finish(buffer_);
    write_out();
    empty_before_first();  // nothing came: that is the result
    if (!owned_) return;
    const int fd = std::exchange(fd_, -1);
    // A network file system may say only now that the disk is full.
    if (::close(fd) != 0 && errno != EINTR) fail();
  }
  bool reader_gone() override {
    // Only a pipe or socket whose other end was closed answers without being asked for anything.
    pollfd waiting{fd_, 0, 0};
    return fd_ >= 0 && ::poll(&waiting, 1, 0) > 0 && (waiting.revents & (POLLERR | POLLHUP));
  }

 private:
  // What the file held stays until there is something to write, or the run has ended well: a mistake that is
  // found when the input is opened costs nobody a file.
  void empty_before_first() {
    if (!std::exchange(replaces_, false)) return;
    // EINVAL: a device or a pipe, which has nothing to empty.
    if (::ftruncate(fd_, 0) != 0 && errno != EINVAL) fail();
  }
  void write_out() {
    if (!buffer_.empty()) empty_before_first();
    if (is_terminal_ && !is_live_)
      buffer_ = is_coloured_ ? printable_but_colours(buffer_) : printable(buffer_);
    std::string_view rest = buffer_;
    while (!rest.empty()) {
      size_t most = rest.size();
      if (process_stop().signal() != 0) {
        give_up_if_stuck();
        most = std::min<size_t>(most, PIPE_BUF);  // so much goes in at once where it is ready
      }
      const ssize_t n = ::write(fd_, rest.data(), most);
      if (n >= 0) {
        rest.remove_prefix(static_cast<size_t>(n));
        continue;
      }
      if (errno == EINTR) continue;
      if (errno == EAGAIN) {  // someone who shares the terminal or pipe made it non-blocking
        pollfd waiting{fd_, POLLOUT, 0};
        ::poll(&waiting, 1, -1);
        continue;
      }
      const int reason = errno;
      buffer_.clear();  // so that nothing tries again on the way out
      if (reason == EPIPE) throw ReaderGone();
      errno = reason;
      fail();
    }
    buffer_.clear();
  }
  // A signal asked for the end, and the reader of the pipe takes nothing: the wait for it has a limit.
  void give_up_if_stuck() {
    pollfd waiting{fd_, POLLOUT, 0};
    if (!is_stuck_ && ::poll(&waiting, 1, static_cast<int>(kStopTimeoutUs / 1000)) != 0) return;
    is_stuck_ = true;
    throw Interrupted();
  }
  [[noreturn]] void fail() const {
    throw Error(ExitCode::delivery, system_message("write to", name_, errno));
  }

  int fd_;
  bool owned_;
  bool replaces_;  // what the file held has not been removed yet
  std::string name_;
  bool is_live_;  // the writer has codes of its own for the terminal, and escapes what is the records'
  bool is_coloured_;
  std::unique_ptr<LineWriter> writer_;
  const bool is_terminal_ = ::isatty(fd_) == 1;
  std::string buffer_;
  bool is_stuck_ = false;
};

}  // namespace

std::unique_ptr<Sink> make_line_sink(int fd, bool owned, std::string name, const LineFormat& format) {
  return std::make_unique<LineSink>(fd, owned, std::move(name), format, false);
}

std::unique_ptr<Sink> open_line_sink(const Endpoint& out, const LineFormat& format, OpenMode mode) {
  if (out.kind == EndpointKind::stdio) return make_line_sink(STDOUT_FILENO, false, "standard output", format);
  const int how = mode == OpenMode::append ? O_APPEND : 0;
  int fd;
  do {  // a named pipe waits for its reader
    if (process_stop().signal() != 0) throw Interrupted();
    fd = ::open(out.name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | how, 0666);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) throw Error(ExitCode::delivery, system_message("write to", out.name, errno));
  return std::make_unique<LineSink>(fd, true, out.name, format, mode != OpenMode::append);
}

}  // namespace kutils::io
