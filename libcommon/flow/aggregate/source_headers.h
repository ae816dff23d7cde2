// What a record carries through the internal repartition topic (protocol.md 27): where it came from and the stream time there, so
// that the stage behind tells source partitions apart. Values are decimal text.
#pragma once

#include <string_view>

namespace kutils::flow {

constexpr std::string_view kSourcePartitionHeader = "kutils.source.partition";
constexpr std::string_view kSourceOffsetHeader = "kutils.source.offset";
constexpr std::string_view kSourceTimeHeader = "kutils.source.time";

}  // namespace kutils::flow
