// -f: compiles or is refused; what compiles writes.
#include <cstdint>
#include <string>

#include "io/line_writer.h"
#include "require.h"

using namespace kutils;
using namespace kutils::io;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  TemplateExpressions expressions;
  expressions.add = [](std::string_view text) { return text.size(); };
  expressions.append = [](const Record&, size_t handle, std::string& out) -> std::optional<RecordError> {
    if (handle == 3) return RecordError{Reason::expression, "three"};
    out += 'x';
    return std::nullopt;
  };
  LineFormat format;
  format.output_template.assign(reinterpret_cast<const char*>(data), size);
  format.expressions = &expressions;
  try {
    const auto writer = make_line_writer(format);
    std::string out = "before";
    Output output;
    output.value = std::string_view("value");
    if (writer->write(nullptr, output, out)) REQUIRE_HOLDS(out == "before");
  } catch (const Error& error) {
    REQUIRE_HOLDS(error.code() == ExitCode::usage);
  }
  return 0;
}
