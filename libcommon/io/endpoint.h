// What an operand names, decided by its spelling alone: `-` is stdin or stdout; what contains a `/` or begins
// with `file:` is a file; all else is a topic (`topic:NAME` to insist). `table:` in front says "latest value
// per key". IN may be a list `a,b` or a regular expression `^...`: several topics.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kutils::io {

enum class EndpointKind { stdio, file, topic, topic_pattern };

struct Endpoint {
  EndpointKind kind = EndpointKind::stdio;
  bool table = false;
  std::string name;                 // path, topic name, or the regular expression; "-" for stdio
  std::vector<std::string> topics;  // for `a,b`: all names in order, `name` is the operand as written
  bool insisted = false;            // `topic:` was written: a topic even where a local file has its name
  bool is_lines() const { return kind == EndpointKind::stdio || kind == EndpointKind::file; }
  bool is_topic() const { return !is_lines(); }
};

// `operand` is "IN" or "OUT" for messages. Throws usage_error: empty name, a name no topic can have, a list
// or pattern as OUT, a pattern that is none.
Endpoint parse_endpoint(std::string_view operand, std::string_view text);

// Whether Kafka takes it as a name.
bool is_topic_name(std::string_view name);
// Whether a topic's name ends as files do (".csv"): a topic may be called so, and seldom is.
bool looks_like_file(std::string_view topic);

// `x_*`, as the shell would write it: '^x_.*$', in its quotes.
std::string pattern_of_glob(std::string_view glob);

// Whether the topic is one of those that `in` names or matches.
bool names_topic(const Endpoint& in, const std::string& topic);
// Whether a topic is one of the pattern. REQUIRES: `in` is a topic_pattern.
std::function<bool(const std::string&)> topic_pattern(const Endpoint& in);

// For the message about a topic that does not exist: if a local file has its name, it was probably meant, and
// the tool refuses with this hint instead of making the topic. Else nullopt.
std::optional<std::string> local_file_hint(std::string_view topic);

// Throws usage_error if both are one regular file, which opening OUT would empty before IN is read.
void refuse_same_file(const Endpoint& in, const Endpoint& out);

}  // namespace kutils::io
