#include "data/json_number.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "data/json_write.h"

namespace kutils {
namespace {

size_t digits(std::string_view text, size_t from) {
  size_t n = 0;
  while (from + n < text.size() && text[from + n] >= '0' && text[from + n] <= '9') ++n;
  return n;
}

// A number's decimal value: `digits` times ten to the power of `exponent`, no zeros around the digits, none
// at all for zero.
struct Decimal {
  bool negative = false;
  std::string digits;
  int64_t exponent = 0;
  friend bool operator==(const Decimal&, const Decimal&) = default;
};

// REQUIRES: `text` is a JSON number.
Decimal decimal(std::string_view text) {
  constexpr int64_t kFar =
      1'000'000'000'000'000'000;  // exponents beyond it are all alike: no number has them
  Decimal d;
  size_t at = text[0] == '-' ? 1 : 0;
  bool fraction = false;
  for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    if (fraction) --d.exponent;
    if (text[at] != '0' || !d.digits.empty()) d.digits += text[at];
  }
  if (d.digits.empty()) return {};
  d.negative = text[0] == '-';
  const size_t last = d.digits.find_last_not_of('0');
  d.exponent += static_cast<int64_t>(d.digits.size() - 1 - last);
  d.digits.resize(last + 1);
  if (at == text.size()) return d;
  const bool down = text[++at] == '-';
  if (down || text[at] == '+') ++at;
  int64_t power = 0;
  for (; at < text.size(); ++at) power = power < kFar / 10 ? power * 10 + (text[at] - '0') : kFar;
  d.exponent += down ? -power : power;
  return d;
}

// The number as int64 or uint64 writes it; false: it is none.
bool append_integer(const Decimal& d, std::string& out) {
  if (d.digits.empty()) {
    out += '0';
    return true;
  }
  constexpr int64_t kMostDigits = 20;
  if (d.exponent < 0 || d.exponent + static_cast<int64_t>(d.digits.size()) > kMostDigits) return false;
  const std::string whole = d.digits + std::string(static_cast<size_t>(d.exponent), '0');
  uint64_t magnitude = 0;
  if (std::from_chars(whole.data(), whole.data() + whole.size(), magnitude).ec != std::errc()) return false;
  if (d.negative && magnitude > uint64_t{1} << 63) return false;
  if (d.negative) out += '-';
  out += whole;
  return true;
}

}  // namespace

void append_number_key(std::string_view written, double value, std::string& out) {
  const Decimal meant = decimal(written);
  if (append_integer(meant, out)) return;
  std::string of_double;
  if (append_json_double(value, of_double) && decimal(of_double) == meant) {
    const size_t size = of_double.size();
    out.append(of_double, 0, size > 2 && of_double.compare(size - 2, 2, ".0") == 0 ? size - 2 : size);
  } else {
    out += written;
  }
}

bool append_number_key(double value, std::string& out) {
  std::string text;
  if (!append_json_double(value, text)) return false;
  append_number_key(text, value, out);
  return true;
}

// RFC 8259, section 6: [ minus ] int [ frac ] [ exp ].
bool is_json_number(std::string_view text) {
  size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
  const size_t whole = digits(text, at);
  if (whole == 0 || (whole > 1 && text[at] == '0')) return false;
  at += whole;
  if (at < text.size() && text[at] == '.') {
    const size_t fraction = digits(text, at + 1);
    if (fraction == 0) return false;
    at += 1 + fraction;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const size_t power = digits(text, at);
    if (power == 0) return false;
    at += power;
  }
  return at == text.size();
}

double json_double_out_of_range(std::string_view written) {
  return std::strtod(std::string(written).c_str(), nullptr);
}

std::string with_small_numbers(std::string_view json) {
  constexpr std::string_view kOfNumbers = "+-.0123456789eE";
  std::string out(json);
  for (size_t at = 0; at < json.size();) {
    if (json[at] == '"') {
      for (++at; at < json.size() && json[at] != '"'; ++at) at += json[at] == '\\' ? 1 : 0;
      ++at;
    } else if (json[at] != '-' && (json[at] < '0' || json[at] > '9')) {
      ++at;
    } else {
      const size_t end = std::min(json.find_first_not_of(kOfNumbers, at), json.size());
      const std::string_view number = json.substr(at, end - at);
      // This replaces more numbers than RapidJSON refuses: its choice depends on its parser's internals.
      if (is_json_number(number) && (number.size() > 30 || number.find_first_of("eE") != number.npos)) {
        std::fill_n(out.begin() + static_cast<ptrdiff_t>(at), number.size(), '0');
        out[at + 1] = '.';
      }
      at = end;
    }
  }
  return out;
}

}  // namespace kutils
