// Every line format by itself: text in, records; outputs, text.
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/line_parser.h"
#include "io/line_writer.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::io;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

// All records of a text; what failed is its message.
struct Parsed {
  Batch batch;
  std::vector<std::string> shown;  // value, "NULL", or "error: ..."
};
void parse_all(const LineFormat& format, const std::string& text, Parsed& parsed) {
  const auto parser = make_line_parser(format);
  const char terminator = format.nul_ended ? '\0' : '\n';
  const char* begin = text.data();
  const char* const end = text.data() + text.size();
  while (begin < end) {
    const char* stop = parser->find_end(begin, end, terminator);
    if (!stop) stop = end;
    Record record;
    RecordError error{Reason::bad_line, ""};
    switch (parser->parse(std::string_view(begin, static_cast<size_t>(stop - begin)), parsed.batch, record,
                          error)) {
      case LineParser::Got::record:
        parsed.shown.push_back(record.value.is_null() ? "NULL" : std::string(record.value.view()));
        parsed.batch.records().push_back(record);
        break;
      case LineParser::Got::nothing:
        break;
      case LineParser::Got::error:
        parsed.shown.push_back("error: " + error.message);
        break;
    }
    begin = stop + 1;
  }
}
std::vector<std::string> parsed(const LineFormat& format, const std::string& text) {
  Parsed all;
  parse_all(format, text, all);
  return all.shown;
}
using Strings = std::vector<std::string>;

std::string written(const LineFormat& format, const std::vector<std::string>& values) {
  const auto writer = make_line_writer(format);
  std::string out;
  for (const std::string& value : values) {
    Output output;
    if (value != "NULL") output.value = std::string_view(value);
    if (auto error = writer->write(nullptr, output, out)) out += "error: " + error->message + "\n";
  }
  writer->finish(out);
  return out;
}

template <typename F>
std::string usage_message(F f) {
  try {
    f();
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("csv in: header, numbers, quotes, line ends within quotes") {
  const auto csv = parse_line_format("csv", "-I");
  CHECK(parsed(csv,
               "\xEF\xBB\xBF"
               "a,b c,\"d\"\"e\"\r\n1,x,-1.5e3\r\n01,\"two\nlines, \"\"quoted\"\"\",\n\"7\",+1,\"\"\n\n") ==
        Strings{R"({"a":1,"b c":"x","d\"e":-1.5e3})",
                R"({"a":"01","b c":"two\nlines, \"quoted\"","d\"e":""})", R"({"a":7,"b c":"+1","d\"e":""})"});
  LineFormat strings = csv;
  strings.csv_strings = true;
  strings.null_marker = "NA";
  CHECK(parsed(strings, "a,b\n1,NA\n") == Strings{R"({"a":"1","b":null})"});
  CHECK(parsed(csv, "a\n5\" pipe\n1e999\n0e999\n1e9\n") ==
        Strings{R"({"a":"5\" pipe"})", R"({"a":"1e999"})", R"({"a":0e999})", R"({"a":1e9})"});
  CHECK(parsed(parse_line_format("tsv", "-I"), "a\tb\n1,5\t2") == Strings{R"({"a":"1,5","b":2})"});
}

TEST_CASE("csv in: broken rows") {
  const auto csv = parse_line_format("csv", "-I");
  CHECK(parsed(csv, "a,b\n1\n1,2,3\n1,2\n") == Strings{"error: the row has 1 cells, the header 2",
                                                       "error: the row has 3 cells, the header 2",
                                                       R"({"a":1,"b":2})"});
  CHECK(parsed(csv, "a,b\n\"x\"y,2\n3,4\n") ==
        Strings{"error: cell 1: text follows its closing quote", R"({"a":3,"b":4})"});
  CHECK(parsed(csv, "a,b\n1,\"x\n3,4\n") == Strings{"error: cell 2: its quote is not closed"});
  CHECK_THROWS_AS(parsed(csv, "a,a\n1,2\n"), Error);
}

// All of it would be one row of names: nothing would come, and nothing be said.
TEST_CASE("csv in: lines that end with CR alone are refused") {
  for (const char* name : {"csv", "tsv"}) {
    const auto format = parse_line_format(name, "-I");
    CHECK_THROWS_WITH(parsed(format, "a\r1\r2\r"),
                      Catch::Matchers::ContainsSubstring("lines end with CR alone"));
    CHECK_THROWS_WITH(parsed(format, "a\r1\r2"), Catch::Matchers::ContainsSubstring("column 1"));
  }
  const auto csv = parse_line_format("csv", "-I");
  CHECK_THROWS_AS(parsed(csv, "a,b\r1,2\r"), Error);
  CHECK_THROWS_AS(parsed(csv, "a,b\r\r\n1,2\r\r\n"), Error);
  CHECK(parsed(csv, "a,\"b\rc\"\r\n1,2\r\n") == Strings{R"({"a":1,"b\rc":2})"});
}

