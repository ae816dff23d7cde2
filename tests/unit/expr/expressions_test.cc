#include "expr/expressions.h"

#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include "expr/cases.h"
#include "expr/text.h"
#include "support/catch.h"

using namespace kutils;
using expr::Expect;
using expr::Expressions;
using expr::Options;
using expr::Value;

namespace {

constexpr std::string_view kClick =
    R"({"number":150,"country":"DE","uri":"/home","amount":40.0,"total amount":7,"tags":["a","b"],"geo":{"city":"Ulm"},"big":18446744073709551615})";

Record record_of(std::string_view value) {
  Record record;
  record.value = MaybeBytes(value);
  record.topic = "clicks";
  record.partition = 3;
  record.offset = 42;
  record.timestamp = 1700000000000;
  return record;
}

std::string evaluated(Expressions& set, size_t handle, const Record& record) {
  if (auto error = set.bind(record)) return "bind: " + error->message;
  const auto value = set.get(handle);
  if (!value) return "error: " + value.error().message.substr(0, value.error().message.find('\n'));
  std::string out;
  if (auto error = append_json(*value, out)) return "json: " + error->message;
  return out;
}

std::string evaluated(std::string_view expression, std::string_view json = kClick) {
  Expressions set{Options{}};
  const size_t handle = set.add(expression, "");
  return evaluated(set, handle, record_of(json));
}

std::string refused(std::string_view expression, Expect expect = Expect::any, Options options = {}) {
  Expressions set{std::move(options)};
  try {
    set.add(expression, "SPEC", expect);
  } catch (const Error& error) {
    return std::string(error.what()) + (error.hint().empty() ? "" : "\n" + error.hint());
  }
  return "accepted";
}

}  // namespace

TEST_CASE("fields are plain identifiers") {
  CHECK(evaluated("number >= 100 && country == \"DE\"") == "true");
  CHECK(evaluated("number > 150 || country in ['FR', 'IT']") == "false");
  CHECK(evaluated("amount > 39 && amount < 41u") == "true");
  CHECK(evaluated("number * 2 + 1") == "301");
  CHECK(evaluated("number / 4.0") == "37.5");
  CHECK(evaluated("_value[\"total amount\"] + number") == "157");
  CHECK(evaluated("`total amount`") == "7");
  CHECK(evaluated("tags[1] + geo.city") == "\"bUlm\"");
  CHECK(evaluated("tags") == "[\"a\",\"b\"]");
  CHECK(evaluated("geo") == "{\"city\":\"Ulm\"}");
  CHECK(evaluated("tags.exists(t, t == 'b')") == "true");
  CHECK(evaluated("big") == "18446744073709551615");
  CHECK(evaluated("size(_value)") == "8");
}

TEST_CASE("missing fields are errors, unless absorbed or asked for") {
  CHECK(evaluated("nothing > 1") == "error: no field 'nothing'");
  CHECK(evaluated("nothing > 1 || number > 1") == "true");
  CHECK(evaluated("nothing > 1 && number > 1000") == "false");
  CHECK(evaluated("has(nothing)") == "false");
  CHECK(evaluated("has(number) && has(geo.city) && !has(geo.street)") == "true");
  CHECK(evaluated("has(_value[\"total amount\"])") == "true");
  CHECK(evaluated("geo.street") == "error: no such key: street");
  CHECK(evaluated("coalesce(nothing, geo.street, 5)") == "5");
  CHECK(evaluated("number", "17") == "error: the value is not a JSON object, so it has no fields");
  CHECK(evaluated("_value + 1", "17") == "18");
  CHECK(evaluated("number", "{\"number\":1").substr(0, 5) == "bind:");
}

TEST_CASE("a NULL value has no fields") {
  Expressions set{Options{}};
  const size_t number = set.add("number", "");
  const size_t whole = set.add("_value == null", "");
  REQUIRE(evaluated(set, number, record_of(kClick)) == "150");
  Record tombstone;
  CHECK(evaluated(set, number, tombstone) == "error: no field 'number'");
  CHECK(evaluated(set, whole, tombstone) == "true");
}

