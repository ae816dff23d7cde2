#include "data/json_fields.h"

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cmath>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support/catch.h"

using namespace kutils;

namespace {
const std::string kClick =
    R"({"number": 120, "uri": "/home?x=1", "user": "alice@example.org", "country": "DE", "ms": 12.5, "ok": true, "n": null})";
}

TEST_CASE("fields: scalars by JSON's number rules") {
  FieldSet set;
  for (const char* name :
       {"i", "min", "max", "u", "big", "r", "f", "e", "s", "t", "n", "a", "o", "none", "neg"})
    set.slot(name);
  FieldReader reader(set);
  REQUIRE_FALSE(reader.read(
      R"( {"i":40, "min":-9223372036854775808,"max":9223372036854775807,"u":18446744073709551615,"big":18446744073709551616,)"
      R"("r":40.0,"f":0.1,"e":1e2,"s":"x","t":true,"n":null,"a":[1, {"i":7}],"o": {"i":8,"s":[]} ,"neg":-0} )"));
  CHECK(reader.is_object());
  CHECK(reader[0].type == JsonType::integer);
  CHECK(reader[0].integer == 40);
  CHECK(reader[0].raw == "40");
  CHECK(reader[1].integer == std::numeric_limits<int64_t>::min());
  CHECK(reader[2].type == JsonType::integer);
  CHECK(reader[2].integer == std::numeric_limits<int64_t>::max());
  CHECK(reader[3].type == JsonType::unsigned_integer);
  CHECK(reader[3].unsigned_integer == std::numeric_limits<uint64_t>::max());
  CHECK(reader[4].type == JsonType::real);
  CHECK(reader[4].real.value == 18446744073709551616.0);
  CHECK(reader[5].type == JsonType::real);
  CHECK(reader[5].real.value == 40.0);
  CHECK(reader[6].real.value == 0.1);
  CHECK(reader[7].type == JsonType::real);
  CHECK(reader[7].raw == "1e2");
  CHECK(reader[8].string == "x");
  CHECK(reader[8].raw == "\"x\"");
  CHECK(reader[9].type == JsonType::boolean);
  CHECK(reader[9].boolean);
  CHECK(reader[10].type == JsonType::null);
  CHECK(reader[11].type == JsonType::array);
  CHECK(reader[11].raw == R"([1, {"i":7}])");
  CHECK(reader[12].type == JsonType::object);
  CHECK(reader[12].raw == R"({"i":8,"s":[]})");
  CHECK(reader[13].type == JsonType::missing);
  CHECK(reader[14].type == JsonType::integer);
}

TEST_CASE("fields: escapes, duplicates, order, members") {
  FieldSet set;
  set.slot("b");
  set.slot("a\"");
  set.slot("");
  FieldReader reader(set);
  reader.want_members();
  const std::string text =
      "{\"b\":1,\"a\\\"\":\"x\\n\\u00e4\\ud83d\\ude00\\\\\",\"\":\"\\\\\\\\\",\"b\" : \"two\"}";
  REQUIRE_FALSE(reader.read(text));
  CHECK(reader[0].string == "two");
  CHECK(reader[1].string == "x\n\u00e4\U0001F600\\");
  CHECK(reader[1].raw == "\"x\\n\\u00e4\\ud83d\\ude00\\\\\"");
  CHECK(reader[2].string == "\\\\");
  REQUIRE(reader.members().size() == 4);
  CHECK(reader.members()[1].name == "a\"");
  CHECK(reader.members()[1].name_raw == "\"a\\\"\"");
  CHECK(reader.members()[3].value_raw == "\"two\"");
  // What an unescaped string points into is the text itself.
  CHECK(reader[0].string.data() > text.data());
  CHECK(reader[0].string.data() < text.data() + text.size());
  REQUIRE_FALSE(reader.read(R"({"b":"\udc00"})"));
  CHECK(reader[0].string == "\uFFFD");
}

TEST_CASE("fields: the order of the record before is only a hint") {
  FieldSet set;
  for (const char* name : {"a", "b", "c"}) set.slot(name);
  FieldReader reader(set);
  for (const char* text : {R"({"a":1,"b":2,"c":3})", R"({"c":3,"x":9,"b":2,"a":1})",
                           R"({"b":2,"a":1,"d":7,"c":3})", R"({"a":1,"b":2,"c":3})"}) {
    CAPTURE(text);
    REQUIRE_FALSE(reader.read(text));
    CHECK(reader[0].integer == 1);
    CHECK(reader[1].integer == 2);
    CHECK(reader[2].integer == 3);
  }
  REQUIRE_FALSE(reader.read(R"({"b":2})"));
  CHECK(reader[0].type == JsonType::missing);
  CHECK(reader[2].type == JsonType::missing);
  set.slot("late");
  REQUIRE_FALSE(reader.read(R"({"b":2,"late":5})"));
  CHECK(reader[3].integer == 5);
}