TEST_CASE("a byte order mark before the first line is no part of it, as with jq") {
  const std::string mark = "\xEF\xBB\xBF";
  const auto json = parse_line_format("json", "-I");
  CHECK(parsed(json, mark + "{\"a\":1}\n{\"a\":2}\n") == Strings{R"({"a":1})", R"({"a":2})"});
  CHECK(parsed(json, mark + "\n{\"a\":2}\n") == Strings{R"({"a":2})"});
  LineFormat checked = json;
  checked.check_json = true;
  CHECK(parsed(checked, mark + "{\"a\":1}\n") == Strings{R"({"a":1})"});
  CHECK(parsed(checked, "{\"a\":1}\n" + mark + "{\"a\":1}\n").back().substr(0, 6) == "error:");
  CHECK(parsed(parse_line_format("envelope", "-I"), mark + "{\"payload\":\"x\"}\n") == Strings{"x"});
  CHECK(parsed(parse_line_format("text", "-I"), mark + "x\n") == Strings{mark + "x"});
}

TEST_CASE("csv out: columns of the first record") {
  const auto csv = parse_line_format("csv", "-O");
  CHECK(written(csv, {R"({"a":1,"b c":"x,\"y\"\n","d":null})", R"({"d":[1,2],"a":40.0,"b c":"z"})"}) ==
        "a,b c,d\n1,\"x,\"\"y\"\"\n\",\n40.0,z,\"[1,2]\"\n");
  CHECK(written(csv, {R"({"a":1})", R"({"a":1,"b":2})", R"({"b":2})", "NULL", "[1]", R"({"a":2})"}) ==
        "a\n1\nerror: the record's fields are a b, and the columns of the first row are a; "
        "kmap gives all records the same fields\n"
        "error: the record's fields are b, and the columns of the first row are a; "
        "kmap gives all records the same fields\n"
        "error: a null value has no columns\nerror: the value is JSON, but not an object with fields\n2\n");
}

TEST_CASE("csv out: a lone empty cell is no blank line") {
  CHECK(written(parse_line_format("csv", "-O"), {R"({"a":""})", R"({"a":"x"})"}) == "a\n\"\"\nx\n");
}

TEST_CASE("csv: what is written is read again") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const char* name : {"csv", "tsv"}) {
    LineFormat format = parse_line_format(name, "-I");
    format.csv_strings = true;
    for (int round = 0; round < 300; ++round) {
      std::vector<std::string> values;
      for (size_t row = 1 + random() % 5; row > 0; --row) {
        std::string value = "{";
        for (const char* column : {"a", "b,\\\"", "c"}) {
          value += value.size() > 1 ? ",\"" : "\"";
          value.append(column).append("\":\"x");
          for (size_t i = random() % 8; i > 0; --i)
            value += std::vector<std::string>{",", "\\\"", "\\n", "\\r", "\\t", "x", "\u00e4"}[random() % 7];
          value += "\"";
        }
        values.push_back(value + "}");
      }
      const std::string text = written(format, values);
      CAPTURE(text);
      REQUIRE(parsed(format, text) == values);
    }
  }
}

