// What a tool says on stderr. An interface, so that tests read what was said.
#pragma once

#include <string>
#include <string_view>

namespace kutils {

class Log {
 public:
  virtual ~Log() = default;
  // Something worth knowing that is no error ("created topic popular, 4 partitions"). Silenced by -q.
  virtual void note(std::string_view text) = 0;
  // Never silenced. The text says what, where and why; it may have several lines.
  virtual void error(std::string_view text) = 0;
};

// `TOOL: text` on stderr, each message in one write, so that those of several tools in a pipe do not mix.
// What records said in it cannot act on a terminal (base/printable.h).
class StderrLog final : public Log {
 public:
  StderrLog(std::string tool, bool quiet) : tool_(std::move(tool)), quiet_(quiet) {}
  void note(std::string_view text) override;
  void error(std::string_view text) override;

 private:
  std::string tool_;
  bool quiet_;
};

}  // namespace kutils
