// Numbers as bytes, for row formats: varints (LEB128, as in protocol buffers), zigzag for signed ones, and
// big-endian 64-bit numbers whose byte order is their numeric order, so that keys sort by time.
//
// Writers append to a string. Reader never reads past its end: after a failed read ok() is false and every
// later read gives zeros, so that a decoder checks once.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace kutils {

inline void put_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}
inline uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}
inline void put_signed(std::string& out, int64_t value) { put_varint(out, zigzag(value)); }
inline void put_bytes(std::string& out, std::string_view bytes) {
  put_varint(out, bytes.size());
  out.append(bytes);
}
inline void put_double(std::string& out, double value) {  // IEEE 754, little-endian
  uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(bits >> (8 * i)));
}

// Big-endian with the sign bit flipped: negative numbers sort before positive ones.
inline void put_ordered(std::string& out, int64_t value) {
  const uint64_t bits = static_cast<uint64_t>(value) ^ (uint64_t{1} << 63);
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bits >> shift));
}
// REQUIRES: bytes.size() >= 8.
inline int64_t get_ordered(std::string_view bytes) {
  uint64_t bits = 0;
  for (size_t i = 0; i < 8; ++i) bits = (bits << 8) | static_cast<uint8_t>(bytes[i]);
  return static_cast<int64_t>(bits ^ (uint64_t{1} << 63));
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  void fail() {
    ok_ = false;
    rest_ = {};
  }

  uint8_t byte() {
    if (rest_.empty()) return fail(), uint8_t{0};
    const auto value = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return value;
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (rest_.empty()) break;
      const uint8_t next = byte();
      if (shift == 63 && next > 1) break;
      value |= static_cast<uint64_t>(next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
    fail();
    return 0;
  }
  int64_t signed_varint() { return unzigzag(varint()); }
  std::string_view take(size_t size) {
    if (rest_.size() < size) return fail(), std::string_view{};
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  std::string_view bytes() {
    const uint64_t size = varint();
    if (size > rest_.size()) return fail(), std::string_view{};
    return take(static_cast<size_t>(size));
  }
  double real() {
    const std::string_view raw = take(8);
    if (raw.empty()) return 0;
    uint64_t bits = 0;
    for (size_t i = 8; i-- > 0;) bits = (bits << 8) | static_cast<uint8_t>(raw[i]);
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  int64_t ordered() {
    const std::string_view raw = take(8);
    return raw.empty() ? 0 : get_ordered(raw);
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace kutils
