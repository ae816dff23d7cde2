#include "data/codec.h"

#include <random>

#include "support/catch.h"

using namespace kutils;
using namespace std::string_literals;

namespace {
std::string decoded(std::string_view codec, std::string_view bytes) {
  std::string scratch;
  const auto result = Codec::parse(codec, "--value-codec").decode(bytes, scratch);
  return result ? std::string(*result) : "error: " + result.error().message;
}
std::string encoded(std::string_view codec, std::string_view text) {
  std::string scratch;
  const auto result = Codec::parse(codec, "--value-codec").encode(text, scratch);
  return result ? std::string(*result) : "error: " + result.error().message;
}
}  // namespace

TEST_CASE("codecs: Kafka's serialisers, byte for byte") {
  CHECK(encoded("i32", "-2") == "\xff\xff\xff\xfe"s);
  CHECK(decoded("i32", "\x80\0\0\0"s) == "-2147483648");
  CHECK(encoded("i64", "258") == "\0\0\0\0\0\0\1\2"s);
  CHECK(decoded("i64", "\x7f\xff\xff\xff\xff\xff\xff\xff"s) == "9223372036854775807");
  CHECK(encoded("f64", "1.5") == "\x3f\xf8\0\0\0\0\0\0"s);
  CHECK(decoded("f64", "\x40\x44\0\0\0\0\0\0"s) == "40.0");
  CHECK(encoded("i32", "40.0") == "\0\0\0\x28"s);
  CHECK(encoded("i32", "\"7\"") == "\0\0\0\7"s);
  CHECK(decoded("uuid", "123e4567-e89b-12d3-a456-426614174000") == "123e4567-e89b-12d3-a456-426614174000");
  CHECK(decoded("uuid", "\x12\x3e\x45\x67\xe8\x9b\x12\xd3\xa4\x56\x42\x66\x14\x17\x40\0"s) ==
        "123e4567-e89b-12d3-a456-426614174000");
}

TEST_CASE("codecs: chains, in either spelling") {
  CHECK(encoded("json+base64", "{\"a\":1}") == "eyJhIjoxfQ==");
  CHECK(decoded("binary|json", "eyJhIjoxfQ==") == "{\"a\":1}");
  CHECK(Codec::parse("binary|json", "x") == Codec::parse("json+base64", "x"));
  CHECK(Codec::parse("binary|json", "x").name() == "json+base64");
  CHECK(decoded("i32+base64+base64", encoded("i32+base64+base64", "77")) == "77");
  CHECK(Codec::parse("json", "x").is_identity());
  CHECK(Codec::parse("raw", "x").form() == DecodedForm::bytes);
  CHECK(Codec::parse("json+base64", "x").form() == DecodedForm::json);
  const auto pair = parse_codec_pair("json+base64:json", "--value-codec");
  CHECK(pair.in.name() == "json+base64");
  CHECK(pair.out.name() == "json");
}

TEST_CASE("codecs: what is wrong") {
  CHECK(decoded("i32", "abc") == "error: i32: 4 bytes expected, found 3");
  CHECK(decoded("base64", "ab%d") == "error: base64: not base64 at byte 2");
  CHECK(decoded("base64", "abcde") == "error: base64: not base64 at byte 4");
  CHECK(decoded("f64", "\x7f\xf8\0\0\0\0\0\0"s).find("error: f64") == 0);
  CHECK(encoded("i32", "2147483648").find("not an integer in its range") != std::string::npos);
  CHECK(encoded("i64", "1.5").find("not an integer") != std::string::npos);
  CHECK(encoded("i64", "abc") == "error: i64: 'abc' is not a number");
  CHECK(encoded("uuid", "x").find("error: uuid") == 0);
  for (const char* bad :
       {"", "jsn", "json+", "+json", "base64+json", "json|binary", "json+base64|raw", "json:jsn"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_codec_pair(bad, "--value-codec"), Error);
  }
  try {
    Codec::parse("bas64", "--value-codec");
    FAIL();
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    CHECK(error.hint().find("did you mean 'base64'?") == 0);
  }
}

TEST_CASE("codecs: base64 round trip of random bytes") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random() % 50, ' ');
    for (char& c : bytes) c = static_cast<char>(random());
    REQUIRE(decoded("base64", encoded("base64", bytes)) == bytes);
  }
}
