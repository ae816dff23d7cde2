#include "base/murmur2.h"

namespace kutils {

uint32_t murmur2(std::string_view bytes) {
  constexpr uint32_t kMultiply = 0x5bd1e995;
  constexpr uint32_t kSeed = 0x9747b28c;
  constexpr int kRotate = 24;
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])); };

  uint32_t hash = kSeed ^ static_cast<uint32_t>(bytes.size());
  size_t i = 0;
  for (; i + 4 <= bytes.size(); i += 4) {
    uint32_t k = byte(i) | byte(i + 1) << 8 | byte(i + 2) << 16 | byte(i + 3) << 24;
    k *= kMultiply;
    k ^= k >> kRotate;
    k *= kMultiply;
    hash *= kMultiply;
    hash ^= k;
  }
  switch (bytes.size() - i) {
    case 3:
      hash ^= byte(i + 2) << 16;
      [[fallthrough]];
    case 2:
      hash ^= byte(i + 1) << 8;
      [[fallthrough]];
    case 1:
      hash ^= byte(i);
      hash *= kMultiply;
      break;
    default:
      break;
  }
  hash ^= hash >> 13;
  hash *= kMultiply;
  hash ^= hash >> 15;
  return hash;
}

}  // namespace kutils