TEST_CASE("fields: what is wrong and where") {
  FieldSet set;
  set.slot("a");
  FieldReader reader(set);
  const auto reason = [&](std::string_view text) {
    const auto error = reader.read(text);
    REQUIRE(error);
    CHECK(reader[0].type == JsonType::missing);
    CHECK(error->message.find('\n') == std::string::npos);
    return error->reason;
  };
  using std::string_view_literals::operator""sv;
  for (const auto bad :
       {""sv, "  "sv, "{"sv, "{\"a\":1"sv, "{\"a\":1}}"sv, "{\"a\":1} x"sv, "{\"a\":01}"sv, "{\"a\":1,}"sv,
        "{'a':1}"sv, "{\"a\":\"\x01\"}"sv, "{\"a\":\"\\x\"}"sv, "{\"a\":1}\0"sv, "{\"a\":1\0}"sv, "\0"sv,
        "{\"a\":tru}"sv, "{\"b\":1e400,\"a\":01}"sv, "{\"a\":\"\\ud800\"}"sv, "{\"a\":1}{\"a\":2}"sv}) {
    CAPTURE(bad);
    CHECK(reason(bad) == Reason::not_json);
  }
  for (const auto other : {"[1,2]"sv, "[{\"a\":1}]"sv, "1"sv, "\"x\""sv, "null"sv, " true "sv}) {
    CAPTURE(other);
    CHECK(reason(other) == Reason::not_an_object);
    CHECK_FALSE(reader.is_object());
    CHECK_FALSE(check_json(other));
  }
  const std::string message = reader.read("{\"a\":1 \"b\":2}")->message;
  CHECK(message.find("missing a comma") == 0);
  CHECK(message.find(" at byte 7, near '{\"a\":1 \"b\":2}'") != std::string::npos);
  REQUIRE_FALSE(reader.read("{\"a\":4.9e-324}"));
  CHECK(reader[0].real.value == std::numeric_limits<double>::denorm_min());
  REQUIRE_FALSE(reader.read("{\"a\":1e-400}"));
  CHECK(reader[0].real.value == 0.0);
}

TEST_CASE("fields: a number that no double holds keeps its text") {
  FieldSet set;
  set.slot("a");
  set.slot("n");
  FieldReader reader(set);
  reader.want_members();
  const std::string digits(400, '7');
  for (const std::string& number : {std::string("1e400"), std::string("-1.5E+999"), std::string("1.8e308"),
                                    digits, digits + "e5", digits + ".5"}) {
    CAPTURE(number);
    const std::string text =
        "{\"s\":\"1e999 \\\"\",\"a\": " + number + " ,\"l\":[" + number + "],\"n\":2.50}";
    REQUIRE_FALSE(reader.read(text));
    CHECK(reader[0].type == JsonType::real);
    CHECK(std::isinf(reader[0].real.value));
    CHECK(reader[0].raw == number);
    CHECK(std::string_view(reader[0].real.text, number.size()) == number);
    CHECK(reader[1].real.value == 2.5);
    CHECK(reader[1].raw == "2.50");
    REQUIRE(reader.members().size() == 4);
    CHECK(reader.members()[0].value_raw == "\"1e999 \\\"\"");
    CHECK(reader.members()[2].value_raw == "[" + number + "]");
    CHECK(reader.members()[2].value_raw.data() > text.data());
    CHECK(reader.members()[2].value_raw.data() < text.data() + text.size());
    CHECK_FALSE(check_json("[" + number + "]"));
  }
  // Refused by RapidJSON as well, though a double holds them.
  REQUIRE_FALSE(reader.read("{\"a\":0e400}"));
  CHECK(reader[0].real.value == 0.0);
  REQUIRE_FALSE(reader.read("{\"a\":" + digits + "e-399}"));
  CHECK(reader[0].real.value == 7.777777777777778);
  REQUIRE_FALSE(reader.read("{\"a\":1}"));
  CHECK(reader[0].integer == 1);
  CHECK(reader.read("{\"a\":1e400,}")->message.find("at byte 11, near '{\"a\":1e400,}'") !=
        std::string::npos);
}

TEST_CASE("fields: hostile nesting") {
  FieldSet set;
  set.slot("a");
  FieldReader reader(set);
  const std::string deep = "{\"a\":" + std::string(999, '[') + std::string(999, ']') + "}";
  CHECK_FALSE(reader.read(deep));
  for (const char* open : {"[", "{\"a\":"}) {
    std::string hostile;
    for (int i = 0; i < 1'000'000; ++i) hostile += open;
    CHECK(reader.read(hostile)->message.find("nested") == 0);
    CHECK_FALSE(reader.read("{}"));
  }
}

