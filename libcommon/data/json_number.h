// JSON's numbers as texts.
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

namespace kutils {

// A number and the text that it was read from, which says more than a double can hold. How long the text is
// stands beside it where one of these is kept.
struct WrittenNumber {
  double value;
  const char* text;
};

// The text of a number as a key, the same for all texts that mean the same number: 40, 40.0 and 4e1. A number
// that int64, uint64 or a double gives back as the same decimal value is written as that type is; any other
// keeps its text, so that ids of 23 digits stay apart. `written`: all of a valid JSON number of which a
// double is `value`.
void append_number_key(std::string_view written, double value, std::string& out);
// The same for a computed number: the key of the text that it would be written as. False, and `out` as it
// was: NaN or infinite.
[[nodiscard]] bool append_number_key(double value, std::string& out);

// Whether a text is exactly one JSON number: what CSV cells and regex captures are asked.
bool is_json_number(std::string_view text);

// The double that a JSON number means, correctly rounded. RapidJSON's conversions do not give it: the quick
// one may be off by one unit in the last place, and the "full precision" of 1.1 gives anything where the
// first 20 digits are 2^64 - 1 and the next rounds up (its significand wraps to zero). `written`: all of a
// valid JSON number. Too small is the nearest of the smallest, or a zero with the sign; too big an infinity,
// which no JSON number is otherwise: whoever computes with it must refuse it.
double json_double_out_of_range(std::string_view written);
inline double json_double(std::string_view written) {
  double exact = 0;
  const auto [end, error] = std::from_chars(written.data(), written.data() + written.size(), exact);
  return error == std::errc::result_out_of_range ? json_double_out_of_range(written) : exact;
}

// A copy of JSON text in which the numbers that RapidJSON refuses as too big for a double, and others with an
// exponent, are replaced by ones as long, 0.000; everything else stands where it stood.
std::string with_small_numbers(std::string_view json);

}  // namespace kutils