TEST_CASE("envelope in: kcat's shape and ours") {
  const auto envelope = parse_line_format("envelope", "-I");
  Parsed all;
  const std::string text =
      R"({"topic":"clicks","partition":2,"offset":41,"tstype":"create","ts":1600000000123,"broker":1,)"
      R"("headers":["a","1","b",null,"c",{"base64":"/w=="}],"key":"k\"1","payload":"{\"n\":1}"})"
      "\n"
      R"({"key":null,"payload":null})"
      "\n"
      R"({"key":"","payload":""})"
      "\n"
      R"({"key_base64":"/wA=","payload_base64":"AAE=","ts":-1})"
      "\n"
      R"({"value": {"n": [1, 2]} ,"key":"x"})"
      "\n"
      R"({"value":null,"tstype":"unknown","ts":0})"
      "\n"
      R"({"topic":"t","partition":-1,"payload":"p","tstype":"logappend","ts":5})"
      "\n";
  parse_all(envelope, text, all);
  const auto& records = all.batch.records();
  REQUIRE(records.size() == 7);
  CHECK(records[0].topic == "clicks");
  CHECK(records[0].partition == 2);
  CHECK(records[0].offset == 41);
  CHECK(records[0].timestamp == 1600000000123);
  CHECK(records[0].timestamp_type == TimestampType::create_time);
  CHECK(records[0].key.view() == "k\"1");
  CHECK(records[0].value.view() == "{\"n\":1}");
  REQUIRE(records[0].headers.size() == 3);
  CHECK(records[0].headers[0].name == "a");
  CHECK(records[0].headers[0].value.view() == "1");
  CHECK(records[0].headers[1].value.is_null());
  CHECK(records[0].headers[2].value.view() == "\xff");
  CHECK(records[1].key.is_null());
  CHECK(records[1].value.is_null());
  CHECK_FALSE(records[2].key.is_null());
  CHECK_FALSE(records[2].value.is_null());
  CHECK(records[3].key.view() == "\xff\0"sv);
  CHECK(records[3].value.view() == "\0\1"sv);
  CHECK(records[3].timestamp == kNoTimestamp);
  CHECK(records[4].value.view() == "{\"n\": [1, 2]}");
  CHECK(records[5].value.view() == "null");
  CHECK(records[5].timestamp == kNoTimestamp);
  CHECK(records[6].partition == kNoPartition);
  CHECK(records[6].timestamp_type == TimestampType::log_append_time);
}

TEST_CASE("envelope in: refused") {
  const auto envelope = parse_line_format("envelope", "-I");
  for (const char* bad : {"{",
                          "[]",
                          "{}",
                          R"({"key":"k"})",
                          R"({"payload":{"a":1}})",
                          R"({"payload":1})",
                          R"({"payload":"a","value":1})",
                          R"({"payload":"a","payload_base64":"YQ=="})",
                          R"({"payload_base64":"%"})",
                          R"({"payload":"a","key":7})",
                          R"({"payload":"a","ts":"x"})",
                          R"({"payload":"a","ts":1.5})",
                          R"({"payload":"a","tstype":"later"})",
                          R"({"payload":"a","headers":["x"]})",
                          R"({"payload":"a","headers":{"a":"b"}})",
                          R"({"payload":"a","headers":[1,"b"]})",
                          R"({"payload":"a","headers":["a",1]})",
                          R"({"payload":"a","headers":["a",{"base64":"%"}]})",
                          R"({"payload":"a","partition":1.5})",
                          R"({"payload":"a","partition":4294967296})",
                          R"({"payload":"a","topic":1})"}) {
    CAPTURE(bad);
    const auto shown = parsed(envelope, bad);
    REQUIRE(shown.size() == 1);
    CHECK(shown[0].find("error: ") == 0);
  }
}

TEST_CASE("envelope: base64 that is none is named by where it stands") {
  const LineFormat envelope = parse_line_format("envelope", "-I");
  const auto shown = [&](const char* line) { return parsed(envelope, line)[0]; };
  CHECK(shown(R"({"payload":"a","headers":["trace",{"base64":"%"}]})")
            .find("the value of header 'trace' is not base64 at byte 0") != std::string::npos);
  CHECK(shown(R"({"payload_base64":"%"})").find("'payload_base64' is not base64 at byte 0") !=
        std::string::npos);
}

