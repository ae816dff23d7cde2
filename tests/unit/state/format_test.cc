// Frozen bytes: what was written must stay readable. A failure here means that the format changed; then
// kFormatVersion must.
#include "base/varint.h"
#include "state/meta.h"
#include "state/state_error.h"
#include "state/state_format.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::state;
using namespace std::string_literals;

TEST_CASE("state format: numbers") {
  std::string out;
  put_varint(out, 300);
  put_signed(out, -3);
  put_ordered(out, 1);
  put_ordered(out, -1);
  CHECK(out == "\xac\x02\x05\x80\0\0\0\0\0\0\x01\x7f\xff\xff\xff\xff\xff\xff\xff"s);
  Reader in(out);
  CHECK(in.varint() == 300);
  CHECK(in.signed_varint() == -3);
  CHECK(in.ordered() == 1);
  CHECK(in.ordered() == -1);
  CHECK((in.ok() && in.at_end()));
  CHECK(in.byte() == 0);
  CHECK_FALSE(in.ok());
  for (const int64_t value : {INT64_MIN, INT64_MIN + 1, int64_t{-1}, int64_t{0}, INT64_MAX}) {
    std::string one;
    put_signed(one, value);
    put_ordered(one, value);
    put_double(one, static_cast<double>(value));
    Reader again(one);
    CHECK(again.signed_varint() == value);
    CHECK(again.ordered() == value);
    CHECK(again.real() == static_cast<double>(value));
  }
}

TEST_CASE("state format: meta row") {
  Meta meta;
  meta.fingerprint = "f";
  meta.description = "d";
  meta.input_partitions = 4;
  meta.last_wall_ms = 1000;
  meta.set_position("t", 2, 77);
  meta.times.stream_time = 5;
  meta.times.sources = {{2, 5}};
  meta.lineage = "l";
  meta.positions[0].last_offset = 70;
  meta.positions[0].last_digest = 300;
  std::string out;
  encode_meta(meta, out);
  CHECK(out ==
        "\x03\x01"
        "f\x01"
        "d\x08\xd0\x0f\x01\x01t\x04\x9a\x01\x0a\x01\x04\x0a\x01l\x8c\x01\xac\x02"s);
  CHECK(decode_meta(out) == meta);
  for (size_t cut = 0; cut < out.size(); ++cut)
    CHECK_THROWS_AS(decode_meta(out.substr(0, cut)), CorruptState);
  CHECK_THROWS_AS(decode_meta(out + "x"), CorruptState);
  out[0] = 2;  // differs in what timers look like
  CHECK(decode_meta(out) == meta);
  for (const char version : {'\x01', '\x04'}) {
    out[0] = version;
    CHECK_THROWS_AS(decode_meta(out), Error);
  }
}
