#include "expr/registry.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "expr/expressions.h"
#include "support/catch.h"

using namespace kutils;

namespace {
void holds(std::string_view example) {
  INFO(example);
  expr::Expressions set{expr::Options{.record = false}};
  const size_t handle = set.add(example, "", expr::Expect::boolean);
  REQUIRE_FALSE(set.bind(Record{}));
  const auto value = set.get(handle);
  if (!value) FAIL(value.error().message);
  REQUIRE(value->is_bool());
  CHECK(value->as_bool());
}
}  // namespace

TEST_CASE("every function has a signature, a line and an example that is true") {
  for (const auto& library : expr::libraries()) {
    for (const auto& function : library.functions) {
      INFO(function.name);
      CHECK_FALSE(function.signature.empty());
      CHECK_FALSE(function.line.empty());
      CHECK(function.example.find(function.name) != std::string_view::npos);
      CHECK_FALSE(function.overloads.empty());
      holds(function.example);
    }
  }
  for (const auto& form : expr::special_forms()) holds(form.example);
}

TEST_CASE("a name and form stand once in the table, or take different arguments") {
  std::set<std::string> seen;
  for (const auto& library : expr::libraries()) {
    for (const auto& function : library.functions) {
      for (const auto& overload : function.overloads) {
        std::string key(function.name);
        key += function.form == expr::Form::function ? "()" : ".()";
        for (const expr::Kinds kinds : overload.parameters) key += " " + std::to_string(kinds);
        if (overload.variadic) key += " ...";
        INFO(key);
        CHECK(seen.insert(key).second);
      }
    }
  }
}

TEST_CASE("kutils-expr(7) has the functions as the table has them") {
  // Tests run in the source folder. KUTILS_REWRITE=1 writes the page's function part anew.
  const std::string path = "man/kutils-expr.md";
  std::ifstream in(path);
  REQUIRE(in);
  std::string page((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const std::string heading = "# FUNCTIONS\n\n";
  const size_t at = page.find(heading);
  REQUIRE(at != std::string::npos);
  if (std::getenv("KUTILS_REWRITE")) {
    page = page.substr(0, at + heading.size()) + expr::functions_as_markdown();
    std::ofstream(path) << page;
  }
  const bool same = page.substr(at + heading.size()) == expr::functions_as_markdown();
  INFO("run KUTILS_REWRITE=1 build/bin/test_expr in the source folder");
  CHECK(same);
}
