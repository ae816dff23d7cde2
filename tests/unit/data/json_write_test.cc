#include "data/json_write.h"
#include "data/json_number.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <random>

#include "support/catch.h"

using namespace kutils;

namespace {
std::string as_json(std::string_view text) {
  std::string out;
  append_json_string(text, out);
  return out;
}
std::string real(double value) {
  std::string out;
  CHECK(append_json_double(value, out));
  return out;
}
}  // namespace

TEST_CASE("JSON strings are escaped as little as JSON allows") {
  CHECK(as_json("") == "\"\"");
  CHECK(as_json("a/b\u00e4\U0001F600") == "\"a/b\u00e4\U0001F600\"");
  CHECK(as_json("\"\\\n\t\r\b\f\x01\x7f") == "\"\\\"\\\\\\n\\t\\r\\b\\f\\u0001\x7f\"");
  CHECK(as_json(std::string_view("a\0b", 3)) == "\"a\\u0000b\"");
  CHECK(as_json("x\xff\xc3") == "\"x\uFFFD\uFFFD\"");
  CHECK(as_json("\xed\xa0\x80") == "\"\uFFFD\uFFFD\uFFFD\"");  // a surrogate
}

TEST_CASE("JSON doubles of few decimals are written as the library's shortest form") {
  const auto shortest = [](double value) {
    char buffer[32];
    return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
  };
  std::mt19937_64 random(1);
  for (int i = 0; i < 300'000; ++i) {
    const auto number = static_cast<double>(random() >> (random() % 50 + 14));
    double value = number / std::pow(10.0, static_cast<double>(random() % 7));
    if (i % 3 == 1) value = std::nextafter(value, 0);
    if (i % 3 == 2) value *= -0.908;
    const std::string text = shortest(value);
    if (text.find_first_of(".e") == std::string::npos) continue;
    if (real(value) != text) FAIL(text << " written as " << real(value));
  }
  for (const double value : {0.0001, 0.0009, 0.001, 0.0011, 0.01, 0.5, 1e10 + 0.5, 1e11 + 0.5,
                             99999999999.9999, 123456.7891, 1e-5, 0.00015})
    CHECK(real(value) == shortest(value));
}

TEST_CASE("JSON doubles read back as the same double") {
  CHECK(real(40.0) == "40.0");
  CHECK(real(0.1) == "0.1");
  CHECK(real(-0.0) == "-0.0");
  CHECK(real(1e300) == "1e+300");
  CHECK(real(5e-324) == "5e-324");
  std::string out = "x";
  CHECK_FALSE(append_json_double(std::nan(""), out));
  CHECK_FALSE(append_json_double(std::numeric_limits<double>::infinity(), out));
  CHECK(out == "x");
  append_json_int(std::numeric_limits<int64_t>::min(), out);
  append_json_uint(std::numeric_limits<uint64_t>::max(), out);
  CHECK(out == "x-922337203685477580818446744073709551615");
}

TEST_CASE("a number as a key: its decimal value where a type gives that back, else its text") {
  const auto key = [](const std::string& text) {
    std::string out;
    append_number_key(text, std::strtod(text.c_str(), nullptr), out);
    return out;
  };
  for (const char* same : {"40", "40.0", "4e1", "4E+1", "400e-1", "0.4e2", "40.000"})
    CHECK(key(same) == "40");
  for (const char* same : {"0", "-0", "0.0", "-0.00", "0e5", "0E-999999999999999999999"})
    CHECK(key(same) == "0");
  CHECK(key("-1.50") == "-1.5");
  CHECK(key("15e-1") == "1.5");
  CHECK(key("9223372036854775808.0") == "9223372036854775808");
  CHECK(key("-9223372036854775808.0") == "-9223372036854775808");
  CHECK(key("9007199254740993.0") == "9007199254740993");  // an int64, though no double
  CHECK(key("18446744073709551615.0") == "18446744073709551615");
  CHECK(key("100000000000000000000") == "1e+20");  // a double gives it back
  CHECK(key("1E20") == "1e+20");
  CHECK(key("-18446744073709551616.0") == "-18446744073709551616");
  for (const char* kept : {"12345678901234567890123", "12345678901234567890124", "3.14159265358979323846",
                           "1e-400", "0.1000000000000000055511151231257827", "1e-99999999999999999999999"})
    CHECK(key(kept) == kept);

  std::string out;
  CHECK(append_number_key(40.0, out));
  CHECK(append_number_key(-0.0, out));
  CHECK(append_number_key(0.1, out));
  CHECK_FALSE(append_number_key(std::nan(""), out));
  CHECK(out == "4000.1");
}

TEST_CASE("JSON strings: each byte at each place of a long text is escaped as it is alone") {
  std::string text(37, 'a');
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t at = 0; at < text.size(); ++at) {
      for (const char before : {'a', '"', '\\', ' ', '!', '~', '\x7f', '#', '[', ']'}) {
        std::string whole = text;
        whole[at] = static_cast<char>(byte);
        if (at > 0) whole[at - 1] = before;
        std::string expected = "\"";
        for (const char c : whole) {
          const std::string one = as_json({&c, 1});
          expected += one.substr(1, one.size() - 2);
        }
        if (as_json(whole) != expected + '"') FAIL(byte << " at " << at);
      }
    }
  }
}
