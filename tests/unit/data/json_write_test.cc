#include "data/json_write.h"

#include <cmath>
#include <limits>

#include "support/catch.h"

using namespace kutils;

namespace {
std::string quoted(std::string_view text) {
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
  CHECK(quoted("") == "\"\"");
  CHECK(quoted("a/b\u00e4\U0001F600") == "\"a/b\u00e4\U0001F600\"");
  CHECK(quoted("\"\\\n\t\r\b\f\x01\x7f") == "\"\\\"\\\\\\n\\t\\r\\b\\f\\u0001\x7f\"");
  CHECK(quoted(std::string_view("a\0b", 3)) == "\"a\\u0000b\"");
  CHECK(quoted("x\xff\xc3") == "\"x\uFFFD\uFFFD\"");
  CHECK(quoted("\xed\xa0\x80") == "\"\uFFFD\uFFFD\uFFFD\"");  // a surrogate
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
