// The expression language: lexer, parser, checker, evaluator. The first line is a record's value, the rest an
// expression (no newline: the expression alone). No text may crash it, and what was accepted is printed and
// read again to the same.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "expr/expressions.h"
#include "expr/parser.h"
#include "expr/source_error.h"
#include "require.h"

using namespace kutils;

namespace {

void print_and_read_again(std::string_view text) {
  std::string printed;
  try {
    printed = expr::print(*expr::parse(text));
  } catch (const expr::SourceError& error) {
    REQUIRE_HOLDS(error.begin <= error.end && error.end <= text.size() + 1);
    return;
  }
  try {
    REQUIRE_HOLDS(expr::print(*expr::parse(printed)) == printed);
  } catch (const expr::SourceError& error) {
    // The brackets that printing adds count as nesting.
    REQUIRE_HOLDS(error.message.find("nested deeper") != std::string::npos ||
                  error.message.find("longer than") != std::string::npos);
  }
}

void evaluate(std::string_view text, std::string_view value, bool with_record) {
  expr::Expressions set{expr::Options{.args = {{"a", "1"}}, .random_seed = 1, .record = with_record}};
  size_t handle = 0;
  try {
    handle = set.add(text, "SPEC");
  } catch (const Error&) {
    return;
  }
  const Header headers[] = {{"h", MaybeBytes("v")}};
  Record record;
  record.key = MaybeBytes("key");
  record.value = MaybeBytes(value);
  record.headers = headers;
  record.timestamp = 1700000000000;
  for (int i = 0; i < 2; ++i) {
    if (with_record && set.bind(record)) return;
    const auto result = set.get(handle);
    if (!result) {
      REQUIRE_HOLDS(!result.error().message.empty());
      continue;
    }
    std::string out;
    if (!append_json(*result, out)) REQUIRE_HOLDS(!out.empty());
    (void)append_text(*result, out);
    (void)append_key(*result, out);
    (void)to_time_ms(*result);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::unique_ptr<char[]> copy(new char[size]);
  std::copy(data, data + size, copy.get());
  const std::string_view text(copy.get(), size);
  const size_t line = text.find('\n');
  const std::string_view value =
      line == std::string_view::npos
          ? std::string_view(R"({"a":1,"b":"x","c":[1,2.5,"y"],"d":{"e":null},"f":1.5})")
          : text.substr(0, line);
  const std::string_view expression = line == std::string_view::npos ? text : text.substr(line + 1);
  print_and_read_again(expression);
  evaluate(expression, value, true);
  evaluate(expression, value, false);
  try {
    (void)expr::parse_list(expression, "LIST");
  } catch (const Error&) {
  }
  return 0;
}
