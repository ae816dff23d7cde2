// The quick way over JSON text as most records have it: strings without escapes, numbers of few digits,
// little nesting. Each function takes the place where something begins and gives the place behind it, or
// null: it is not plain. That may be an error or only rare; who asks reads the whole text again by the
// thorough way (json_fields.cc), which has the last word. So what is taken here must be what that takes. No
// byte from `end` on is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace kutils::plain_json {

constexpr uint64_t kOnes = 0x0101010101010101u;
constexpr uint64_t kHighs = 0x8080808080808080u;

// Non-zero where a byte of `word` is a quote, a backslash or a control character; the lowest set bit is
// exact.
inline uint64_t special_bytes(uint64_t word) {
  const uint64_t quote = word ^ (kOnes * '"');
  const uint64_t backslash = word ^ (kOnes * '\\');
  return (((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) | ((word - kOnes * 0x20) & ~word)) &
         kHighs;
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first special byte is found by the lowest bit");

inline const char* skip_space(const char* at, const char* end) {
  while (at != end && static_cast<unsigned char>(*at) <= ' ' &&
         (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
    ++at;
  return at;
}

#ifdef __SSE2__
// The same of the sixteen bytes from `at` on, a bit for each; half of the instructions, and strings are most of a text.
inline unsigned special_of_16(const char* at) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  const __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  const __m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control)));
}
#endif

// From behind the opening quote to the closing one.
inline const char* string_end(const char* at, const char* end) {
#ifdef __SSE2__
  for (; end - at >= 16; at += 16) {
    if (const unsigned special = special_of_16(at)) {
      at += __builtin_ctz(special);
      return *at == '"' ? at : nullptr;
    }
  }
#endif
  for (; end - at >= 8; at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    if (const uint64_t special = special_bytes(word)) {
      at += __builtin_ctzll(special) >> 3;
      return *at == '"' ? at : nullptr;
    }
  }
  for (; at != end && *at != '"'; ++at)
    if (*at == '\\' || static_cast<unsigned char>(*at) < 0x20) return nullptr;
  return at == end ? nullptr : at;
}

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
inline const char* digits_end(const char* at, const char* end) {
  while (at != end && is_digit(*at)) ++at;
  return at;
}

// An int64 holds every number of at most 18 digits, and a double does not overflow, however many follow the point: the
// shortest text of a computed double has up to 17 significant ones.
constexpr ptrdiff_t kMostDigits = 18;

inline const char* number_end(const char* at, const char* end, bool& is_real) {
  if (at != end && *at == '-') ++at;
  const char* const first = at;
  at = digits_end(at, end);
  if (at == first || (*first == '0' && at - first > 1) || at - first > kMostDigits) return nullptr;
  is_real = at != end && *at == '.';
  if (is_real) {
    const char* const fraction = at + 1;
    at = digits_end(fraction, end);
    if (at == fraction) return nullptr;
  }
  return at != end && (*at == 'e' || *at == 'E') ? nullptr : at;
}

// REQUIRES: an integer that number_end() has taken.
inline int64_t integer(const char* at, const char* end) {
  const bool is_negative = *at == '-';
  int64_t number = 0;
  for (at += is_negative ? 1 : 0; at != end; ++at) number = number * 10 + (*at - '0');
  return is_negative ? -number : number;
}

template <size_t N>
const char* literal_end(const char* at, const char* end, const char (&text)[N]) {
  constexpr size_t kSize = N - 1;
  return static_cast<size_t>(end - at) >= kSize && std::memcmp(at, text, kSize) == 0 ? at + kSize : nullptr;
}

// Any value. `levels`: of arrays and objects in it.
inline const char* value_end(const char* at, const char* end, int levels) {
  bool is_real = false;
  if (at == end) return nullptr;
  switch (*at) {
    case '"':
      at = string_end(at + 1, end);
      return at ? at + 1 : nullptr;
    case 't':
      return literal_end(at, end, "true");
    case 'f':
      return literal_end(at, end, "false");
    case 'n':
      return literal_end(at, end, "null");
    case '{':
    case '[':
      break;
    default:
      return number_end(at, end, is_real);
  }
  if (levels == 0) return nullptr;
  const bool is_object = *at == '{';
  const char last = is_object ? '}' : ']';
  at = skip_space(at + 1, end);
  if (at != end && *at == last) return at + 1;
  for (;;) {
    if (is_object) {
      if (at == end || *at != '"' || !(at = string_end(at + 1, end))) return nullptr;
      at = skip_space(at + 1, end);
      if (at == end || *at != ':') return nullptr;
      at = skip_space(at + 1, end);
    }
    if (!(at = value_end(at, end, levels - 1))) return nullptr;
    at = skip_space(at, end);
    if (at == end) return nullptr;
    if (*at == last) return at + 1;
    if (*at != ',') return nullptr;
    at = skip_space(at + 1, end);
  }
}

}  // namespace kutils::plain_json
