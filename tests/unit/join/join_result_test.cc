#include "flow/join/join_result.h"

#include "flow/join/side.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::flow;

namespace {

std::string made(const JoinFormat& format, MaybeBytes left, MaybeBytes right) {
  JoinResult result(format);
  for (const MaybeBytes side : {left, right})
    if (auto error = result.check(side)) return "bad side: " + error->message;
  std::string text;
  const Result<bool> any = result.make(std::string_view("k"), left, right, 7, text);
  if (!any) return "error: " + any.error().message;
  return *any ? text : "none";
}

}  // namespace

TEST_CASE("join results: the bytes of both sides") {
  using namespace std::string_view_literals;
  CHECK(made({}, R"({"a": 1.10})"sv, "[2]"sv) == R"({"left":{"a": 1.10},"right":[2]})");
  CHECK(made({}, "1"sv, {}) == R"({"left":1,"right":null})");
  CHECK(made({}, {}, "1"sv) == R"({"left":null,"right":1})");
  CHECK(made({}, "nonsense"sv, "1"sv).substr(0, 8) == "bad side");
  CHECK(made({}, "1"sv, "{\"a\":"sv).substr(0, 8) == "bad side");
}

TEST_CASE("join results: --merge is one flat object, in which the left wins") {
  using namespace std::string_view_literals;
  const auto l = R"({"id":1,"x":"a\"b"})"sv, r = R"({"name":"n","y":[1, 2]})"sv;
  const JoinFormat plain{"", true, "", {}}, prefixed{"", true, "r_", {}};
  CHECK(made(plain, l, r) == R"({"id":1,"x":"a\"b","name":"n","y":[1, 2]})");
  CHECK(made(prefixed, l, r) == R"({"id":1,"x":"a\"b","r_name":"n","r_y":[1, 2]})");
  const auto left_out = std::make_shared<std::atomic<uint64_t>>(0);
  const JoinFormat counted{"", true, "", {}, left_out};
  CHECK(made(counted, l, R"({"name":"n","id":1})"sv) == R"({"id":1,"x":"a\"b","name":"n"})");
  CHECK(*left_out == 0);
  CHECK(made(counted, l, R"({"id":2})"sv) == l);
  CHECK(*left_out == 1);
  CHECK(made(prefixed, l, R"({"id":2})"sv) == R"({"id":1,"x":"a\"b","r_id":2})");
  CHECK(made(prefixed, R"({"r_id":1})"sv, R"({"id":2})"sv) == R"({"r_id":1})");
  CHECK(made(plain, l, {}) == l);
  CHECK(made(plain, {}, r) == r);
  CHECK(made(plain, "{}"sv, "{}"sv) == "{}");
  CHECK(made(plain, "1"sv, r).substr(0, 8) == "bad side");
}

TEST_CASE("join results: --where is asked of pairs only, and an error is an error") {
  using namespace std::string_view_literals;
  const JoinFormat format{"left.x > right.y", false, "", {}};
  CHECK(made(format, R"({"x":2})"sv, R"({"y":1})"sv) == R"({"left":{"x":2},"right":{"y":1}})");
  CHECK(made(format, R"({"x":1})"sv, R"({"y":1})"sv) == "none");
  CHECK(made(format, R"({"x":1})"sv, {}) == R"({"left":{"x":1},"right":null})");
  CHECK(made(format, R"({"x":1})"sv, R"({"z":1})"sv).substr(0, 6) == "error:");
  CHECK_THROWS_AS(JoinResult({"left.x >", false, "", {}}), Error);
  CHECK_THROWS_AS(JoinResult({"1 + 1", false, "", {}}), Error);
}

TEST_CASE("sides: by the topic, behind an internal topic by the header") {
  Record record;
  record.topic = "r";
  CHECK(side_of(record, "r", false) == Side::right);
  record.topic = "internal";
  CHECK(side_of(record, "r", true) == Side::left);
  const Header own{"kutils.side", std::string_view("left")};
  const Header headers[] = {own, side_header(Side::right)};
  record.headers = headers;
  CHECK(side_of(record, "r", true) == Side::right);
  CHECK(side_of(record, "r", false) == Side::left);  // somebody else's header
}
