// The whole terminal as a screen: keys as they are pressed, frames of lines of which only what changed is
// written. One at a time; the destructor leaves the terminal as it was.
#pragma once

#include <termios.h>

#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"

namespace kutils::ktop {

struct ScreenSize {
  size_t rows = 24;
  size_t columns = 80;
  friend bool operator==(const ScreenSize&, const ScreenSize&) = default;
};

struct Key {
  enum class Kind {
    text,
    enter,
    escape,
    backspace,
    tab,
    up,
    down,
    left,
    right,
    page_up,
    page_down,
    home,
    end
  };
  Kind kind = Kind::text;
  std::string text = {};  // one character, UTF-8
};
// What the bytes of a terminal mean; sequences that are not known here are passed over. An ESC at the end is
// the key, unless `may_go_on`: then it stays in `bytes` with what follows it.
std::vector<Key> parse_keys(std::string& bytes, bool may_go_on);

class Terminal {
 public:
  // Throws usage_error if standard output is no terminal, or keys cannot be read.
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  ScreenSize size() const;
  // What was pressed, waited for up to `limit`. Throws Error(delivery) where the terminal is gone.
  std::vector<Key> keys(Millis limit);
  // A line is at most as wide as the screen, and may have SGR sequences, which it ends itself.
  void draw(const std::vector<std::string>& lines);

 private:
  int keys_ = -1;
  termios before_{};
  std::string unread_;
  std::vector<std::string> drawn_;
  ScreenSize drawn_at_;
};

}  // namespace kutils::ktop
