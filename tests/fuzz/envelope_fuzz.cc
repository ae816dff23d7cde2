// What an envelope says, written again, says the same.
#include <cstdint>
#include <string>

#include "base/utf8.h"
#include "io/line_parser.h"
#include "io/line_writer.h"
#include "require.h"

using namespace kutils;
using namespace kutils::io;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const LineFormat format = parse_line_format("envelope", "-I");
  const auto parser = make_line_parser(format);
  Batch batch;
  Record record;
  RecordError error{Reason::bad_line, {}};
  if (parser->parse(text, batch, record, error) != LineParser::Got::record) return 0;
  Output output;
  output.key = record.key;
  output.value = record.value;
  output.headers = record.headers;
  output.timestamp = record.timestamp;
  std::string written;
  REQUIRE_HOLDS(!make_line_writer(format)->write(&record, output, written));
  REQUIRE_HOLDS(written.find('\n') == written.size() - 1);
  Batch again_batch;
  Record again;
  written.pop_back();
  const auto got = make_line_parser(format)->parse(written, again_batch, again, error);
  REQUIRE_HOLDS(got == LineParser::Got::record);
  REQUIRE_HOLDS(again.key == record.key);
  REQUIRE_HOLDS(again.value == record.value);
  REQUIRE_HOLDS(again.timestamp == record.timestamp);
  REQUIRE_HOLDS(again.timestamp_type == record.timestamp_type);
  REQUIRE_HOLDS(again.partition == record.partition);
  REQUIRE_HOLDS(again.headers.size() == record.headers.size());
  for (size_t i = 0; i < record.headers.size(); ++i) {
    // Names are text to Kafka: what is not UTF-8 in them is replaced.
    if (is_utf8(record.headers[i].name)) REQUIRE_HOLDS(again.headers[i].name == record.headers[i].name);
    REQUIRE_HOLDS(again.headers[i].value == record.headers[i].value);
  }
  return 0;
}
