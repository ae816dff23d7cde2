#include "base/base64.h"

#include <array>
#include <cstdint>

namespace kutils {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNoDigit = 255;

constexpr std::array<uint8_t, 256> make_digits() {
  std::array<uint8_t, 256> digits{};
  for (auto& digit : digits) digit = kNoDigit;
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<uint8_t>(i);
  return digits;
}
constexpr auto kDigits = make_digits();

}  // namespace

void append_base64(std::string_view bytes, std::string& out) {
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](size_t at) {
      return at < bytes.size() ? static_cast<uint32_t>(static_cast<unsigned char>(bytes[at])) : 0u;
    };
    const uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    out += kAlphabet[group >> 18];
    out += kAlphabet[group >> 12 & 63];
    out += i + 1 < bytes.size() ? kAlphabet[group >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? kAlphabet[group & 63] : '=';
  }
}

std::optional<size_t> append_from_base64(std::string_view text, std::string& out) {
  const size_t before = out.size();
  size_t digits = text.size();
  if (text.size() % 4 == 0) {
    for (int i = 0; i < 2 && digits > 0 && text[digits - 1] == '='; ++i) --digits;
  }
  const auto fail = [&](size_t at) {
    out.resize(before);
    return std::optional<size_t>(at);
  };
  if (digits % 4 == 1) return fail(digits - 1);
  uint32_t group = 0;
  for (size_t i = 0; i < digits; ++i) {
    const uint8_t digit = kDigits[static_cast<unsigned char>(text[i])];
    if (digit == kNoDigit) return fail(i);
    group = group << 6 | digit;
    // Each digit after the first of four completes one byte.
    switch (i % 4) {
      case 1:
        out += static_cast<char>(group >> 4 & 255);
        break;
      case 2:
        out += static_cast<char>(group >> 2 & 255);
        break;
      case 3:
        out += static_cast<char>(group & 255);
        break;
      default:
        break;
    }
  }
  return std::nullopt;
}

}  // namespace kutils
