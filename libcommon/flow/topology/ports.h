// Ports of a stage's outputs that are no topic's number.
#pragma once

#include <cstdint>

namespace kutils::flow {

// To the internal topic behind the next sub-topology, past that one. The other outputs of a chain before an internal
// topic go to that, or to the topics of their ports.
constexpr uint32_t kPastNext = UINT32_MAX;

// From here on, but for that one: topics that records name (named_outputs.h).
constexpr uint32_t kFirstNamed = 1U << 20;
constexpr bool is_named(uint32_t port) { return port >= kFirstNamed && port != kPastNext; }

}  // namespace kutils::flow