TEST_CASE("metadata") {
  Expressions set{Options{.args = {{"limit", "100"}}}};
  const Header headers[] = {{"a", MaybeBytes("1")}, {"a", MaybeBytes("2")}, {"n", MaybeBytes()}};
  Record record = record_of(kClick);
  record.key = MaybeBytes("k1");
  record.headers = headers;
  const auto check = [&](std::string_view expression, std::string_view want) {
    CHECK(evaluated(set, set.add(expression, ""), record) == want);
  };
  check("_key", "\"k1\"");
  check("_ts", "1700000000000");
  check("_time", "\"2023-11-14T22:13:20Z\"");
  check("_time == timestamp_ms(_ts)", "true");
  check("timestamp(_ts / 1000)", "\"2023-11-14T22:13:20Z\"");
  check("_topic + ':' + string(_partition) + ':' + string(_offset)", "\"clicks:3:42\"");
  check("_headers", R"({"a":"2","n":null})");
  check("_headers.a", "\"2\"");
  check("has(_headers.b)", "false");
  check("int(_arg.limit) < number", "true");
  check("has(_arg.other)", "false");
  Record line = record_of(kClick);
  line.partition = kNoPartition;
  CHECK(evaluated(set, set.add("_partition == null && _key == null", ""), line) == "true");
}

TEST_CASE("type names are types only opposite a type() call") {
  CHECK(evaluated("type(number) == int") == "true");
  CHECK(evaluated("int == 'field'", R"({"int":"field"})") == "true");
  CHECK(evaluated("type(amount) in [int, double]") == "true");
  CHECK(evaluated("string(type(country) == string)") == "\"true\"");
}

TEST_CASE("what is wrong is found before running") {
  CHECK(refused("number >= ") == "SPEC: the expression ends too early\n  number >= \n            ^");
  CHECK(
      refused("country.startWith('D')") ==
      "SPEC: unknown method 'startWith'\n  country.startWith('D')\n          ^~~~~~~~~\ndid you mean 'startsWith'?");
  CHECK(refused("number = 1").find("write: number == 1") != std::string::npos);
  CHECK(refused("country.startsWith()").find("does not take 0 arguments") != std::string::npos);
  CHECK(refused("startsWith(country, 'a')").find("is a method") != std::string::npos);
  CHECK(refused("1 + 'a'").find("no such operation: int + string") != std::string::npos);
  CHECK(refused("number > 1 && 'a' + 1 == 'b'") == "accepted");  // false where number <= 1
  CHECK(refused("'a' + 1 == 'b' && true").find("no such operation") != std::string::npos);
  CHECK(refused("false && 32") == "accepted");
  CHECK(refused("true ? 1 : 'a' + 1") == "accepted");
  CHECK(refused("false ? 1 : 'a' + 1") != "accepted");
  CHECK(refused("number.getHours()").find("does not take") != std::string::npos);
  CHECK(refused("country.matches('(')").find("not a regular expression") != std::string::npos);
  CHECK(refused("number + 1", Expect::boolean).find("true or false is needed here, this gives") !=
        std::string::npos);
  CHECK(refused("number", Expect::boolean) == "accepted");
  CHECK(refused("'a'", Expect::number) != "accepted");
  CHECK(refused("1 / 0").find("division by zero") != std::string::npos);
  CHECK(refused("number > 1 || 1 / 0 > 1") == "accepted");
  CHECK(refused("_arg.limt > 'a'", Expect::any, Options{.args = {{"limit", "1"}}})
            .find("did you mean 'limit'?") != std::string::npos);
  CHECK(refused("number", Expect::any, Options{.value_codec = "raw"}).find("does not give JSON") !=
        std::string::npos);
  CHECK(refused("country == 'DE").find("never closed") != std::string::npos);
  CHECK(refused("(number + 1") == "SPEC: this '(' is never closed\n  (number + 1\n  ^");
}