TEST_CASE("envelope: out and in again, whatever the bytes") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  LineFormat envelope = parse_line_format("envelope", "-O");
  const auto writer = make_line_writer(envelope);
  envelope.embed = true;
  const auto embedding = make_line_writer(envelope);
  const auto bytes = [&](std::string& store) {
    const auto kind = random() % 5;
    if (kind == 0) return MaybeBytes();
    store.assign(random() % 12, ' ');
    for (char& c : store) c = static_cast<char>(kind < 3 ? ' ' + random() % 95 : random());
    if (kind == 1) store = "{\"a\":\r\n [" + std::to_string(random()) + "]}";
    return MaybeBytes(store);
  };
  for (int round = 0; round < 2000; ++round) {
    std::string stores[6];
    Header headers[2];
    headers[0].name = "h\u00e4";
    headers[1].name = "";
    headers[0].value = bytes(stores[0]);
    headers[1].value = bytes(stores[1]);
    Record origin;
    origin.topic = "t";
    origin.partition = static_cast<int32_t>(random() % 3) - 1;
    origin.offset = static_cast<int64_t>(random());
    Output output;
    output.key = bytes(stores[2]);
    output.value = bytes(stores[3]);
    output.headers = {headers, random() % 3};
    output.timestamp = static_cast<int64_t>(random()) - 1;
    const bool embed = random() % 2;
    std::string text;
    CHECK_FALSE((embed ? embedding : writer)->write(&origin, output, text));
    CAPTURE(text);
    REQUIRE(text.find('\n') == text.size() - 1);
    Parsed all;
    parse_all(envelope, text, all);
    REQUIRE(all.batch.records().size() == 1);
    const Record& record = all.batch.records()[0];
    REQUIRE(record.key == output.key);
    if (!embed) REQUIRE(record.value == output.value);
    REQUIRE(record.value.is_null() == output.value.is_null());
    REQUIRE(record.timestamp == output.timestamp);
    REQUIRE(record.partition == origin.partition);
    if (origin.partition >= 0) REQUIRE(record.offset == origin.offset);
    REQUIRE(record.headers.size() == output.headers.size());
    for (size_t i = 0; i < record.headers.size(); ++i) {
      REQUIRE(record.headers[i].name == headers[i].name);
      REQUIRE(record.headers[i].value == headers[i].value);
    }
  }
}

TEST_CASE("envelope out: frozen shape") {
  LineFormat format = parse_line_format("envelope", "-O");
  const auto writer = make_line_writer(format);
  Record origin;
  origin.topic = "clicks";
  origin.partition = 2;
  origin.offset = 41;
  origin.timestamp = 5;
  origin.timestamp_type = TimestampType::log_append_time;
  const Header header{"a", "1"sv};
  Output output;
  output.key = "k"sv;
  output.value = "{\"n\":1}"sv;
  output.timestamp = 5;
  output.headers = {&header, 1};
  std::string out;
  CHECK_FALSE(writer->write(&origin, output, out));
  output = Output();
  output.value = "\xff"sv;
  CHECK_FALSE(writer->write(nullptr, output, out));
  format.embed = true;
  output.value = "{\"n\":1}"sv;
  CHECK_FALSE(make_line_writer(format)->write(nullptr, output, out));
  output.value = "{broken"sv;
  CHECK_FALSE(make_line_writer(format)->write(nullptr, output, out));
  CHECK(
      out ==
      R"({"topic":"clicks","partition":2,"offset":41,"tstype":"logappend","ts":5,"headers":["a","1"],"key":"k","payload":"{\"n\":1}"})"
      "\n"
      R"({"key":null,"payload_base64":"/w=="})"
      "\n"
      R"({"key":null,"value":{"n":1}})"
      "\n"
      R"({"key":null,"payload":"{broken"})"
      "\n");
}

TEST_CASE("re: named groups, no match, bad expressions") {
  const auto format = parse_line_format(R"(re:^(?P<when>\S+) (?P<status>\d+)( (?P<rest>.*))?$)", "-I");
  CHECK(parsed(format, "10:00 200 say \"x\"\n10:01 404\nnonsense\n") ==
        Strings{R"({"when":"10:00","status":200,"rest":"say \"x\""})",
                R"({"when":"10:01","status":404,"rest":null})",
                R"x(error: the line does not match ^(?P<when>\S+) (?P<status>\d+)( (?P<rest>.*))?$)x"});
  CHECK(usage_message([] { parse_line_format("re:(a", "-I"); }) == "re:(a: missing ): (a");
  CHECK(usage_message([] { parse_line_format("re:a", "-I"); }) ==
        "re:a: it has no named group to make a field of");
  CHECK(usage_message([] { parse_line_format("re", "-I"); }) == "-I re: the expression is missing");
  CHECK(usage_message([] { parse_line_format("re:(?P<a>.)", "-O"); }).find("can only be read") !=
        std::string::npos);
  CHECK(usage_message([] { parse_line_format("table", "-I"); }).find("can only be written") !=
        std::string::npos);
}

TEST_CASE("table: widths only grow, new columns get a header") {
  const auto format = parse_line_format("table", "-O");
  CHECK(written(format, {R"({"name":"a","n":1})", R"({"name":"longer \u00e4","n":12345})", R"({"x":[1]})",
                         "NULL", "7"}) ==
        "name          n\na             1\nlonger \u00e4  12345\nx\n[1]\nvalue\nnull\n7\n");
  const auto writer = make_line_writer(format);
  std::string out;
  Output output;
  for (const char* value : {R"({"n":100})", R"({"n":1})", R"({"n":"a\u001b"})"}) {
    output.value = std::string_view(value);
    CHECK_FALSE(writer->write(nullptr, output, out));
    writer->flush(out);
  }
  CHECK(out == "  n\n100\n  1\na\\x1b\n");
}

