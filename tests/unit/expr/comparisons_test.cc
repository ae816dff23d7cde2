#include "expr/comparisons.h"

#include <memory>
#include <string>
#include <vector>

#include "expr/expressions.h"
#include "support/catch.h"

using namespace kutils;
using expr::ComparisonLog;
using expr::Expressions;
using expr::Options;

namespace {

// The notes after the expression has seen these values.
std::vector<std::string> notes_of(const std::string& expression, const std::vector<std::string>& values,
                                  Options options = {}, const expr::InList& in_list = {}) {
  options.comparisons = std::make_shared<ComparisonLog>();
  // As two partitions have two stages.
  Expressions one{options}, other{options};
  one.add(expression, "EXPR", expr::Expect::any, in_list);
  other.add(expression, "EXPR", expr::Expect::any, in_list);
  for (size_t i = 0; i < values.size(); ++i) {
    Record record;
    record.value = MaybeBytes(values[i]);
    Expressions& set = i % 2 == 0 ? one : other;
    REQUIRE_FALSE(set.bind(record));
    (void)set.evaluate(0);
  }
  return options.comparisons->notes();
}

// What the only note says to write; empty: it says nothing.
std::string written(const std::string& expression, const std::vector<std::string>& values,
                    const Options& options = {}) {
  const auto notes = notes_of(expression, values, options);
  REQUIRE(notes.size() == 1);
  const std::string before = "\n  write: ";
  const size_t at = notes[0].find(before);
  return at == std::string::npos ? std::string() : notes[0].substr(at + before.size());
}

}  // namespace

TEST_CASE("a comparison that met only another type is noted with what to write") {
  const auto notes = notes_of("number == \"62\"", {R"({"number":62})", R"({"number":7})"});
  REQUIRE(notes.size() == 1);
  CHECK(notes[0] ==
        "EXPR: 'number == \"62\"' compared a number with a text each time, and these are never equal\n"
        "  write: number == 62");
  CHECK(written("id == 7", {R"({"id":"007"})", R"({"id":"7"})"}) == "int(id) == 7");
  CHECK(written("7 != id", {R"({"id":"007"})"}) == "7 != int(id)");
  CHECK(written("id == 7", {R"({"id":"7.5"})"}) == "double(id) == 7");
  CHECK(written("id == 7", {R"({"id":"A7"})", R"({"id":"8"})"}) == "id == \"7\"");
  CHECK(written("id == 7u", {R"({"id":"A7"})"}) == "id == \"7\"");
  CHECK(written("number == \"07\"", {R"({"number":7})"}) == "number == 7");
  CHECK(written("number == \"7.50\"", {R"({"number":7})"}) == "number == 7.5");
  CHECK(written("number == \"many\"", {R"({"number":7})"}).empty());
  CHECK(written("user.id == 7", {R"({"user":{"id":"7"}})"}) == "int(user.id) == 7");
  CHECK(written("active == \"true\"", {R"({"active":true})"}) == "active == true");
  CHECK(written("active == true", {R"({"active":"true"})"}) == "active == \"true\"");
  CHECK(written("active == 1", {R"({"active":false})"}) == "active == true");
  CHECK(written("tags == \"a\"", {R"({"tags":["a"]})"}) == "\"a\" in tags");
  CHECK(written("tags != \"a\"", {R"({"tags":["a"]})"}) == "!(\"a\" in tags)");
  CHECK(written("number in [\"6\", \"7\"]", {R"({"number":7})"}) == "number in [6, 7]");
  CHECK(written("id in [6, 7]", {R"({"id":"7"})"}) == "int(id) in [6, 7]");
  CHECK(written("7 in ids", {R"({"ids":["7"]})"}) == "\"7\" in ids");
  CHECK(written("ids.exists(i, i == 7)", {R"({"ids":["7"]})"}) == "ids.exists(i, int(i) == 7)");
}

