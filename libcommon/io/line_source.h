// Records from the lines of stdin, a file, a pipe or /dev/fd/N.
//
// Reads in large chunks; the records are views into them, which live as long as their batch. A last line
// without a terminator counts. On a pipe or terminal poll() waits by poll(2) and gives what is there; on a
// regular file there is always more or the end. A signal ends the waiting with Fill::nothing.
#pragma once

#include <memory>

#include "io/endpoint.h"
#include "io/line_format.h"
#include "io/source.h"

namespace kutils::io {

constexpr size_t kMaxLine = size_t{64} * 1024 * 1024;  // a longer one is an Error(bad_record)

// REQUIRES: in.is_lines(). Opens at once. Throws usage_error: no such file, not readable, a directory.
std::unique_ptr<Source> open_line_source(const Endpoint& in, const LineFormat& format, uint32_t input = 0);

// For what is open already. Closes `fd` in the end if `owned`. `name` is for messages and Record::topic.
std::unique_ptr<Source> make_line_source(int fd, bool owned, std::string name, const LineFormat& format,
                                         uint32_t input = 0);

}  // namespace kutils::io
