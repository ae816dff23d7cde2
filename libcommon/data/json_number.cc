#include "data/json_number.h"

#include "data/json_fields.h"

namespace kutils {
namespace {

size_t digits(std::string_view text, size_t from) {
  size_t n = 0;
  while (from + n < text.size() && text[from + n] >= '0' && text[from + n] <= '9') ++n;
  return n;
}

}  // namespace

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
  bool exponent = false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    exponent = true;
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const size_t power = digits(text, at);
    if (power == 0) return false;
    at += power;
  }
  if (at != text.size()) return false;
  if (!exponent && text.size() < 300) return true;
  // Too large for a double, it would be an error for all who read it as a number: their reader decides.
  std::string scratch;
  return parse_scalar(text, scratch).has_value();
}

}  // namespace kutils
