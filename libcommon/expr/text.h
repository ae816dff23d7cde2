// Text forms that values, conversions and functions share, beside base/utf8.h, base/base64.h and
// data/json_write.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kutils::expr {

class Value;

struct TimePoint {
  int64_t seconds = 0;
  uint32_t nanoseconds = 0;
};
// The range of CEL's timestamps: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.
constexpr int64_t kMinSeconds = -62'135'596'800;
constexpr int64_t kMaxSeconds = 253'402'300'799;

// RFC 3339; nullopt also outside CEL's range.
std::optional<TimePoint> parse_rfc3339(std::string_view text);
// thousands: 0, 3, 6 or 9 digits of the second's fraction, as protobuf's JSON has it. shortest: no zeros at
// its end, as CEL's string() and %s have it.
enum class Fraction { thousands, shortest };
void append_rfc3339(int64_t seconds, uint32_t nanoseconds, std::string& out,
                    Fraction fraction = Fraction::thousands);
// "5400s", "1.5s": CEL's text of a duration.
void append_duration_seconds(int64_t nanoseconds, std::string& out);

// The number that int(), uint() and double() read in a text: digits in all of it, for a signed type perhaps a + before
// them. T: int64_t, uint64_t, double. `out_of_range`: it is a number, but T cannot hold it.
template <typename T>
std::optional<T> read_number(std::string_view text, bool* out_of_range = nullptr);

// The shortest text that reads back as the same double. NaN, Infinity, -Infinity.
void append_double(double value, std::string& out);
// The same digits, never with an exponent: 1000000, 0.0000001.
void append_plain_double(double value, std::string& out);

// For messages: a text longer than `most` bytes is cut, between characters, and ends with "...".
std::string shortened(std::string_view text, size_t most = 60);

// std::string_view::find() in linear time whatever the texts are.
size_t find_text(std::string_view text, std::string_view part, size_t from = 0);

size_t count_code_points(std::string_view utf8);
// The byte where code point `n` begins (text.size() if n is the count); npos: beyond the end.
size_t code_point_offset(std::string_view utf8, size_t n);
// Reads one code point at `position` and moves on; an invalid byte gives U+FFFD and moves one byte.
uint32_t next_code_point(std::string_view utf8, size_t& position);

// REQUIRES: kind ip or cidr.
void append_address(const Value& address, std::string& out);

}  // namespace kutils::expr
