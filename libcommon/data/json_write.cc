#include "data/json_write.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/utf8.h"

namespace kutils {

namespace {

// Escapes the quotes and backslashes of `text`, eight bytes a step, up to its last bytes or to a byte that is not
// printable ASCII; returns how far it came. JSON within JSON has a quote each few bytes, for which single appends cost
// more than all else of an envelope.
size_t append_printable(std::string_view text, std::string& out) {
  if constexpr (std::endian::native != std::endian::little) return 0;
  constexpr uint64_t kOnes = 0x0101010101010101, kHigh = 0x8080808080808080;
  const size_t before = out.size();
  out.resize(before + 2 * text.size() + sizeof(uint64_t));
  char* to = out.data() + before;
  size_t i = 0;
  while (i + sizeof(uint64_t) <= text.size()) {
    uint64_t eight = 0;
    std::memcpy(&eight, text.data() + i, sizeof eight);
    std::memcpy(to, &eight, sizeof eight);
    // The high bit of a byte that this does not write. A borrow may set it in later bytes, never in earlier ones.
    const uint64_t other = (((eight - ' ' * kOnes) & ~eight) | eight) & kHigh;
    const uint64_t quote = eight ^ ('"' * kOnes), backslash = eight ^ ('\\' * kOnes);
    const uint64_t escaped = (((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash)) & kHigh;
    const size_t count = other == 0 ? sizeof eight : static_cast<size_t>(std::countr_zero(other)) / 8;
    if (escaped == 0) {
      to += count;
    } else {
      // Without a branch, for most eight bytes of JSON have a quote, each elsewhere.
      for (size_t k = 0; k < count; ++k) {
        const char c = text[i + k];
        const size_t extra = static_cast<size_t>(c == '"') | static_cast<size_t>(c == '\\');
        *to = '\\';
        to[extra] = c;
        to += extra + 1;
      }
    }
    i += count;
    if (other != 0) break;
  }
  out.resize(static_cast<size_t>(to - out.data()));
  return i;
}

// A value of up to four decimals, as amounts have, without the search for the shortest form. Writes the same text: no
// other decimal number of up to 15 digits is nearest to the same double, and none so written is shorter with an
// exponent. False: it is not of this kind.
bool append_short_fraction(double value, std::string& out) {
  constexpr int64_t kScale = 10'000;
  constexpr double kMost = 1e11, kLeast = 0.001;
  const double size = std::abs(value);
  if (size < kLeast || size >= kMost) return false;
  const auto number = static_cast<int64_t>(size * kScale + 0.5);
  if (static_cast<double>(number) / kScale != size) return false;
  int64_t fraction = number % kScale;
  if (fraction == 0) return false;  // it may have an exponent
  char buffer[24];
  char* to = buffer;
  if (value < 0) *to++ = '-';
  to = std::to_chars(to, buffer + sizeof buffer, number / kScale).ptr;
  *to++ = '.';
  for (int64_t place = kScale / 10; fraction > 0; place /= 10) {
    *to++ = static_cast<char>('0' + fraction / place);
    fraction %= place;
  }
  out.append(buffer, to);
  return true;
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  size_t i = text.size() < 2 * sizeof(uint64_t) ? 0 : append_printable(text, out);
  size_t from = i;  // start of what needs no change and is not yet written
  const auto replace = [&](size_t bytes, std::string_view with) {
    out.append(text.substr(from, i - from));
    out.append(with);
    i += bytes;
    from = i;
  };
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++i;
    } else if (c >= 0x80) {
      const size_t n = utf8_sequence(text.substr(i));
      if (n == 0) {
        replace(1, "\xEF\xBF\xBD");
      } else {
        i += n;
      }
    } else if (c == '"') {
      replace(1, "\\\"");
    } else if (c == '\\') {
      replace(1, "\\\\");
    } else if (c == '\n') {
      replace(1, "\\n");
    } else if (c == '\t') {
      replace(1, "\\t");
    } else if (c == '\r') {
      replace(1, "\\r");
    } else if (c == '\b') {
      replace(1, "\\b");
    } else if (c == '\f') {
      replace(1, "\\f");
    } else {
      constexpr char kHex[] = "0123456789abcdef";
      const char escape[6] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
      replace(1, {escape, sizeof escape});
    }
  }
  out.append(text.substr(from));
  out += '"';
}

void append_json_int(int64_t value, std::string& out) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void append_json_uint(uint64_t value, std::string& out) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

bool append_json_double(double value, std::string& out) {
  if (!std::isfinite(value)) return false;
  if (append_short_fraction(value, out)) return true;
  char buffer[32];
  const std::string_view text(
      buffer, static_cast<size_t>(std::to_chars(buffer, buffer + sizeof buffer, value).ptr - buffer));
  out += text;
  if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
  return true;
}

}  // namespace kutils
