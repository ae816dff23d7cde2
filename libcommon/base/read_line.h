// Lines of files that people write: settings, expressions, offsets.
#pragma once

#include <cstddef>
#include <istream>
#include <string>

#include "base/error.h"

namespace kutils {

constexpr size_t kMostLineBytes = size_t{1} << 20;

// As std::getline(), but a line without end (/dev/zero, a file that is not text) is refused before it takes all memory.
// Throws usage_error that names `path`. False: no more lines, or in.bad().
inline bool read_line(std::istream& in, std::string& line, const std::string& path) {
  line.clear();
  for (char c = 0; in.get(c);) {
    if (c == '\n') return true;
    if (line.size() == kMostLineBytes)
      throw usage_error("'" + path + "' has a line of more than 1 MiB: it is not a text file",
                        "give the file that was meant");
    line += c;
  }
  return !in.bad() && !line.empty();
}

}  // namespace kutils