TEST_CASE(
    "table: --color always colours names and cells, and escapes what a record would do to the terminal") {
  auto format = parse_line_format("table", "-O");
  format.dress.colour = true;
  const std::vector<std::string> rows = {R"({"k":"\u009b1m","n":12,"x":null,"l":[1]})"};
  const std::string colours =
      "\033[34;1mk\033[0m          \033[34;1mn\033[0m  \033[34;1mx\033[0m     \033[34;1ml\033[0m\n"
      "\033[32m\\u009b1m\033[0m  \033[36m12\033[0m  \033[35mnull\033[0m  [1]\n";
  CHECK(written(format, rows) == colours);
  format.sort_by = "n";
  CHECK(written(format, rows) == colours);
}

TEST_CASE("-f: --color always colours values that are JSON, and nothing else") {
  LineFormat format;
  format.output_template = R"(%s %k\n)";
  format.dress.colour = true;
  const auto writer = make_line_writer(format);
  std::string out;
  Output output;
  output.key = std::string_view("k");
  for (const char* value : {R"({"n":1})", "{no JSON", ""}) {
    output.value = std::string_view(value);
    CHECK_FALSE(writer->write(nullptr, output, out));
  }
  output.value = MaybeBytes();
  CHECK_FALSE(writer->write(nullptr, output, out));
  CHECK(out == "{\033[34;1m\"n\"\033[0m:\033[36m1\033[0m} k\n{no JSON k\n k\n k\n");
}

TEST_CASE("-f: kcat's tokens") {
  Record origin;
  origin.topic = "t";
  origin.partition = 3;
  origin.offset = 9;
  const Header headers[] = {{"a", "1"sv}, {"b", MaybeBytes()}};
  Output output;
  output.value = "val"sv;
  output.timestamp = 77;
  output.headers = headers;
  LineFormat format;
  const auto shown = [&](std::string text) {
    format.output_template = std::move(text);
    check_output_format(format);
    std::string out;
    CHECK_FALSE(make_line_writer(format)->write(&origin, output, out));
    return out;
  };
  CHECK(shown("%t[%p]@%o %T %h\\t%s (%S) %k|%K 100%%\\n\\x41") ==
        "t[3]@9 77 a=1,b=NULL\tval (3) |-1 100%\nA");
  CHECK(shown("%R") == "\0\0\0\3"s);
  format.null_marker = "NULL";
  CHECK(shown("%k") == "NULL");
  TemplateExpressions expressions;
  std::vector<std::string> compiled;
  expressions.add = [&](std::string_view text) {
    compiled.emplace_back(text);
    return compiled.size() - 1;
  };
  expressions.append = [&](const Record& record, size_t handle,
                           std::string& out) -> std::optional<RecordError> {
    if (compiled[handle] == "bad") return RecordError{Reason::expression, "no"};
    out += compiled[handle] + "/" + std::string(record.value.view()) + "/" + std::string(record.topic);
    return std::nullopt;
  };
  format.expressions = &expressions;
  CHECK(shown("<%{a{}'}'}>") == "<a{}'}'/val/t>");
  format.output_template = "x%{bad}";
  std::string out = "before";
  CHECK(make_line_writer(format)->write(&origin, output, out));
  CHECK(out == "before");
  CHECK(usage_message([&] { shown("%q"); }) == "-f: there is no token '%q'");
  CHECK(usage_message([&] { shown("%"); }) == "-f: a '%' stands at the end");
  CHECK(usage_message([&] { shown("%{a"); }) == "-f: '%{' at byte 0 has no '}'");
  CHECK(usage_message([&] { shown("\\q"); }).find("unknown escape") != std::string::npos);
}

TEST_CASE("options that do not go together") {
  LineFormat format = parse_line_format("csv", "-I");
  format.key_separator = ":";
  CHECK(usage_message([&] { check_input_format(format); }) == "-K cannot be used with csv lines");
  CHECK(usage_message([&] { check_output_format(format); }) == "-K cannot be used with csv lines");
  format = parse_line_format("envelope", "-I");
  format.null_marker = "x";
  CHECK(usage_message([&] { check_input_format(format); }).find("-Z cannot be used with envelope") == 0);
}