TEST_CASE("fields: trust ends at the last field needed") {
  FieldSet set;
  set.slot("a");
  FieldReader reader(set, true);
  CHECK_FALSE(reader.read("{\"b\":[1,2],\"a\":1,\"broken"));
  CHECK(reader[0].integer == 1);
  CHECK(reader.read("{\"b\":1,\"broken"));
}

TEST_CASE("fields: a scalar by itself") {
  std::string scratch;
  CHECK(parse_scalar("12", scratch)->integer == 12);
  CHECK(parse_scalar("1.0", scratch)->type == JsonType::real);
  CHECK(parse_scalar("\"a\\nb\"", scratch)->string == "a\nb");
  for (const char* bad : {"", " 1", "1 ", "1,2", "1,\"v\":2", "01", "x", "1}", "1.", "+1", "0x1", "nan"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_scalar(bad, scratch));
  }
}

// The DOM of the same library as the judge, on random objects.
TEST_CASE("fields: agree with a DOM on random objects") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  FieldSet set;
  for (const char* name : {"a", "bb", "long name with spaces", "\u00e4", "q\"q"}) set.slot(name);
  FieldReader reader(set);
  reader.want_members();
  for (int round = 0; round < 2000; ++round) {
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    const auto any_string = [&] {
      std::string text;
      for (int i = pick(20); i > 0; --i) text += "ab\"\\\n\x01 xyz0123"[pick(15)];
      return text;
    };
    const auto scalar = [&] {
      switch (pick(6)) {
        case 0:
          writer.Int64(static_cast<int64_t>(random()) << pick(30));
          break;
        case 1:
          writer.Double(static_cast<double>(random()) / 7);
          break;
        case 2:
          writer.Bool(pick(2));
          break;
        case 3:
          writer.Null();
          break;
        default:
          writer.String(any_string().c_str());
      }
    };
    const int members = pick(8);
    writer.StartObject();
    for (int i = 0; i < members; ++i) {
      const int which = pick(8);
      const std::string name = which < 5 ? set.names()[static_cast<size_t>(which)] : any_string();
      writer.Key(name.c_str());
      if (pick(4) == 0) {
        writer.StartObject();
        writer.Key(set.names()[0].c_str());
        scalar();
        writer.EndObject();
      } else if (pick(4) == 0) {
        writer.StartArray();
        scalar();
        scalar();
        writer.EndArray();
      } else {
        scalar();
      }
    }
    writer.EndObject();
    const std::string text(buffer.GetString(), buffer.GetSize());
    CAPTURE(text);
    REQUIRE_FALSE(reader.read(text));
    rapidjson::Document dom;
    dom.Parse<rapidjson::kParseFullPrecisionFlag>(text.data(), text.size());
    REQUIRE(reader.members().size() == dom.MemberCount());
    for (size_t slot = 0; slot < set.size(); ++slot) {
      const rapidjson::Value* last = nullptr;
      // By number: clang warns of comparing this library's iterators in C++20.
      for (rapidjson::SizeType i = 0; i < dom.MemberCount(); ++i) {
        const auto& member = *(dom.MemberBegin() + static_cast<std::ptrdiff_t>(i));
        if (std::string_view(member.name.GetString(), member.name.GetStringLength()) == set.names()[slot])
          last = &member.value;
      }
      const JsonField& field = reader[slot];
      if (!last) {
        REQUIRE(field.type == JsonType::missing);
        continue;
      }
      rapidjson::Document part;
      part.Parse<rapidjson::kParseFullPrecisionFlag>(field.raw.data(), field.raw.size());
      REQUIRE_FALSE(part.HasParseError());
      REQUIRE(part == *last);
      if (last->IsString())
        REQUIRE(field.string == std::string_view(last->GetString(), last->GetStringLength()));
      else if (last->IsInt64())
        REQUIRE(field.integer == last->GetInt64());
      else if (last->IsDouble())
        REQUIRE(field.real.value == last->GetDouble());
    }
  }
}