TEST_CASE("near misses of metadata names are noted") {
  std::vector<std::string> warnings;
  Options options;
  options.warn = [&warnings](const std::string& text) { warnings.push_back(text); };
  Expressions set{options};
  set.add("_vlaue == 1", "");
  set.add("_mine == 1", "");
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("_value") != std::string::npos);
}

TEST_CASE("errors while running show the place") {
  Expressions set{Options{}};
  const size_t handle = set.add("number / (number - 150)", "SPEC");
  REQUIRE_FALSE(set.bind(record_of(kClick)));
  const auto result = set.get(handle);
  REQUIRE_FALSE(result);
  CHECK(result.error().reason == Reason::expression);
  CHECK(result.error().message == "SPEC: division by zero\n  number / (number - 150)\n         ^");
}

TEST_CASE("deep and costly expressions are refused, not fatal") {
  CHECK(refused(std::string(5000, '(') + "1" + std::string(5000, ')')).find("nested deeper") !=
        std::string::npos);
  CHECK(refused(std::string(5000, '!') + "true").find("nested deeper") != std::string::npos);
  CHECK(refused(std::string(5000, '[')).find("nested deeper") != std::string::npos);
  std::string chain = "number";
  for (int i = 0; i < 5000; ++i) chain += "+1";
  CHECK(refused(chain).find("nested deeper") != std::string::npos);
  std::string many = "number == 0";
  for (int i = 0; i < 5000; ++i) many += " || number == 1";
  CHECK(evaluated(many) == "false");
  const std::string ten = "[1,2,3,4,5,6,7,8,9,10]";
  std::string nested = "x0 + x8 + number > 0";
  for (int i = 0; i < 9; ++i) nested = ten + ".all(x" + std::to_string(i) + ", " + nested + ")";
  CHECK(evaluated("number > 0 && " + nested).find("steps") != std::string::npos);
  std::string growing = "country";
  for (int i = 0; i < 12; ++i) growing = growing + ".replace('D', 'DDDDDDDDDD')";
  CHECK(evaluated(growing).find("64 MiB") != std::string::npos);
}

namespace {
// cel.bind(v1, [0, 0], cel.bind(v2, [v1, v1], ... LAST)): little memory, a long walk.
std::string doubled(int n, const std::string& last) {
  std::string out = last;
  for (int i = n; i > 0; --i) {
    const std::string before = "v" + std::to_string(i - 1);
    const std::string items = i == 1 ? "[number, 0]" : "[" + before + ", " + before + "]";
    out = "cel.bind(v" + std::to_string(i) + ", " + items + ", " + out + ")";
  }
  return out;
}
}  // namespace

