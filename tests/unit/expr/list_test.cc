#include "expr/expressions.h"
#include "support/catch.h"

using namespace kutils;
using expr::ListItem;
using expr::parse_list;

namespace {
std::string refused(std::string_view list) {
  try {
    (void)parse_list(list, "SPEC");
  } catch (const Error& error) {
    return std::string(error.what()) + (error.hint().empty() ? "" : "\n" + error.hint());
  }
  return "accepted";
}
}  // namespace

TEST_CASE("projecting, adding, dropping, renaming") {
  const auto items = parse_list("*, x = a + 1, -email, new=old, -\"total amount\", b", "SPEC");
  REQUIRE(items.size() == 6);
  CHECK(items[0].kind == ListItem::Kind::all);
  CHECK(items[1].kind == ListItem::Kind::field);
  CHECK(items[1].name == "x");
  CHECK(items[1].named);
  CHECK(items[1].expression == "a + 1");
  CHECK(items[1].position == 7);
  CHECK(items[2].kind == ListItem::Kind::drop);
  CHECK(items[2].name == "email");
  CHECK(items[3].expression == "old");
  CHECK(items[4].name == "total amount");
  CHECK(items[5].name == "b");
  CHECK_FALSE(items[5].named);
}

TEST_CASE("whole values and commands") {
  const auto whole = parse_list("={'a': [1, 2], 'b': f(x, y)}", "SPEC");
  REQUIRE(whole.size() == 1);
  CHECK(whole[0].kind == ListItem::Kind::whole);
  CHECK(whole[0].expression == "{'a': [1, 2], 'b': f(x, y)}");
  const auto command = parse_list(" | jq -c '.a, .b'", "SPEC");
  REQUIRE(command.size() == 1);
  CHECK(command[0].kind == ListItem::Kind::command);
  CHECK(command[0].expression == "jq -c '.a, .b'");
}

TEST_CASE("aggregates") {
  const auto items =
      parse_list("n=count(), slow=count() if ms > 500, sum(amount), percentile(ms, 99)", "SPEC");
  REQUIRE(items.size() == 4);
  CHECK(items[0].name == "n");
  CHECK(items[1].expression == "count()");
  CHECK(items[1].condition == "ms > 500");
  CHECK(items[2].name == "sum_amount");
  CHECK(items[3].name == "percentile_ms_99");
  CHECK(parse_list("count()", "SPEC")[0].name == "count");
}

TEST_CASE("strings and brackets hide commas") {
  const auto items = parse_list(R"(a=x == ",", b=[1, 2][0], c={"k,": 1}["k,"])", "SPEC");
  REQUIRE(items.size() == 3);
  CHECK(items[0].expression == R"(x == ",")");
}

TEST_CASE("fields of fields are named by their paths, in lists that make objects") {
  using expr::Paths;
  const auto items = parse_list("a.b=x.y, -a.`c d`.\"e\", a.b, \"q\"[\"r.s\"]=1", "LIST",
                                expr::Unnamed::refused, Paths::allowed);
  REQUIRE(items.size() == 4);
  CHECK(items[0].path == std::vector<std::string>{"a", "b"});
  CHECK(items[0].name == "a.b");
  CHECK(items[0].named);
  CHECK(items[0].expression == "x.y");
  CHECK(items[1].kind == ListItem::Kind::drop);
  CHECK(items[1].path == std::vector<std::string>{"a", "c d", "e"});
  CHECK(items[2].path.empty());
  CHECK(items[2].name == "b");
  CHECK(items[3].path == std::vector<std::string>{"q", "r.s"});
  CHECK(
      refused("n=count(), a.b=sum(x)") ==
      "SPEC: NAME is one name here, and not the path of a field within a field\n  n=count(), a.b=sum(x)\n             "
      "^~~");
  std::string deep = "-a";
  for (int i = 0; i < 1000; ++i) deep += ".a";
  CHECK_THROWS_AS(parse_list(deep, "LIST", expr::Unnamed::refused, Paths::allowed), Error);
}

TEST_CASE("mistakes in lists point into the list") {
  CHECK(refused("a, , b") == "SPEC: an item is missing here\n  a, , b\n     ^");
  CHECK(refused("a, b=c +") == "SPEC: the expression ends too early\n  a, b=c +\n          ^");
  CHECK(refused("a + 1").find("needs a name") != std::string::npos);
  CHECK(refused("n=") != "accepted");
  CHECK(refused("n=count() if") != "accepted");
  CHECK(refused("") != "accepted");
}
