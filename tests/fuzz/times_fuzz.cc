// Durations and times: what parses prints, and parses again to the same.
#include <cstdint>
#include <string_view>

#include "base/base64.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/time_format.h"
#include "base/utf8.h"
#include "require.h"

using namespace kutils;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto duration = parse_duration(text))
    REQUIRE_HOLDS(parse_duration(format_duration(*duration)) == duration);
  if (const auto ms = parse_iso_ms(text)) {
    const std::string printed = format_iso_ms(*ms);
    // Offsets may reach beyond the years that have four digits.
    if (printed.back() == 'Z') REQUIRE_HOLDS(parse_iso_ms(printed) == ms);
  }
  (void)parse_time_ms(text, 1'700'000'000'000);
  try {
    (void)parse_duration_option("--within", text);
  } catch (const Error&) {
  }
  std::string encoded;
  append_base64(text, encoded);
  std::string decoded;
  REQUIRE_HOLDS(!append_from_base64(encoded, decoded) && decoded == text);
  std::string ignored;
  (void)append_from_base64(text, ignored);
  (void)is_utf8(text);
  (void)utf8_width(text);
  return 0;
}
