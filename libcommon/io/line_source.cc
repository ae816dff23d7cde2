#include "io/line_source.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/fs.h"
#include "base/signal.h"
#include "base/utf8.h"
#include "io/compressed.h"
#include "io/line_parser.h"

namespace kutils::io {
namespace {

constexpr size_t kBlockSize = 256 * 1024;
constexpr size_t kMaxRecords = 8192;

struct Block {
  explicit Block(size_t n) : memory(new char[n]), size(n) {}
  std::unique_ptr<char[]> memory;
  size_t size;
};

class LineSource final : public Source {
 public:
  LineSource(int fd, bool owned, std::string name, const LineFormat& format, uint32_t input)
      : fd_(fd),
        owned_(owned),
        name_(std::move(name)),
        input_(input),
        terminator_(format.nul_ended ? '\0' : '\n'),
        latin1_(format.latin1),
        decompressed_(format.decompressed),
        parser_(make_line_parser(format)),
        spans_lines_(parser_->spans_lines()),
        block_(std::make_shared<Block>(kBlockSize)) {
    struct stat info {};
    regular_ = ::fstat(fd_, &info) == 0 && S_ISREG(info.st_mode);
    if (regular_) judge_file();
    if (regular_ && parser_->has_header()) judge_header(format);
  }
  ~LineSource() override {
    if (owned_) ::close(fd_);
  }
  LineSource(const LineSource&) = delete;
  LineSource& operator=(const LineSource&) = delete;

  Fill poll(Batch& batch, Millis wait) override {
    bad_.clear();
    held_ = false;
    got_nothing_ = false;
    take_lines(batch);
    if (got_any(batch)) return Fill::records;
    if (ended_) return Fill::end;
    const auto until = std::chrono::steady_clock::now() + wait;
    while (true) {
      make_room();
      if (!regular_ && !readable(until)) {
        got_nothing_ = true;
        return Fill::nothing;
      }
      const ssize_t n = ::read(fd_, block_->memory.get() + end_, block_->size - end_);
      if (n < 0) {
        if (errno == EINTR) return Fill::nothing;
        if (errno == EAGAIN) continue;  // someone who shares the terminal or pipe made it non-blocking
        throw Error(ExitCode::usage, system_message("read", name_, errno));
      }
      if (n == 0) {
        ended_ = true;
        if (!is_judged_) judge_bytes({block_->memory.get(), end_});
        if (begin_ < end_) take(block_->memory.get() + begin_, block_->memory.get() + end_, batch);
        begin_ = end_;
        return Fill::end;
      }
      end_ += static_cast<size_t>(n);
      if (!is_judged_ && !judge_beginning()) continue;
      take_lines(batch);
      if (got_any(batch)) return Fill::records;
    }
  }

  const std::vector<BadRecord>& bad_records() const override { return bad_; }
  std::vector<kafka::TopicPartition> at_end() const override {
    if (!got_nothing_) return {};
    return {{"", 0}};
  }

 private:
  bool got_any(const Batch& batch) const { return !batch.empty() || !bad_.empty(); }

