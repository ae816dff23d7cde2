#include "ktop/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/display_width.h"
#include "base/error.h"
#include "base/utf8.h"

namespace kutils::ktop {
namespace {

// So long the rest of a key's sequence may take, over a slow connection, too.
constexpr Millis kSequenceLimit{50};

// The other screen, no cursor, no wrapping; and back.
constexpr std::string_view kBegin = "\033[?1049h\033[?25l\033[?7l\033[2J";
constexpr std::string_view kEnd = "\033[0m\033[?7h\033[?25h\033[?1049l";
// A terminal that knows it shows a frame when it is whole.
constexpr std::string_view kFrameBegin = "\033[?2026h";
constexpr std::string_view kFrameEnd = "\033[?2026l";

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n > 0) {
      text.remove_prefix(static_cast<size_t>(n));
    } else if (n < 0 && errno == EAGAIN) {
      pollfd one{STDOUT_FILENO, POLLOUT, 0};
      ::poll(&one, 1, 1000);
    } else if (n < 0 && errno != EINTR) {
      return;  // the terminal is gone: reading keys says so
    }
  }
}

// How many columns a line takes, without its SGR sequences.
size_t visible_width(std::string_view line) {
  size_t width = 0;
  while (!line.empty()) {
    const size_t escape = std::min(line.find('\033'), line.size());
    width += display_width(line.substr(0, escape));
    line.remove_prefix(escape);
    line.remove_prefix(line.empty() ? 0 : std::min(line.find('m') + 1, line.size()));
  }
  return width;
}

// The key that the sequence behind ESC [ or ESC O is; `text` is its parameters and its last byte.
bool key_of_sequence(std::string_view text, Key& key) {
  using Kind = Key::Kind;
  static constexpr std::pair<std::string_view, Kind> kKeys[] = {
      {"A", Kind::up},    {"B", Kind::down}, {"C", Kind::right},    {"D", Kind::left},
      {"H", Kind::home},  {"F", Kind::end},  {"5~", Kind::page_up}, {"6~", Kind::page_down},
      {"1~", Kind::home}, {"4~", Kind::end}, {"7~", Kind::home},    {"8~", Kind::end},
      {"M", Kind::enter},
  };
  for (const auto& [sequence, kind] : kKeys) {
    if (sequence != text) continue;
    key.kind = kind;
    return true;
  }
  return false;
}

}  // namespace

std::vector<Key> parse_keys(std::string& bytes, bool may_go_on) {
  std::vector<Key> keys;
  size_t at = 0;
  while (at < bytes.size()) {
    const std::string_view rest = std::string_view(bytes).substr(at);
    if (rest[0] == '\033') {
      if (rest.size() == 1) {
        if (may_go_on) break;
        keys.push_back({Key::Kind::escape});
        break;
      }
      if (rest[1] != '[' && rest[1] != 'O') {
        keys.push_back({Key::Kind::escape});
        ++at;
        continue;
      }
      size_t end = 2;
      while (end < rest.size() && (rest[end] < '@' || rest[end] > '~')) ++end;
      if (end == rest.size()) break;  // the rest may come
      if (Key key; key_of_sequence(rest.substr(2, end - 1), key)) keys.push_back(key);
      at += end + 1;
      continue;
    }
    const size_t n = std::max<size_t>(1, utf8_sequence(rest));
    switch (rest[0]) {
      case '\r':
      case '\n':
        keys.push_back({Key::Kind::enter});
        break;
      case '\t':
        keys.push_back({Key::Kind::tab});
        break;
      case '\b':
      case '\177':
        keys.push_back({Key::Kind::backspace});
        break;
      default:
        if (static_cast<unsigned char>(rest[0]) >= ' ')
          keys.push_back({Key::Kind::text, std::string(rest.substr(0, n))});
    }
    at += n;
  }
  if (may_go_on && at < bytes.size()) {
    bytes.erase(0, at);
  } else {
    bytes.clear();
  }
  return keys;
}

Terminal::Terminal() {
  const char* kind = std::getenv("TERM");
  if (::isatty(STDOUT_FILENO) != 1 || kind == nullptr || std::string_view(kind) == "dumb")
    throw usage_error("standard output is not a terminal", "ktop --once prints one table");
  keys_ = ::open("/dev/tty", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (keys_ < 0 || ::tcgetattr(keys_, &before_) != 0) {
    if (keys_ >= 0) ::close(keys_);
    throw usage_error("there is no terminal to read keys from", "ktop --once prints one table");
  }
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // Ctrl-C stays a signal
  raw.c_iflag &= ~static_cast<tcflag_t>(ICRNL | IXON);
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  raw.c_cc[VSUSP] = _POSIX_VDISABLE;
  ::tcsetattr(keys_, TCSADRAIN, &raw);
  write_all(kBegin);
}

Terminal::~Terminal() {
  write_all(kEnd);
  ::tcsetattr(keys_, TCSADRAIN, &before_);
  ::close(keys_);
}

ScreenSize Terminal::size() const {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {};
  return {size.ws_row, size.ws_col};
}

std::vector<Key> Terminal::keys(Millis limit) {
  pollfd one{keys_, POLLIN, 0};
  for (;;) {
    const int n = ::poll(&one, 1, static_cast<int>(limit.count()));
    if (n == 0) return parse_keys(unread_, false);
    if (n < 0) return {};  // a signal: who called looks at it
    std::array<char, 256> buffer{};
    const ssize_t got = ::read(keys_, buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    if (got <= 0) throw Error(ExitCode::delivery, "the terminal is gone");
    unread_.append(buffer.data(), static_cast<size_t>(got));
    std::vector<Key> keys = parse_keys(unread_, true);
    if (!keys.empty() || unread_.empty()) return keys;
    limit = kSequenceLimit;
  }
}

void Terminal::draw(const std::vector<std::string>& lines) {
  const ScreenSize now = size();
  std::string out;
  if (drawn_at_ != now) {
    drawn_.clear();
    drawn_at_ = now;
    out += "\033[2J";
  }
  for (size_t i = 0; i < std::max(lines.size(), drawn_.size()) && i < now.rows; ++i) {
    const std::string& line = i < lines.size() ? lines[i] : std::string();
    if (i < drawn_.size() && drawn_[i] == line) continue;
    // Written over what was there, and then the rest of it erased: no moment shows an empty line.
    out += "\033[" + std::to_string(i + 1) + ";1H" + line;
    // In the last column the cursor stands on the last character, and would erase it.
    if (visible_width(line) < now.columns) out += "\033[K";
  }
  drawn_ = lines;
  if (!out.empty()) write_all(std::string(kFrameBegin) + out + std::string(kFrameEnd));
}

}  // namespace kutils::ktop
