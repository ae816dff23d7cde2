#include "base/log.h"

#include <unistd.h>

#include "base/printable.h"

namespace kutils {
namespace {

void write_line(const std::string& tool, std::string_view text) {
  std::string line;
  line.reserve(tool.size() + text.size() + 3);
  line.append(tool).append(": ").append(printable(text));
  if (line.back() != '\n') line.push_back('\n');
  // Nothing can be done where stderr is closed.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void StderrLog::note(std::string_view text) {
  if (!quiet_) write_line(tool_, text);
}

void StderrLog::error(std::string_view text) { write_line(tool_, text); }

}  // namespace kutils