  // False: nothing came in time, or a signal.
  bool readable(std::chrono::steady_clock::time_point until) const {
    const auto left = std::chrono::duration_cast<Millis>(until - std::chrono::steady_clock::now()).count();
    pollfd waiting{fd_, POLLIN, 0};
    const int timeout = static_cast<int>(std::clamp<int64_t>(left, 0, 1'000'000'000));
    return ::poll(&waiting, 1, timeout) > 0;
  }

  // Compressed bytes read as text would be garbage, or no line at all. Of a file it is known before anything is made.
  void judge_file() {
    char begin[kCompressionBytes];
    const off_t at = ::lseek(fd_, 0, SEEK_CUR);
    const ssize_t n = at < 0 ? 0 : ::pread(fd_, begin, sizeof begin, at);
    if (n > 0) judge_bytes({begin, static_cast<size_t>(n)});
  }
  // False: what a pipe has given is too short to tell. A line's end tells that it is text.
  bool judge_beginning() {
    const std::string_view bytes(block_->memory.get(), end_);
    const bool is_enough = bytes.size() >= kCompressionBytes || bytes.find(terminator_) != bytes.npos;
    if (is_enough) judge_bytes(bytes);
    return is_enough;
  }
  void judge_bytes(std::string_view bytes) {
    is_judged_ = true;
    const Compression* const found = find_compression(bytes.substr(0, kCompressionBytes));
    if (found == nullptr) return;
    const std::string reader(found->reader);
    throw usage_error(
        (name_ == "-" ? "standard input" : name_) + " is compressed by " + std::string(found->name),
        decompressed_ ? decompressed_(found->reader) : "decompress it first: " + reader);
  }

  // Of a file: a header that cannot be is found before anything is made for what would come.
  void judge_header(const LineFormat& format) {
    ssize_t n = 0;
    do {
      n = ::read(fd_, block_->memory.get(), block_->size);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) return;  // poll() meets it again
    end_ = static_cast<size_t>(n);
    const auto parser = make_line_parser(format);
    const char* begin = block_->memory.get();
    const char* const end = begin + end_;
    Batch batch;
    Record record;
    RecordError error;
    while (begin != end) {
      const char* stop = parser->find_end(begin, end, terminator_);
      if (!stop && end_ == block_->size) return;  // it goes on behind the block
      if (!stop) stop = end;
      const std::string_view line(begin, static_cast<size_t>(stop - begin));
      parse(*parser, line, batch, record, error);
      if (line.find_first_not_of("\r") != line.npos) return;
      begin = stop == end ? end : stop + 1;
    }
  }

  static std::string_view from_latin1(std::string_view line, Batch& batch) {
    std::string text;
    append_latin1(line, text);
    return batch.arena().copy(text);
  }

  // An error that ends the run says where it is.
  LineParser::Got parse(LineParser& parser, std::string_view line, Batch& batch, Record& record,
                        RecordError& error) const {
    try {
      if (latin1_ && !all_ascii(line)) line = from_latin1(line, batch);
      return parser.parse(line, batch, record, error);
    } catch (const Error& broken) {
      throw Error(broken.code(), (name_ == "-" ? "standard input" : name_) + ": " + broken.what(),
                  broken.hint());
    }
  }

  // All whole lines that have been read, up to the batch's limit.
  void take_lines(Batch& batch) {
    const char* base = block_->memory.get();
    const char* const end = base + end_;
    while (batch.records().size() + bad_.size() < kMaxRecords) {
      const char* stop = parser_->find_end(base + scanned_, end, terminator_);
      if (!stop) {
        scanned_ = end_;
        return;
      }
      take(base + begin_, stop, batch);
      begin_ = scanned_ = static_cast<size_t>(stop + 1 - base);
    }
  }

  void take(const char* begin, const char* end, Batch& batch) {
    const std::string_view line(begin, static_cast<size_t>(end - begin));
    if (!held_) {
      batch.hold(block_);
      held_ = true;
    }
    Record& record = batch.records().emplace_back();
    record.topic = name_;
    record.offset = number_;
    record.input = input_;
    number_ += 1;
    if (spans_lines_) number_ += std::count(begin, end, '\n');
    switch (parse(*parser_, line, batch, record, error_)) {
      case LineParser::Got::record:
        break;
      case LineParser::Got::nothing:
        batch.records().pop_back();
        break;
      case LineParser::Got::error: {
        Record origin;
        origin.topic = name_;
        origin.offset = record.offset;
        origin.input = input_;
        origin.value = line;
        batch.records().pop_back();
        bad_.push_back({batch.records().size(), origin, std::move(error_)});
        break;
      }
    }
  }

  // Space to read into behind what is not yet taken. A block that a batch still shows is left to it.
  void make_room() {
    const size_t kept = end_ - begin_;
    size_t size = block_->size;
    if (kept > size / 2) {
      if (kept > kMaxLine)
        throw Error(ExitCode::bad_record,
                    name_ + ":" + std::to_string(number_ + 1) + ": the line is longer than 64 MiB",
                    "is this text? Records that end with NUL bytes are read with -0");
      size *= 2;
    }
    if (size != block_->size || block_.use_count() > 1) {
      auto fresh = std::make_shared<Block>(size);
      std::memcpy(fresh->memory.get(), block_->memory.get() + begin_, kept);
      block_ = std::move(fresh);
    } else if (begin_ > 0) {
      std::memmove(block_->memory.get(), block_->memory.get() + begin_, kept);
    }
    scanned_ -= begin_;
    begin_ = 0;
    end_ = kept;
  }

  int fd_;
  bool owned_;
  bool regular_ = false;
  bool is_judged_ = false;  // whether what it begins with is text
  bool ended_ = false;
  bool held_ = false;
  bool got_nothing_ = false;  // by the batch of this poll
  std::string name_;
  uint32_t input_;
  char terminator_;
  bool latin1_;
  std::function<std::string(std::string_view)> decompressed_;
  std::unique_ptr<LineParser> parser_;
  bool spans_lines_;
  std::shared_ptr<Block> block_;
  size_t begin_ = 0;    // first byte not taken
  size_t scanned_ = 0;  // first byte not looked at
  size_t end_ = 0;      // end of what was read
  int64_t number_ = 0;  // of the next line
  RecordError error_{Reason::bad_line, {}};
  std::vector<BadRecord> bad_;
};

}  // namespace

std::unique_ptr<Source> make_line_source(int fd, bool owned, std::string name, const LineFormat& format,
                                         uint32_t input) {
  return std::make_unique<LineSource>(fd, owned, std::move(name), format, input);
}

std::unique_ptr<Source> open_line_source(const Endpoint& in, const LineFormat& format, uint32_t input) {
  if (in.kind == EndpointKind::stdio) return make_line_source(STDIN_FILENO, false, "-", format, input);
  int fd;
  do {  // a named pipe waits for its writer
    if (process_stop().signal() != 0) throw Interrupted();
    fd = ::open(in.name.c_str(), O_RDONLY | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) throw Error(ExitCode::usage, system_message("read", in.name, errno));
  struct stat info {};
  if (::fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
    ::close(fd);
    throw Error(ExitCode::usage, system_message("read", in.name, EISDIR));
  }
  return make_line_source(fd, true, in.name, format, input);
}

}  // namespace kutils::io
