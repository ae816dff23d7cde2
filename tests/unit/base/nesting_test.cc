#include "base/nesting.h"

#include <string>
#include <string_view>

#include "support/catch.h"

namespace kutils {
namespace {

// The characters that stand outside.
std::string outside(std::string_view text) {
  Nesting nesting;
  std::string found;
  for (const char c : text)
    if (nesting.take(c)) found += c;
  return found;
}

TEST_CASE("nesting: what stands in brackets and in strings is not outside") {
  CHECK(outside("a,b") == "a,b");
  CHECK(outside("f(a,b),c") == "f,c");
  CHECK(outside("{'k': [1,2]},c") == ",c");
  CHECK(outside("'a,b',c") == ",c");
  CHECK(outside(R"("a\",b",c)") == ",c");
  CHECK(outside(R"('a\\',c)") == ",c");
  CHECK(outside("'(',c") == ",c");
}

TEST_CASE("nesting: a text that is not well formed is not outside for ever, nor is it counted below none") {
  CHECK(outside("a),b") == "a,b");
  CHECK(outside("(a,b") == "");
  CHECK(outside("'a,b") == "");
}

}  // namespace
}  // namespace kutils