TEST_CASE("what takes long without a turn or memory of its own is bounded too") {
  CHECK(evaluated(doubled(60, "v60 == v60")).find("64 MiB of text") != std::string::npos);
  CHECK(evaluated(doubled(60, "size(to_json(v60)) > 0")).find("64 MiB of text") != std::string::npos);
  CHECK(evaluated(doubled(60, "hash(v60) > 0")).find("64 MiB of text") != std::string::npos);
  CHECK(evaluated(doubled(15, "v15 == v15")) == "true");
  // Comparisons, searching and hashing within turns.
  CHECK(evaluated(doubled(20, "lists.range(100000).all(i, v20 == v20)")).find("steps") != std::string::npos);
  CHECK(
      evaluated(
          "cel.bind(s, lists.range(1000000).map(i, country).join(), lists.range(1000000).all(i, !s.contains('x')))")
          .find("steps") != std::string::npos);
  CHECK(evaluated(
            "cel.bind(s, lists.range(1000000).map(i, country).join(), s.contains(s.substring(1) + 'x'))") ==
        "false");
  CHECK(evaluated("lists.range(1000000).map(i, number * 0.0 / 0.0).distinct().size()").find("steps") !=
        std::string::npos);
  // A field of a megabyte, read, sorted by, joined and searched in each of many turns: minutes each, were
  // they not counted.
  const std::string long_text = "{\"s\":\"" + std::string(1'000'000, 'a') + "\",\"n\":1000000}";
  for (const char* slow :
       {"lists.range(n).map(x, s)[0] == ''", "lists.range(n).sortBy(x, s).size() == 0",
        "cel.bind(e, lists.range(100000).map(x, ''), lists.range(100000).all(x, e.join() == ''))",
        "cel.bind(e, lists.range(100000), lists.range(100000).all(x, e.slice(0, 100000).size() > 0))",
        "cel.bind(e, lists.range(100000).map(x, optional.none()), "
        "lists.range(100000).all(x, e.unwrapOpt().size() == 0))",
        "s.matches('((a|b)(a|b)?){300}c')", "s.matches('(.*a){400}c')",
        "lists.range(100000).all(x, !'b'.matches(string(x) + '(a?){500}c'))",
        "lists.range(1000).all(x, now().getHours() < 24 && format_time(now(), s).size() > 0)"}) {
    CAPTURE(slow);
    const auto began = std::chrono::steady_clock::now();
    const std::string outcome = evaluated(slow, long_text);
    CHECK((outcome.find("10,000,000 steps") != std::string::npos ||
           outcome.find("64 MiB") != std::string::npos));
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(60));
  }
  for (const char* quick : {"s.matches('((a|b)(a|b)?){5}')", "lists.range(1000).all(x, s != '')"}) {
    CAPTURE(quick);
    CHECK(evaluated(quick, long_text) == "true");
  }
  // Errors that are passed over take memory.
  CHECK(evaluated("lists.range(3000000).exists(i, i / (number - 150) > 0)").find("64 MiB") !=
        std::string::npos);
  // Long turns.
  std::string body = "i >= number - 150";
  for (int i = 0; i < 5000; ++i) body += " && i >= 0";
  CHECK(evaluated("lists.range(1000000).all(i, " + body + ")").find("steps") != std::string::npos);
}

TEST_CASE("a file of cases with a broken VALUE is refused, not guessed at") {
  const auto complaint = [](const std::string& want) {
    std::istringstream in(R"({"name": "n", "expr": "1", "want": )" + want + "}");
    try {
      const expr::CaseReport report = expr::run_cases(in, "c.jsonl", [](const std::string&) {});
      return "passed " + std::to_string(report.total.passed) + ", failed " +
             std::to_string(report.total.failed);
    } catch (const Error& error) {
      return std::string(error.what());
    }
  };
  CHECK(complaint(R"({"int": "1"})") == "passed 1, failed 0");
  CHECK(complaint(R"({"uint": "1"})") == "passed 0, failed 1");
  CHECK(complaint(R"({"int": "one"})").find("'one' is no int") != std::string::npos);
  CHECK(complaint(R"({"uint": "-1"})").find("'-1' is no uint") != std::string::npos);
  CHECK(complaint(R"({"double": "1.5x"})").find("'1.5x' is no double") != std::string::npos);
  CHECK(complaint(R"({"double": "NaN"})") == "passed 0, failed 1");
  CHECK(complaint(R"({"bytes": "?"})").find("is not base64") != std::string::npos);
  CHECK(complaint(R"({"bool": 1})").find("c.jsonl") != std::string::npos);
  CHECK(complaint(R"({"duration": [9223372036854775807, 0]})").find("out of range") != std::string::npos);
  std::string large = R"({"list": [{"bool": true})";
  for (int i = 0; i < 1'000'000; ++i) large += R"(,{"bool":true})";
  CHECK(complaint(large + "]}").find("64 MiB") != std::string::npos);
}

TEST_CASE("messages show the beginning of what is long") {
  CHECK(expr::shortened("short") == "short");
  CHECK(expr::shortened("0123456789", 5) == "01234...");
  CHECK(expr::shortened("01234\xc3\xa9 and so on", 6) == "01234...");
}

