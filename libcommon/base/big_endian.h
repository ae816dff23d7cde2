// Integers in network byte order, as Kafka's serialisers and the state's keys have them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace kutils {

template <typename T>
void append_big_endian(T value, std::string& out) {
  static_assert(std::is_integral_v<T>);
  const auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8)
    out += static_cast<char>(static_cast<unsigned char>(bits >> shift & 255));
}

// REQUIRES: bytes.size() >= sizeof(T).
template <typename T>
T read_big_endian(std::string_view bytes) {
  static_assert(std::is_integral_v<T>);
  std::make_unsigned_t<T> bits = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    bits = static_cast<std::make_unsigned_t<T>>(static_cast<uint64_t>(bits) << 8 |
                                                static_cast<unsigned char>(bytes[i]));
  return static_cast<T>(bits);
}

}  // namespace kutils
