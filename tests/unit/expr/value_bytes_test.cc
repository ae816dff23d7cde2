// Frozen bytes: values that were kept must stay readable (kutils-state(5)). And fold's expression over them.
#include "expr/value_bytes.h"

#include "expr/context.h"
#include "expr/expressions.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::expr;

namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    constexpr const char* kDigits = "0123456789abcdef";
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

std::string json_of(std::string_view bytes) {
  Reader in(bytes);
  std::string json;
  bytes_to_json(in, &json);
  CHECK((in.ok() && in.at_end()));
  return json;
}

struct Frozen {
  const char* expression;
  const char* bytes;
  const char* json;
};
constexpr Frozen kFrozen[] = {
    {"null", "00", "null"},
    {"true", "0101", "true"},
    {"-3", "0205", "-3"},
    {"300u", "03ac02", "300"},
    {"2.5", "040000000000000440", "2.5"},
    {"1.0", "04000000000000f03f", "1.0"},
    {"'a\"\\u00e9'", "05046122c3a9", "\"a\\\"\xc3\xa9\""},
    {"b'\\xff\\x00'", "0602ff00", "\"/wA=\""},
    {"timestamp('2024-05-01T12:00:00.25Z')", "0780bb91e30c80e59a77", "\"2024-05-01T12:00:00.250Z\""},
    {"timestamp('1969-12-31T23:59:59Z')", "070100", "\"1969-12-31T23:59:59Z\""},
    {"duration('-1s')", "08ffa7d6b907", "\"-1s\""},
    {"[]", "0900", "[]"},
    {"[1, ['x'], null]", "09030202090105017800", "[1,[\"x\"],null]"},
    {"json('[-0]')[0]", "0b", "-0"},
    {"json('[2.50]')[0]", "0c000000000000044004322e3530", "2.50"},
    {"json('[2.5]')[0]", "040000000000000440", "2.5"},
    {"{'b': 1, 2: 'x', true: {}}", "0a030501620202020405017801010a00", "{\"b\":1,\"2\":\"x\",\"true\":{}}"},
};