// A name with an escape sends a text the thorough way; without it most go the quick one. Both must say the same of
// any text, also of one that is broken.
TEST_CASE("fields: the quick way takes what the thorough one takes, and nothing else") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto pick = [&](size_t n) { return static_cast<size_t>(random() % n); };
  constexpr std::string_view kPieces[] = {"\"a\"",
                                          "\"bb\"",
                                          "\"\"",
                                          ":",
                                          ":",
                                          ":",
                                          ",",
                                          ",",
                                          "{",
                                          "}",
                                          "[",
                                          "]",
                                          " ",
                                          "\n",
                                          "0",
                                          "-1",
                                          "12",
                                          "-",
                                          "007",
                                          "1.5",
                                          "2.",
                                          ".5",
                                          "1e5",
                                          "-0",
                                          "-0.0",
                                          "0.1",
                                          "true",
                                          "false",
                                          "null",
                                          "nul",
                                          "\\n",
                                          "\"",
                                          "123456789012345678",
                                          "1234567890123456789",
                                          "99999999999999999999",
                                          "0.12345678901234567890",
                                          "0.012345678901234567",
                                          "-123456789012345678.90123",
                                          "1234567890123456789.5",
                                          "1E400",
                                          "\"text of more than sixteen bytes\"",
                                          "\"\\u00e4\"",
                                          "\"\t\"",
                                          "\xc3\xa4",
                                          "\"\xff\"",
                                          "/",
                                          "//"};
  constexpr std::string_view kValues[] = {"1",
                                          "-25",
                                          "0",
                                          "2.75",
                                          "123456789012345678",
                                          "9223372036854775807",
                                          "18446744073709551615",
                                          "1e3",
                                          "true",
                                          "false",
                                          "null",
                                          "\"x\"",
                                          "\"\"",
                                          "\"seven b\"",
                                          "\"eight by\"",
                                          "\"user12345@example.org\"",
                                          "{}",
                                          "[]",
                                          "{\"a\":[1,{\"a\":2.5}]}",
                                          "[ \"x\" , null ]",
                                          "\"\\\"\"",
                                          "-0"};
  FieldSet set;
  for (const char* name : {"a", "bb", ""}) set.slot(name);
  size_t taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string inside;
    for (size_t i = 0, members = 1 + pick(5); i < members; ++i) {
      const std::string space(pick(3) == 0 ? " " : "");
      inside += (i > 0 ? "," : "") + space + "\"" + set.names()[pick(3)] + std::string(pick(2), 'z') + "\"" +
                space + ":" + space + std::string(kValues[pick(std::size(kValues))]);
    }
    for (size_t changes = pick(3); changes > 0; --changes) {
      const size_t at = pick(inside.size() + 1);
      const std::string_view piece = kPieces[pick(std::size(kPieces))];
      if (pick(2) == 0)
        inside.insert(at, piece);
      else
        inside.replace(at, pick(4), piece);
    }
    if (inside.find_first_not_of(" \n") == std::string::npos) continue;
    if (pick(20) == 0) {
      const size_t levels = 14 + pick(6);
      inside = "\"a\":" + std::string(levels, '[') + std::string(levels, ']');
    }
    CAPTURE(inside);
    // On the heap, and nothing behind it: a byte read beyond the end is seen by AddressSanitizer.
    const std::string quick = "{" + inside + "}", thorough = "{\"\\u007a\":0," + inside + "}";
    const std::vector<char> exact(quick.begin(), quick.end());
    for (const bool trust : {false, true}) {
      CAPTURE(trust);
      FieldReader one(set, trust), other(set, trust);
      if (!trust) one.want_members(), other.want_members();
      const auto error = one.read({exact.data(), exact.size()});
      const auto expected = other.read(thorough);
      REQUIRE(error.has_value() == expected.has_value());
      if (error) {
        REQUIRE(error->reason == expected->reason);
        continue;
      }
      ++taken;
      REQUIRE(one.is_object());
      if (!trust) {
        REQUIRE(one.members().size() + 1 == other.members().size());
        for (size_t i = 0; i < one.members().size(); ++i) {
          REQUIRE(one.members()[i].name == other.members()[i + 1].name);
          REQUIRE(one.members()[i].name_raw == other.members()[i + 1].name_raw);
          REQUIRE(one.members()[i].value_raw == other.members()[i + 1].value_raw);
        }
      }
      for (size_t slot = 0; slot < set.size(); ++slot) {
        const JsonField &a = one[slot], &b = other[slot];
        REQUIRE(a.type == b.type);
        if (a.type == JsonType::missing) continue;
        REQUIRE(a.raw == b.raw);
        if (a.type == JsonType::boolean) REQUIRE(a.boolean == b.boolean);
        if (a.type == JsonType::integer) REQUIRE(a.integer == b.integer);
        if (a.type == JsonType::unsigned_integer) REQUIRE(a.unsigned_integer == b.unsigned_integer);
        if (a.type == JsonType::string) REQUIRE(a.string == b.string);
        if (a.type == JsonType::real) {
          REQUIRE(a.real.value == b.real.value);
          REQUIRE(std::string_view(a.real.text, a.raw.size()) == a.raw);
        }
      }
    }
  }
  CHECK(taken > 1000);
}
