// CSV: whatever comes is an object per row or an error, in pieces as in one; what is written of it is read
// again.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "data/json_fields.h"
#include "io/line_parser.h"
#include "io/line_writer.h"
#include "require.h"

using namespace kutils;
using namespace kutils::io;

namespace {

std::vector<std::string> rows(const LineFormat& format, std::string_view text, size_t piece) {
  std::vector<std::string> all;
  const auto parser = make_line_parser(format);
  Batch batch;
  size_t begin = 0;
  size_t scanned = 0;
  while (begin < text.size()) {
    const char* stop = nullptr;
    while (!stop && scanned < text.size()) {
      const size_t until = std::min(text.size(), scanned + piece);
      stop = parser->find_end(text.data() + scanned, text.data() + until, '\n');
      if (!stop) scanned = until;
    }
    const size_t end = stop ? static_cast<size_t>(stop - text.data()) : text.size();
    Record record;
    RecordError error{Reason::bad_line, {}};
    const auto got = parser->parse(text.substr(begin, end - begin), batch, record, error);
    if (got == LineParser::Got::record) {
      REQUIRE_HOLDS(!check_json(record.value.view()));
      all.emplace_back(record.value.view());
    }
    if (got == LineParser::Got::error) all.push_back("error " + error.message);
    begin = scanned = end + 1;
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  LineFormat format = parse_line_format("csv", "-I");
  try {
    const auto all = rows(format, text, text.size() + 1);
    REQUIRE_HOLDS(rows(format, text, 1) == all);
    REQUIRE_HOLDS(rows(format, text, 3) == all);
    format.csv_strings = true;
    const auto strings = rows(format, text, text.size() + 1);
    const auto writer = make_line_writer(format);
    std::string written;
    std::vector<std::string> kept;
    for (const std::string& row : strings) {
      if (row[0] != '{') continue;
      Output output;
      output.value = std::string_view(row);
      REQUIRE_HOLDS(!writer->write(nullptr, output, written));
      kept.push_back(row);
    }
    REQUIRE_HOLDS(rows(format, written, 7) == kept);
  } catch (const Error& error) {
    REQUIRE_HOLDS(error.code() == ExitCode::bad_record);
  }
  return 0;
}