std::string fold_error(const char* init, const char* expression) {
  Expressions set{Options()};
  try {
    (void)set.add_fold(expression, "AGGS", constant_bytes(init, "AGGS", Options()));
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

// The value after these records, as JSON, or "error: ...".
std::string folded(const char* init, const char* expression, const std::vector<std::string>& values) {
  Expressions set{Options()};
  std::string value = constant_bytes(init, "", Options()), next;
  const size_t handle = set.add_fold(expression, "", value);
  for (const std::string& one : values) {
    Record record;
    record.value = std::string_view(one);
    REQUIRE_FALSE(set.bind(record));
    if (const auto error = set.fold(handle, value, next))
      return "error: " + error->message.substr(0, error->message.find('\n'));
    value.swap(next);
  }
  return json_of(value);
}

}  // namespace

TEST_CASE("values as bytes: frozen, and back with their kinds") {
  for (const Frozen& one : kFrozen) {
    CAPTURE(one.expression);
    const std::string bytes = constant_bytes(one.expression, "", Options());
    CHECK(hex(bytes) == one.bytes);
    CHECK(json_of(bytes) == one.json);
    Context context;
    Reader in(bytes);
    const Value value = from_bytes(in, context);
    CHECK((in.ok() && in.at_end()));
    std::string again, json;
    REQUIRE_FALSE(to_bytes(value, again));
    CHECK(again == bytes);
    REQUIRE_FALSE(append_json(value, json));
    CHECK(json == one.json);
    for (size_t n = 0; n < bytes.size(); ++n) {  // cut off anywhere: noticed
      Reader part(std::string_view(bytes).substr(0, n));
      bytes_to_json(part, nullptr);
      CHECK_FALSE((part.ok() && part.at_end()));
    }
  }
}

TEST_CASE("values as bytes: broken ones make the reader fail, whatever they say") {
  using namespace std::string_literals;
  const std::string bomb = "\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s;
  for (const std::string& bytes : {""s, "\x0d"s, "\x0c"s, "\x0c\0\0\0\0\0\0\x04\x40\x021x"s, bomb,
                                   "\x0a\x01\x09\x00\x00"s, "\x0a\x01\x00\x00"s, std::string(3000, 9)}) {
    CAPTURE(hex(bytes.substr(0, 20)));
    Reader in(bytes);
    std::string json;
    bytes_to_json(in, &json);
    CHECK_FALSE(in.ok());
    Reader again(bytes);
    bytes_to_json(again, nullptr);
    CHECK_FALSE(again.ok());
  }
}

TEST_CASE("fold: the value so far is the expression's last one") {
  const std::vector<std::string> records = {R"({"x":1,"s":"a"})", R"({"x":2.5,"s":"b"})",
                                            R"({"x":4,"s":"c"})"};
  CHECK(folded("0", "_acc + x", records) == "7.5");
  CHECK(folded("0", "_acc + 1", records) == "3");
  CHECK(folded("''", "_acc + s", records) == "\"abc\"");
  CHECK(folded("[]", "_acc + [s]", records) == "[\"a\",\"b\",\"c\"]");
  CHECK(folded("{}", "{'n': _acc.?n.orValue(0) + 1, 's': s}", records) == "{\"n\":3,\"s\":\"c\"}");
  CHECK(folded("null", "_acc == null ? x : math.greatest(_acc, x)", records) == "4");
  CHECK(folded("duration('0s')", "_acc + duration('90m')", records) == "\"4h30m\"");
  CHECK(folded("timestamp('2024-01-01T00:00:00Z')", "_acc + duration('1d')", records) ==
        "\"2024-01-04T00:00:00Z\"");
  CHECK(folded("b''", "_acc + bytes(s)", records) == "\"YWJj\"");
  CHECK(folded("0u", "_acc + 1u", records) == "3");
  CHECK(folded("false", "_acc || x > 3", records) == "true");
  CHECK(folded("[1, 2]", "_acc.map(v, v * 2).map(w, w + _acc.size())", {records[0]}) == "[4,6]");
  CHECK(folded("5", "cel.bind(a, _acc, a + [1, 2].map(_acc, _acc + 1)[0])", {records[0]}) == "7");
}

TEST_CASE("fold: what cannot be") {
  CHECK(fold_error("x", "_acc").find("must be a constant") != std::string::npos);
  CHECK(fold_error("random()", "_acc").find("must be a constant") != std::string::npos);
  CHECK(fold_error("_acc", "_acc").find("in its EXPR only") != std::string::npos);
  CHECK(fold_error("0.0 / 0.0", "_acc").find("NaN") != std::string::npos);
  CHECK(fold_error("optional.of(1)", "_acc").find("can be kept") != std::string::npos);
  CHECK(fold_error("0", "optional.of(_acc)").find("can be kept") != std::string::npos);
  CHECK(fold_error("0", "type(_acc)").find("can be kept") != std::string::npos);
  CHECK(fold_error("''", "_acc + 1").find("string + int") != std::string::npos);
  CHECK(fold_error("[]", "_acc.size() + _acc").find("int + list") != std::string::npos);
  // Fine: other kinds may come later.
  CHECK(fold_error("null", "_acc == null ? x : _acc + x").empty());
  CHECK(fold_error("0", "_acc == 0 ? 'a' : _acc + 'b'").empty());
  for (const char* expression : {"_acc", "_acc + 1", "has(_acc)", "has(_acc.a)", "_acc.a"}) {
    CAPTURE(expression);
    Expressions set{Options()};
    CHECK_THROWS_AS(set.add(expression, ""), Error);
  }
  Expressions set{Options()};
  CHECK_NOTHROW(set.add("_value._acc + [1].map(_acc, _acc)[0]", ""));

  const std::vector<std::string> one = {R"({"x":1})"};
  CHECK(folded("0", "_acc + y", one).find("error: no field 'y'") == 0);
  CHECK(folded("1.0", "_acc / 0.0", one).find("error: fold(): JSON cannot hold an infinity") == 0);
  CHECK(folded("null", "[ip('10.0.0.1'), x][0]", one).find("error: fold(): ip cannot be kept in a state") ==
        0);
  CHECK(folded("'a'", "_acc + _acc", std::vector<std::string>(20, one[0]))
            .find("error: fold(): the value takes more than 256 KiB") == 0);
  CHECK(folded("[]", "[_acc]", std::vector<std::string>(1001, one[0]))
            .find("error: fold(): the value is nested deeper") == 0);
}

TEST_CASE("fold: an expression that does not use the value so far is noted") {
  std::vector<std::string> notes;
  Options options;
  options.warn = [&](const std::string& note) { notes.push_back(note); };
  Expressions set{options};
  (void)set.add_fold("x", "AGGS", constant_bytes("0", "", options));
  (void)set.add_fold("_acc + _vlaue", "AGGS", constant_bytes("0", "", options));
  REQUIRE(notes.size() == 2);
  CHECK(notes[0].find("does not use _acc") != std::string::npos);
  CHECK(notes[1].find("did you mean _value?") != std::string::npos);
  CHECK_THROWS_AS(set.add("_acc", ""), Error);  // as before
}
