// Records as lines to stdout or a file, written in large chunks.
//
// Nothing is visible before flush(), or before a chunk is full. Throws ReaderGone when the reader of a pipe
// hung up, and Error(delivery), "cannot write FILE: No space left on device", for the rest.
#pragma once

#include <memory>

#include "io/endpoint.h"
#include "io/line_format.h"
#include "io/sink.h"

namespace kutils::io {

enum class OpenMode { truncate, append };

// REQUIRES: out.is_lines(). Opens at once; a file is created if it does not exist, else written
// in place: it keeps what it held until the first record is written or the sink is closed. Throws
// Error(delivery).
std::unique_ptr<Sink> open_line_sink(const Endpoint& out, const LineFormat& format,
                                     OpenMode mode = OpenMode::truncate);

// For what is open already. Closes `fd` in the end if `owned`.
std::unique_ptr<Sink> make_line_sink(int fd, bool owned, std::string name, const LineFormat& format);

}  // namespace kutils::io
