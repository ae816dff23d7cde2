// How many partitions a topic needs to take a file of envelopes back where they were.
#pragma once

#include <cstdint>

#include "io/endpoint.h"

namespace kutils::io {

// One more than the largest partition that an envelope of the file names; 0 where none names any, where one is larger than any
// cluster has, and for what can be read only once (a pipe). Reads the whole file. Throws Error where it cannot be read,
// Interrupted where a signal asks for the end meanwhile.
// REQUIRES: in.is_lines().
int32_t partitions_of_lines(const Endpoint& in);

}  // namespace kutils::io