TEST_CASE("null is no number, and the rest of the expression stays") {
  CHECK(written("id == 7", {R"({"id":null})", R"({"id":"7"})"}) == "id != null && int(id) == 7");
  CHECK(written("!(id != 7)", {R"({"id":null})", R"({"id":"7"})"}) == "!(id == null || (int(id) != 7))");
  CHECK(written("id == 7 || number == \"1\"", {R"({"id":"8","number":1})"}) == "int(id) == 7 || number == 1");
  const auto notes = notes_of("id == 7 || number == \"1\"", {R"({"id":"8","number":1})"});
  CHECK(notes[0].find("\n  so did 'number == \"1\"': a number with a text\n") != std::string::npos);
  CHECK(notes_of("n == \"1\"", {R"({"n":1})"}, {}, {"count() if ", ", max(n)"})[0].find(
            "\n  write: count() if n == 1, max(n)") != std::string::npos);
}

TEST_CASE("two fields of different types are compared in vain, too") {
  const auto notes = notes_of("a.id != b.id", {R"({"a":{"id":1},"b":{"id":"01"}})"});
  REQUIRE(notes.size() == 1);
  CHECK(notes[0] ==
        "EXPR: 'a.id != b.id' compared a number with a text each time, and these are never equal\n"
        "  write: a.id != int(b.id)");
  CHECK(written("a == b", {R"({"a":"1.5","b":1})"}) == "double(a) == b");
  CHECK(written("a == b", {R"({"a":1,"b":"x"})"}) == "string(a) == b");
  CHECK(written("a == b", {R"({"a":"true","b":true})"}) == "a == string(b)");
  CHECK(written("a == b", {R"({"a":1,"b":[1]})"}).empty());
  // int(null) would fail.
  CHECK(written("a == b", {R"({"a":1,"b":"1"})", R"({"a":1,"b":null})"}).empty());
}

TEST_CASE("a key that no record has is named") {
  const auto notes = notes_of("_key == \"x\"", {"{}"});
  REQUIRE(notes.size() == 1);
  CHECK(notes[0] ==
        "EXPR: '_key == \"x\"' met no key: no record has one; keys of lines are read by -K SEP or -J");
}

TEST_CASE("arguments and values of text are compared, too") {
  Options options;
  options.args = {{"id", "7"}, {"name", "x"}};
  CHECK(written("id == _arg.id", {R"({"id":7})"}, options) == "id == int(_arg.id)");
  CHECK(written("id == _arg.name", {R"({"id":7})"}, options).empty());
  Options text;
  text.value_codec = "text";
  CHECK(written("_value == 1", {"1", "2"}, text) == "int(_value) == 1");
}

TEST_CASE("nothing is noted of comparisons that met a value of their type, or none") {
  CHECK(notes_of("number == \"62\"", {}).empty());
  CHECK(notes_of("number == \"62\"", {R"({"number":62})", R"({"number":"7"})"}).empty());
  CHECK(notes_of("number == 62", {R"({"number":62.0})"}).empty());
  CHECK(notes_of("number == \"62\"", {R"({"number":null})"}).empty());
  CHECK(notes_of("number == \"62\"", {R"({"x":1})"}).empty());
  CHECK(notes_of("number == null || number != \"\"", {R"({"number":1})"}).empty());
  CHECK(notes_of("number in [\"6\", 7]", {R"({"number":1})"}).empty());
  CHECK(notes_of("7 in ids", {R"({"ids":[]})", R"({"ids":["a",1]})"}).empty());
  CHECK(notes_of("\"a\" in names", {R"({"names":{"a":1}})"}).empty());
  CHECK(notes_of("a == b", {R"({"a":1,"b":null})", R"({"a":1,"b":2.5})", R"({"a":1,"b":"x"})"}).empty());
  CHECK(notes_of("size(a) == size(b)", {R"({"a":"x","b":"y"})"}).empty());
  CHECK(notes_of("a == b", {R"({"a":null,"b":"x"})"}).empty());
  CHECK(notes_of("kind == \"x\" && number == \"1\"", {R"({"kind":"y","number":1})"}).empty());
}
