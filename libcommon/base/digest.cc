#include "base/digest.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace kutils {
namespace {

// Blocks of 64 bytes; behind the last byte a 1 bit, zeros, and the length in bits in the last 8 bytes.
template <bool big_endian, typename Block>
void each_block(std::string_view bytes, Block block) {
  unsigned char last[128] = {};
  size_t at = 0;
  for (; bytes.size() - at >= 64; at += 64) block(reinterpret_cast<const unsigned char*>(bytes.data()) + at);
  const size_t rest = bytes.size() - at;
  if (rest > 0) std::memcpy(last, bytes.data() + at, rest);
  last[rest] = 0x80;
  const size_t size = rest < 56 ? 64 : 128;
  const uint64_t bits = static_cast<uint64_t>(bytes.size()) * 8;
  for (size_t i = 0; i < 8; ++i)
    last[size - 8 + i] = static_cast<unsigned char>(bits >> (big_endian ? 56 - 8 * i : 8 * i));
  block(last);
  if (size == 128) block(last + 64);
}

template <bool big_endian>
uint32_t load(const unsigned char* from) {
  uint32_t word = 0;
  for (unsigned i = 0; i < 4; ++i) word |= uint32_t{from[i]} << (big_endian ? 24 - 8 * i : 8 * i);
  return word;
}

template <bool big_endian, size_t n>
std::string hex(const std::array<uint32_t, n>& words) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const uint32_t word : words) {
    for (unsigned i = 0; i < 4; ++i) {
      const uint32_t byte = word >> (big_endian ? 24 - 8 * i : 8 * i) & 0xff;
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

constexpr uint32_t kSha256[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

constexpr uint32_t kMd5[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};
constexpr int kMd5Turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  std::array<uint32_t, 8> state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  each_block<true>(bytes, [&](const unsigned char* block) {
    uint32_t w[64];
    for (size_t i = 0; i < 16; ++i) w[i] = load<true>(block + 4 * i);
    for (size_t i = 16; i < 64; ++i) {
      const uint32_t low = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
      const uint32_t high = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
      w[i] = w[i - 16] + low + w[i - 7] + high;
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (size_t i = 0; i < 64; ++i) {
      const uint32_t t1 = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) +
                          kSha256[i] + w[i];
      const uint32_t t2 =
          (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    const uint32_t more[8] = {a, b, c, d, e, f, g, h};
    for (size_t i = 0; i < 8; ++i) state[i] += more[i];
  });
  return hex<true>(state);
}

std::string md5_hex(std::string_view bytes) {
  std::array<uint32_t, 4> state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  each_block<false>(bytes, [&](const unsigned char* block) {
    uint32_t w[16];
    for (size_t i = 0; i < 16; ++i) w[i] = load<false>(block + 4 * i);
    auto [a, b, c, d] = state;
    for (size_t i = 0; i < 64; ++i) {
      const size_t round = i / 16;
      const uint32_t mixed = round == 0   ? (b & c) | (~b & d)
                             : round == 1 ? (d & b) | (~d & c)
                             : round == 2 ? b ^ c ^ d
                                          : c ^ (b | ~d);
      const size_t word = round == 0 ? i : round == 1 ? 5 * i + 1 : round == 2 ? 3 * i + 5 : 7 * i;
      const uint32_t turned = std::rotl(a + mixed + kMd5[i] + w[word % 16], kMd5Turns[round][i % 4]);
      a = d, d = c, c = b, b += turned;
    }
    const uint32_t more[4] = {a, b, c, d};
    for (size_t i = 0; i < 4; ++i) state[i] += more[i];
  });
  return hex<false>(state);
}

}  // namespace kutils
