#include "base/duration.h"

#include <cctype>
#include <cstdint>

#include "base/correction.h"
#include "base/error.h"

namespace kutils {
namespace {

struct Unit {
  std::string_view name;
  int64_t nanoseconds;
};
// Longest names first where one begins another.
constexpr Unit kUnits[] = {{"ns", 1},
                           {"us", 1'000},
                           {"ms", 1'000'000},
                           {"s", 1'000'000'000},
                           {"m", 60'000'000'000},
                           {"h", 3'600'000'000'000},
                           {"d", 86'400'000'000'000}};

constexpr size_t kFractionDigits = 18;  // of which 64 bits hold any
__extension__ typedef unsigned __int128 UInt128;

constexpr Unit kReadOnlyUnits[] = {{"\u00b5s", 1'000}, {"\u03bcs", 1'000}};  // micro sign, Greek mu

const Unit* match_unit(std::string_view text) {
  const auto begins_with = [&](const Unit& unit) { return text.substr(0, unit.name.size()) == unit.name; };
  for (const Unit& unit : kUnits) {
    if (begins_with(unit)) return &unit;
  }
  for (const Unit& unit : kReadOnlyUnits) {
    if (begins_with(unit)) return &unit;
  }
  return nullptr;
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  if (text == "0") return std::chrono::nanoseconds(0);
  // Summed as a negative number, whose range is one larger: the smallest duration must parse too.
  int64_t total = 0;
  while (!text.empty()) {
    size_t digits = 0;
    int64_t whole = 0;  // negative too
    while (digits < text.size() && std::isdigit(static_cast<unsigned char>(text[digits]))) {
      if (__builtin_mul_overflow(whole, 10, &whole) ||
          __builtin_sub_overflow(whole, text[digits] - '0', &whole))
        return std::nullopt;
      ++digits;
    }
    const size_t whole_digits = digits;
    uint64_t fraction = 0;
    uint64_t scale = 1;
    size_t fraction_digits = 0;
    if (digits < text.size() && text[digits] == '.') {
      ++digits;
      for (; digits < text.size() && std::isdigit(static_cast<unsigned char>(text[digits]));
           ++digits, ++fraction_digits) {
        if (fraction_digits >= kFractionDigits) continue;
        fraction = fraction * 10 + static_cast<uint64_t>(text[digits] - '0');
        scale *= 10;
      }
    }
    if (whole_digits == 0 && fraction_digits == 0) return std::nullopt;
    text.remove_prefix(digits);
    const Unit* unit = match_unit(text);
    if (!unit) return std::nullopt;
    text.remove_prefix(unit->name.size());
    int64_t part = 0;
    if (__builtin_mul_overflow(whole, unit->nanoseconds, &part)) return std::nullopt;
    // What is finer than a nanosecond is cut off.
    const auto rest = static_cast<int64_t>(static_cast<UInt128>(fraction) *
                                           static_cast<uint64_t>(unit->nanoseconds) / scale);
    if (__builtin_sub_overflow(part, rest, &part) || __builtin_add_overflow(total, part, &total))
      return std::nullopt;
  }
  if (!negative && __builtin_mul_overflow(total, -1, &total)) return std::nullopt;
  return std::chrono::nanoseconds(total);
}

// 99999999999d: with shorter numbers it would be a duration.
static bool is_one_but_for_its_size(std::string_view text) {
  std::string shorter;
  for (const char c : text) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit || shorter.empty() || shorter.back() != '1') shorter += is_digit ? '1' : c;
  }
  return parse_duration(shorter).has_value();
}

std::chrono::milliseconds parse_duration_option(std::string_view option, std::string_view text) {
  const auto parsed = parse_duration(text);
  const std::string name(option);
  if (!parsed && is_one_but_for_its_size(text))
    throw usage_error(name + ": '" + std::string(text) +
                      "' is too long: the longest duration is 106751d (292 years)");
  // `--grace 5`
  if (!parsed && name.starts_with("-") && name.find(' ') == name.npos && !text.empty() &&
      text.find_first_not_of("0123456789") == text.npos)
    throw CorrectedError(
        name + ": '" + std::string(text) + "' is not a duration",
        {.before = "a duration has its unit; in seconds: ", .add = {{name, std::string(text) + "s"}}});
  if (!parsed)
    throw usage_error(name + ": '" + std::string(text) + "' is not a duration",
                      "write for example 500ms, 10s, 5m, 1h or 2d");
  if (parsed->count() < 0) throw usage_error(name + ": '" + std::string(text) + "' is negative");
  if (parsed->count() % 1'000'000 != 0)
    throw usage_error(name + ": '" + std::string(text) + "' is finer than a millisecond");
  return std::chrono::duration_cast<std::chrono::milliseconds>(*parsed);
}

std::string format_duration(std::chrono::nanoseconds duration) {
  int64_t left = duration.count();
  if (left == 0) return "0s";
  std::string out = left < 0 ? "-" : "";
  for (size_t i = std::size(kUnits); i-- > 0;) {
    const int64_t n = left / kUnits[i].nanoseconds;
    if (n == 0) continue;
    out += std::to_string(n < 0 ? -n : n);
    out += kUnits[i].name;
    left %= kUnits[i].nanoseconds;
  }
  return out;
}

}  // namespace kutils
