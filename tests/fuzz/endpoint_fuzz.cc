// Endpoints: refused with a usage error, or of one kind with a name.
#include "io/endpoint.h"

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "io/line_format.h"
#include "require.h"

using namespace kutils;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* operand : {"IN", "OUT"}) {
    try {
      const io::Endpoint endpoint = io::parse_endpoint(operand, text);
      REQUIRE_HOLDS(!endpoint.name.empty());
      REQUIRE_HOLDS((endpoint.kind == io::EndpointKind::topic) == !endpoint.topics.empty());
      for (const auto& topic : endpoint.topics) {
        const io::Endpoint again = io::parse_endpoint("IN", "topic:" + topic);
        REQUIRE_HOLDS(again.name == topic);
      }
    } catch (const Error& error) {
      REQUIRE_HOLDS(error.code() == ExitCode::usage);
    }
  }
  for (const char* option : {"-I", "-O"}) {
    try {
      (void)io::parse_line_format(text, option);
    } catch (const Error& error) {
      REQUIRE_HOLDS(error.code() == ExitCode::usage);
    }
  }
  try {
    (void)io::unescape_option(text, "-K");
  } catch (const Error& error) {
    REQUIRE_HOLDS(error.code() == ExitCode::usage);
  }
  return 0;
}
