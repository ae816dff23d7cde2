// Line sources and sinks over real pipes and files.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "io/compressed.h"
#include "io/envelope.h"
#include "io/line_sink.h"
#include "io/line_source.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::io;
using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

struct Pipe {
  Pipe() { REQUIRE(::pipe(fds) == 0); }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  void close_end(int which) {
    if (fds[which] >= 0) ::close(fds[which]);
    fds[which] = -1;
  }
  void put(std::string_view text) {
    REQUIRE(::write(fds[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  int fds[2];
};

std::vector<std::string> values(const Batch& batch) {
  std::vector<std::string> out;
  for (const Record& record : batch.records())
    out.emplace_back(record.value.is_null() ? "NULL" : std::string(record.value.view()));
  return out;
}

using Strings = std::vector<std::string>;

}  // namespace

TEST_CASE("lines: poll waits, gives what is there, ends") {
  Pipe pipe;
  auto source = make_line_source(pipe.fds[0], false, "-", LineFormat());
  Batch batch;
  CHECK(source->poll(batch, 0ms) == Fill::nothing);
  pipe.put("{\"a\":1}\n\n{\"a\":2}\n{\"a\":");
  CHECK(source->poll(batch, 1s) == Fill::records);
  CHECK(values(batch) == Strings{"{\"a\":1}", "{\"a\":2}"});
  CHECK(batch.records()[1].offset == 2);
  CHECK(batch.records()[1].topic == "-");
  CHECK(batch.records()[1].key.is_null());
  // The rest of a line that came in pieces, while the first batch is still looked at.
  Batch second;
  CHECK(source->poll(second, 1ms) == Fill::nothing);
  pipe.put("3}\n{\"a\":4}");
  CHECK(source->poll(second, 1s) == Fill::records);
  CHECK(values(second) == Strings{"{\"a\":3}"});
  CHECK(values(batch) == Strings{"{\"a\":1}", "{\"a\":2}"});
  pipe.close_end(1);
  second.clear();
  CHECK(source->poll(second, 1s) == Fill::end);
  CHECK(values(second) == Strings{"{\"a\":4}"});
  second.clear();
  CHECK(source->poll(second, 1s) == Fill::end);
  CHECK(second.empty());
}

TEST_CASE("lines: files larger than a chunk, lines larger than a chunk") {
  std::string path = (std::filesystem::temp_directory_path() / "kutils-lines-XXXXXX").string();
  const int fd = ::mkstemp(path.data());
  REQUIRE(fd >= 0);
  std::string content;
  std::vector<size_t> sizes;
  for (size_t i = 0; i < 20000; ++i) sizes.push_back(i % 5000 == 4999 ? 300'000 + i : 1 + i % 97);
  for (const size_t size : sizes) content += std::string(size, 'x') + "\n";
  REQUIRE(::write(fd, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  ::close(fd);
  auto source = open_line_source(parse_endpoint("IN", path), parse_line_format("text", "-I"));
  Batch batch;
  size_t at = 0;
  for (Fill fill = Fill::records; fill != Fill::end; batch.clear()) {
    fill = source->poll(batch, 0ms);
    CHECK(fill != Fill::nothing);
    CHECK(batch.records().size() <= 8192);
    for (const Record& record : batch.records()) {
      REQUIRE(at < sizes.size());
      REQUIRE(record.value.size() == sizes[at]);
      REQUIRE(record.offset == static_cast<int64_t>(at));
      ++at;
    }
  }
  CHECK(at == sizes.size());
  std::filesystem::remove(path);
}

TEST_CASE("lines: keys, null markers, NUL ends, and lines without the separator") {
  Pipe pipe;
  LineFormat format = parse_line_format("text", "-I");
  format.key_separator = unescape_option("\\t", "-K");
  format.null_marker = "NULL";
  format.nul_ended = true;
  auto source = make_line_source(pipe.fds[0], false, "-", format);
  pipe.put("k\tv\tw\0NULL\tx\0broken\0k\tNULL\0\t\0"s);
  Batch batch;
  CHECK(source->poll(batch, 1s) == Fill::records);
  CHECK(values(batch) == Strings{"v\tw", "x", "NULL", ""});
  CHECK(batch.records()[0].key.view() == "k");
  CHECK(batch.records()[1].key.is_null());
  CHECK(batch.records()[2].value.is_null());
  CHECK_FALSE(batch.records()[3].key.is_null());
  REQUIRE(source->bad_records().size() == 1);
  CHECK(source->bad_records()[0].before == 2);
  CHECK(source->bad_records()[0].origin.offset == 2);
  CHECK(source->bad_records()[0].origin.value.view() == "broken");
  CHECK(source->bad_records()[0].error.reason == Reason::bad_line);
}

TEST_CASE("lines: JSON checked on request, codecs applied") {
  Pipe pipe;
  LineFormat format;
  format.check_json = true;
  format.value_codec = Codec::parse("json+base64", "--value-codec");
  auto source = make_line_source(pipe.fds[0], false, "-", format);
  pipe.put("{\"a\":1}\n{broken\n7\n");
  Batch batch;
  CHECK(source->poll(batch, 1s) == Fill::records);
  CHECK(values(batch) == Strings{"eyJhIjoxfQ==", "Nw=="});
  REQUIRE(source->bad_records().size() == 1);
  CHECK(source->bad_records()[0].error.reason == Reason::not_json);
  Pipe back;
  auto sink = make_line_sink(back.fds[1], false, "x", format);
  Output output;
  output.value = "eyJhIjoxfQ=="sv;
  CHECK_FALSE(sink->write(nullptr, output));
  output.value = "%"sv;
  CHECK(sink->write(nullptr, output)->reason == Reason::bad_codec);
  sink->flush();
  char buffer[100];
  CHECK(::read(back.fds[0], buffer, sizeof buffer) == 8);
}

TEST_CASE("lines out: nothing before flush, null, keys, a reader that hung up") {
  Pipe pipe;
  LineFormat format;
  format.key_separator = ":";
  auto sink = make_line_sink(pipe.fds[1], false, "standard output", format);
  Output output;
  output.key = "k"sv;
  output.value = "v"sv;
  CHECK_FALSE(sink->write(nullptr, output));
  output.key = MaybeBytes();
  output.value = MaybeBytes();
  CHECK_FALSE(sink->write(nullptr, output));
  CHECK_FALSE(sink->reader_gone());
  sink->flush();
  char buffer[100];
  const ssize_t n = ::read(pipe.fds[0], buffer, sizeof buffer);
  CHECK(std::string(buffer, static_cast<size_t>(n)) == "k:v\n:null\n");
  pipe.close_end(0);
  CHECK(sink->reader_gone());
  CHECK_FALSE(sink->write(nullptr, output));
  CHECK_THROWS_AS(sink->flush(), ReaderGone);
  CHECK_NOTHROW(sink->flush());
}

TEST_CASE("lines out: a full disk") {
  auto sink = open_line_sink(parse_endpoint("OUT", "/dev/full"), LineFormat());
  Output output;
  output.value = "v"sv;
  CHECK_FALSE(sink->write(nullptr, output));
  try {
    sink->flush();
    FAIL();
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::delivery);
    CHECK(error.what() == std::string("cannot write to /dev/full: No space left on device"));
  }
  try {
    open_line_source(parse_endpoint("IN", "./no such file"), LineFormat());
    FAIL();
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    CHECK(error.what() == std::string("cannot read ./no such file: No such file or directory"));
  }
  CHECK_THROWS_AS(open_line_source(parse_endpoint("IN", "/"), LineFormat()), Error);
}

TEST_CASE("formats: unknown names and escapes") {
  try {
    parse_line_format("jsn", "-I");
    FAIL();
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    CHECK(std::string(error.hint()).find("did you mean 'json'?") == 0);
  }
  CHECK(unescape_option("a\\x41\\t\\\\", "-K") == "aA\t\\");
  CHECK_THROWS_AS(unescape_option("\\q", "-K"), Error);
  CHECK_THROWS_AS(unescape_option("\\", "-K"), Error);
  CHECK_THROWS_AS(unescape_option("\\x4", "-K"), Error);
}

TEST_CASE("compressed input is told by its first bytes, however few come at a time", "[lines]") {
  CHECK(find_compression("\x1f\x8b\x08rest")->reader == "zcat");
  CHECK(find_compression("\x28\xb5\x2f\xfdrest")->reader == "zstdcat");
  CHECK(find_compression("\xfd"
                         "7zXZ\0"s)
            ->reader == "xzcat");
  CHECK(find_compression("BZh91AY&SYrest")->reader == "bzcat");
  for (const std::string_view text : {"BZh9 is text"sv, "BZh"sv, "\x1f"sv, ""sv, "{\"a\":1}"sv,
                                      "\xfd"
                                      "7z"sv})
    CHECK(find_compression(text) == nullptr);
  Pipe pipe;
  LineFormat format;
  format.decompressed = [](std::string_view reader) { return std::string(reader) + " first"; };
  auto source = make_line_source(pipe.fds[0], false, "-", format);
  Batch batch;
  pipe.put("\x1f\x8b");
  CHECK(source->poll(batch, 0ms) == Fill::nothing);
  pipe.put("\x08\0\0\0\0\0\0\0\n"sv);
  try {
    source->poll(batch, 0ms);
    FAIL("it was read");
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::usage);
    CHECK(std::string(error.what()) == "standard input is compressed by gzip");
    CHECK(error.hint() == "zcat first");
  }
}

TEST_CASE("short input that begins as a compressor's does is text", "[lines]") {
  Pipe pipe;
  auto source = make_line_source(pipe.fds[0], false, "-", LineFormat());
  Batch batch;
  pipe.put("BZh");
  CHECK(source->poll(batch, 0ms) == Fill::nothing);
  pipe.close_end(1);
  CHECK(source->poll(batch, 0ms) == Fill::end);
  CHECK(values(batch) == std::vector{"BZh"s});
}

TEST_CASE("a line is surely an envelope where it says its place, and perhaps one with key and payload",
          "[lines]") {
  using enum LooksLikeEnvelope;
  const std::string place = R"("topic":"t","partition":0,"offset":7,)";
  CHECK(looks_like_envelope("{" + place + R"("key":"k","payload":"{}"})") == surely);
  CHECK(looks_like_envelope(
            "{" + place + R"("tstype":"create","ts":1,"broker":0,"headers":[],"key":null,"payload":null})") ==
        surely);
  CHECK(looks_like_envelope("{" + place + R"("key_base64":"aw==","payload_base64":"aw=="})") == surely);
  CHECK(looks_like_envelope("{" + place + R"("key":null,"value":{"n":1}})") == surely);
  CHECK(looks_like_envelope(R"({"key":"k","payload":"{}"})") == perhaps);
  CHECK(looks_like_envelope(R"({"topic":"t","offset":7,"key":"k","payload":"{}"})") == perhaps);
  CHECK(looks_like_envelope(R"({"topic":1,"partition":0,"offset":7,"key":"k","payload":"{}"})") == perhaps);
  CHECK(looks_like_envelope(R"({"topic":"t","partition":"0","offset":7,"key":"k","payload":"{}"})") ==
        perhaps);
  CHECK(looks_like_envelope("{" + place + R"("key":"k","payload":{}})") == perhaps);
  CHECK(looks_like_envelope("{" + place + R"("key":"k","payload":"{}","more":1})") == no);
  CHECK(looks_like_envelope("{" + place + R"("payload":"{}"})") == no);
  CHECK(looks_like_envelope("[1]") == no);
}