TEST_CASE("folding constants is bounded for the expression as a whole") {
  std::string many = "number == 0";
  for (int i = 0; i < 100; ++i) many += " || lists.range(4000000).size() == number";
  Expressions set{Options{}};
  set.add(many, "");
  std::string slow = "number == 0";
  for (int i = 0; i < 100; ++i) slow += " || lists.range(1000).all(x, lists.range(1000).all(y, y >= 0))";
  CHECK(evaluated(slow) == "true");
  CHECK(refused("'" + std::string(500000, 'a') + "'.b" + std::string(500000, 'c') + "()")
            .find("unknown method") != std::string::npos);
}

TEST_CASE("JSON numbers keep their kinds") {
  CHECK(
      evaluated("[type(a) == int, type(b) == double, type(c) == uint, type(d) == double, type(e) == double]",
                R"({"a":1,"b":1.0,"c":9223372036854775808,"d":18446744073709551616,"e":1e3})") ==
      "[true,true,true,true,true]");
  CHECK(evaluated("a + a", R"({"a":9223372036854775807})") == "error: 64-bit overflow");
  CHECK(evaluated("a", R"({"a":1,"a":2})") == "2");
  CHECK(evaluated("_value.a", R"({"a":1,"a":2})") == "2");
  CHECK(evaluated("m.a", R"({"m":{"a":1,"a":2}})") == "2");
}

TEST_CASE("a number keeps its text wherever it is passed on") {
  const char* json =
      R"({"id":12345678901234567890123,"m":3.10,"z":-0,"h":1e400,"l":[1e400,12345678901234567890123]})";
  const auto gives = [&](const char* expression) { return evaluated(expression, json); };
  CHECK(gives("string(id)") == "\"12345678901234567890123\"");
  CHECK(gives("'k-' + string(id) + string(m) + string(z) + string(h)") ==
        "\"k-123456789012345678901233.10-01e400\"");
  CHECK(gives("string(_value.id) + string(l[1])") == "\"1234567890123456789012312345678901234567890123\"");
  CHECK(gives("'%s %d %s'.format([id, id, l])") ==
        "\"12345678901234567890123 12345678901234567890123 [1e400, 12345678901234567890123]\"");
  CHECK(gives("[h, l[0], dyn(h)]") == "[1e400,1e400,1e400]");
  CHECK(gives("{'a': h}.?a.orValue(0)") == "1e400");
  CHECK(gives("to_json(l) == '[1e400,12345678901234567890123]' && type(h) == double") == "true");
  CHECK(gives("has(h) ? h : 1") == "1e400");
  CHECK(gives("string(m + 0.0)") == "\"3.1\"");
  // Computed with, it is the record's error, under the number's name.
  for (const char* refused : {"h + 1", "h > 5", "1 < h", "h == 1e300", "-h", "math.floor(h)", "int(h)",
                              "l[0] * 2.0", "math.greatest(1, h)", "timestamp(h)", "'%f'.format([h])"}) {
    CAPTURE(refused);
    const std::string outcome = gives(refused);
    CHECK((outcome.find("the number 1e400 is too large to compute with") != std::string::npos ||
           outcome.find("%f cannot show") != std::string::npos));
  }
}

TEST_CASE("canonical spelling") {
  Expressions set{Options{}};
  CHECK(set.canonical(set.add(" number>=100&&country  == 'DE'", "")) ==
        set.canonical(set.add("(number >= 100) && country == \"DE\"", "")));
}

TEST_CASE("different expressions have different canonical spellings") {
  Expressions set{Options{}};
  CHECK(set.canonical(set.add("[(-a)][0] == 1 ? (!b).b : c", "")) !=
        set.canonical(set.add("[(-a)][0] == 1 ? !b.b : c", "")));
}

TEST_CASE("a plain field's exact text") {
  Expressions set{Options{}};
  const size_t amount = set.add("amount", "");
  const size_t sum = set.add("amount + 1", "");
  REQUIRE_FALSE(set.bind(record_of(kClick)));
  CHECK(set.raw_json(amount) == "40.0");
  CHECK_FALSE(set.raw_json(sum));
}

