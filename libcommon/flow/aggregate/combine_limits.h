// What is combined in front of an internal topic (combine_stage.h, combine_sessions.h) is bounded by these.
#pragma once

#include <cstddef>

namespace kutils::flow {

constexpr size_t kMostBytes = size_t{64} << 10;  // of what goes on in one record, far below any topic's limit
constexpr size_t kMostMemory = size_t{4} << 20;  // of all groups of a task
constexpr size_t kManyGroups = 4096;             // where they do not repeat
constexpr double kSmallReach = 0x1p31 / 9e18;    // of a value with which no sum leaves its room

}  // namespace kutils::flow
