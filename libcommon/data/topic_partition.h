// A partition of a topic, by name and number.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace kutils {

struct TopicPartition {
  std::string topic;
  int32_t partition = 0;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

}  // namespace kutils
