// Kafka's murmur2 (seed 0x9747b28c), as the JVM clients' default partitioner has it: same key, same
// partition. Source: org.apache.kafka.common.utils.Utils.murmur2, algorithm by Austin Appleby (public
// domain).
#pragma once

#include <cstdint>
#include <string_view>

namespace kutils {

uint32_t murmur2(std::string_view bytes);

// The partition that a JVM producer would choose for this key. REQUIRES: partitions > 0.
inline int32_t murmur2_partition(std::string_view key, int32_t partitions) {
  return static_cast<int32_t>(murmur2(key) & 0x7fffffffU) % partitions;
}

}  // namespace kutils
