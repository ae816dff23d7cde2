#include "io/endpoint.h"

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "support/catch.h"

using namespace kutils;
using namespace kutils::io;

TEST_CASE("endpoints: decided by spelling alone") {
  CHECK(parse_endpoint("IN", "-").kind == EndpointKind::stdio);
  CHECK(parse_endpoint("IN", "./clicks").kind == EndpointKind::file);
  CHECK(parse_endpoint("IN", "file:clicks").name == "clicks");
  CHECK(parse_endpoint("IN", "file:clicks").kind == EndpointKind::file);
  CHECK(parse_endpoint("OUT", "/dev/full").is_lines());
  CHECK(parse_endpoint("IN", "clicks").is_topic());
  CHECK(parse_endpoint("IN", "clicks").topics == std::vector<std::string>{"clicks"});
  CHECK(parse_endpoint("IN", "topic:file.x").name == "file.x");
  CHECK(parse_endpoint("IN", "clicks.json").kind == EndpointKind::topic);
  CHECK(parse_endpoint("IN", "table:users").table);
  CHECK(parse_endpoint("IN", "table:./users.csv").kind == EndpointKind::file);
  CHECK(parse_endpoint("IN", "a,b,c").topics == std::vector<std::string>{"a", "b", "c"});
  CHECK(parse_endpoint("IN", "^log\\..*").kind == EndpointKind::topic_pattern);
}

TEST_CASE("endpoints: refused") {
  for (const char* bad : {"", "table:", "file:", "topic:", "a b", "a,,b", "a,", "a,a", "..", "t\xc3\xa4",
                          "topic:a/b", "^[a", "^a("}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_endpoint("IN", bad), Error);
  }
  for (const char* bad : {"a,b", "^a", "table:a"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_endpoint("OUT", bad), Error);
  }
  CHECK_THROWS_AS(parse_endpoint("IN", std::string(250, 'a')), Error);
  try {
    parse_endpoint("IN", "my clicks");
    FAIL();
  } catch (const Error& error) {
    CHECK(error.what() == std::string("IN: 'my clicks' is not a topic name: it has a ' '"));
    CHECK(error.code() == ExitCode::usage);
  }
}

TEST_CASE("endpoints: which topics are read") {
  CHECK(names_topic(parse_endpoint("IN", "a,b"), "b"));
  CHECK_FALSE(names_topic(parse_endpoint("IN", "a,b"), "a,c"));
  CHECK(names_topic(parse_endpoint("IN", "topic:a"), "a"));
  CHECK_FALSE(names_topic(parse_endpoint("IN", "./a"), "a"));
  CHECK(names_topic(parse_endpoint("IN", "^a(b|c)"), "acd"));
  CHECK_FALSE(names_topic(parse_endpoint("IN", "^a$"), "ab"));
  CHECK(names_topic(parse_endpoint("IN", "^a\\d+$"), "a17"));
}

TEST_CASE("endpoints: a topic that is the name of a file; IN and OUT the same file") {
  const auto before = std::filesystem::current_path();
  const auto room = std::filesystem::temp_directory_path() / "kutils-endpoint-test";
  std::filesystem::create_directories(room);
  std::filesystem::current_path(room);
  std::ofstream("clicks") << "{}\n";
  CHECK(local_file_hint("clicks") ==
        "there is a local file of that name, which is written ./clicks; for a topic write topic:clicks");
  CHECK_FALSE(local_file_hint("clacks"));
  const auto file = parse_endpoint("IN", "./clicks");
  CHECK_THROWS_AS(refuse_same_file(file, file), Error);
  CHECK_NOTHROW(refuse_same_file(file, parse_endpoint("OUT", "./other")));
  CHECK_NOTHROW(refuse_same_file(parse_endpoint("IN", "/dev/null"), parse_endpoint("OUT", "/dev/null")));
  std::filesystem::current_path(before);
  std::filesystem::remove_all(room);
}