TEST_CASE("random() is repeatable with a seed") {
  Expressions a{Options{.random_seed = 7}};
  Expressions b{Options{.random_seed = 7}};
  const Record record = record_of(kClick);
  const size_t x = a.add("random()", "");
  const size_t y = b.add("random()", "");
  const std::string first = evaluated(a, x, record);
  CHECK(first == evaluated(b, y, record));
  CHECK(first != evaluated(a, x, record));
}

TEST_CASE("keys and times of values") {
  std::string key;
  CHECK(*append_key(Value::string("DE"), key));
  CHECK(key == "DE");
  key.clear();
  CHECK(*append_key(Value::integer(5), key));
  CHECK(key == "5");
  CHECK_FALSE(*append_key(Value::null(), key));
  CHECK(*to_time_ms(Value::integer(5)) == 5);
  CHECK(*to_time_ms(Value::integer(5), 1'000'000'000) == 5000);
  CHECK(*to_time_ms(Value::string("1970-01-01T00:00:01.5Z")) == 1500);
  CHECK(*to_time_ms(Value::string("2024-01-01 00:57:55")) == 1'704'070'675'000);  // the taxi course's; UTC
  CHECK(*to_time_ms(Value::string("2024-01-01 00:57:55.25+01:00")) == 1'704'067'075'250);
  CHECK(*to_time_ms(Value::real(1704070675.123), 1'000'000'000) == 1'704'070'675'123);
  CHECK(*to_time_ms(Value::real(1704070675123.75)) == 1'704'070'675'123);
  CHECK_FALSE(to_time_ms(Value::real(9e18)));
  CHECK_FALSE(to_time_ms(Value::real(-0.5)));
  CHECK_FALSE(to_time_ms(Value::string("01.01.2024")));
  CHECK_FALSE(to_time_ms(Value::integer(-1)));
  CHECK_FALSE(to_time_ms(Value::boolean(true)));
  std::string json;
  CHECK(append_json(Value::real(0.0 / 0.0), json));
  CHECK(json.empty());
}

TEST_CASE("regular expressions: looking for the next match is bounded by what all the searches read") {
  const auto outcome = [](const std::string& text, const char* expression) -> std::string {
    std::string json = "{\"text\":\"" + text + "\"}";
    Expressions set{Options()};
    const size_t handle = set.add(expression, "");
    Record record;
    record.value = MaybeBytes(json);
    REQUIRE_FALSE(set.bind(record));
    const Value value = set.evaluate(handle);
    return value.is_error() ? std::string(value.as_error().message) : std::to_string(value.as_int());
  };
  // Each search reads the rest of the megabyte to find no b: ten minutes, were it not counted.
  const std::string many(1'000'000, 'a');
  for (const char* slow :
       {"size(regex.extractAll(text, 'a.*b|a'))", "size(regex.replace(text, 'a(.*b)?', 'x'))",
        "size(regex.extractAll(text, '(?s)a(?:.*b)*'))",
        "size([1, 2].map(i, regex.replace(text, 'a([^c]*b){0,1}', '')))"}) {
    CAPTURE(slow);
    CHECK(outcome(many, slow).find("takes more than 10,000,000 steps") != std::string::npos);
  }
  // As many matches whose searches end where they do.
  std::string words;
  while (words.size() < 1'000'000) words += "word 12,";
  for (const char* quick :
       {"size(regex.extractAll(text, '[a-z]+ '))", "size(regex.extractAll(text, r'\\d{2},'))",
        "size(regex.extractAll(text, '(?i)(W)ORD ?')) ", "size(regex.extractAll(text, '12|13'))",
        "size(regex.extractAll(text, 'w.*?,'))", "size(regex.extractAll(text, r'[\\]|*]*1'))"}) {
    CAPTURE(quick);
    CHECK(outcome(words, quick) == "125000");
  }
  // A short text may be searched by anything.
  CHECK(outcome(std::string(4000, 'a'), "size(regex.extractAll(text, 'a.*b|a'))") == "4000");
}
