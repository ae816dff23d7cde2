// A line of tests/data/streams.jsonl (recorded from Kafka Streams; its rules stand in tests/oracle/README.md)
// and the comparison of results with it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kutils::oracle {

struct Input {
  std::string side;
  std::optional<std::string> key;
  std::optional<std::string> value;  // JSON text; nullopt: a null value
  int64_t time = 0;
};

struct Result {
  size_t at = 0;  // index of the input whose processing emitted it
  std::optional<std::string> key;
  std::optional<std::string> value;  // canonical JSON
  int64_t time = 0;
  std::optional<int64_t> start, end;
  std::string to;
  friend auto operator<=>(const Result&, const Result&) = default;
  friend bool operator==(const Result&, const Result&) = default;
};

struct Case {
  std::string id;
  std::string op;
  std::map<std::string, std::string> text;  // settings
  std::map<std::string, int64_t> number;
  std::vector<Input> in;
  std::vector<Result> expected;  // `strict` where there is one
  bool ordered = false;          // also the order among results of one input counts

  std::string get(const std::string& name, const std::string& otherwise = "") const;
  int64_t ms(const std::string& name) const;  // throws std::runtime_error if the setting is missing
};

// Throws std::runtime_error where the line is not a case.
Case parse_case(const std::string& line);

// JSON text with sorted names, so that equal values have equal text.
std::string canonical(std::string_view json);
// A member of an object as canonical JSON; nullopt: absent.
std::optional<std::string> member(std::string_view object, const char* name);

// Empty: equal. Else what differs, for people.
std::string compare(const Case& expected, std::vector<Result> actual);

}  // namespace kutils::oracle
