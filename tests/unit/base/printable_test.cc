#include "base/printable.h"
#include "support/catch.h"

using namespace kutils;

TEST_CASE("what acts on a terminal is shown instead") {
  CHECK(printable("plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\n\tnext\r\n") ==
        "plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\n\tnext\r\n");
  CHECK(printable("\x1b[31mred\x07\x7f\r.") == "\\x1b[31mred\\x07\\x7f\\x0d.");
  CHECK(printable(std::string_view("\0", 1)) == "\\x00");
  CHECK(printable("\xC2\x9B"
                  "2J") == "\\u009b2J");  // CSI, one of C1
  CHECK(printable("\x9B"
                  "2J\xFF") == "\\x9b2J\\xff");  // the same as a single byte: no UTF-8
  CHECK(printable("a\xE2\x80\xAE"
                  "b") == "a\\u202eb");  // turns text round
  CHECK(printable("\xE2\x81\xA6\xE2\x80\x8F") == "\\u2066\\u200f");
  // Not seen at all; joiners belong to scripts and emoji, not into ASCII.
  CHECK(printable("a\u200bb\u2060\ufeff\u00ad.") == "a\\u200bb\\u2060\\ufeff\\u00ad.");
  CHECK(printable("\U000e0041\u3164") == "\\U000e0041\\u3164");
  CHECK(printable("ad\u200dmin\u200c") == "ad\\u200dmin\\u200c");
  CHECK(printable("\U0001f469\u200d\U0001f4bb \u0646\u200c\u0645") ==
        "\U0001f469\u200d\U0001f4bb \u0646\u200c\u0645");
  CHECK(printable("\xE2\x80\x9C\xE2\x80\xB0") == "\xE2\x80\x9C\xE2\x80\xB0");
  CHECK(printable_line("a\nb\tc\r\n") == "a\\nb\\tc\\x0d\\n");
}
