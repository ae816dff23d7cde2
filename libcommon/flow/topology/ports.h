// Ports of a stage's outputs that are no topic's number.
#pragma once

#include <cstdint>

namespace kutils::flow {

// To the internal topic behind the next sub-topology, past that one. The other outputs of a chain before an internal
// topic go to that, or to the topics of their ports.
constexpr uint32_t kPastNext = UINT32_MAX;

}  // namespace kutils::flow
