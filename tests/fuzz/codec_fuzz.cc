// The first line is a chain of codecs, the rest are bytes: what decodes encodes back to what decodes the
// same.
#include <cstdint>
#include <string>
#include <string_view>

#include "data/codec.h"
#include "data/json_fields.h"
#include "require.h"

using namespace kutils;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = text.find('\n');
  if (end == std::string_view::npos || end > 60) return 0;
  try {
    const Codec codec = Codec::parse(text.substr(0, end), "--value-codec");
    REQUIRE_HOLDS(Codec::parse(codec.name(), "--value-codec") == codec);
    std::string decoded_scratch;
    std::string encoded_scratch;
    std::string again_scratch;
    const auto decoded = codec.decode(text.substr(end + 1), decoded_scratch);
    if (decoded) {
      const auto encoded = codec.encode(*decoded, encoded_scratch);
      REQUIRE_HOLDS(encoded);
      const auto again = codec.decode(*encoded, again_scratch);
      REQUIRE_HOLDS(again && *again == *decoded);
      if (codec.form() == DecodedForm::json && codec.name().find("json") == std::string::npos)
        REQUIRE_HOLDS(!check_json(*decoded));
    }
    (void)codec.encode(text.substr(end + 1), encoded_scratch);
  } catch (const Error& error) {
    REQUIRE_HOLDS(error.code() == ExitCode::usage);
  }
  return 0;
}
