#include "io/endpoint.h"

#include <re2/re2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/correction.h"
#include "base/error.h"
#include "base/printable.h"
#include "base/shell_word.h"

namespace kutils::io {
namespace {

constexpr size_t kMaxTopicName = 249;  // Kafka's limit

RE2::Options pattern_options() {
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

bool is_topic_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

// With its first character that no topic has.
std::string not_a_name(const std::string& quoted, std::string_view name, size_t at) {
  size_t size = 1;
  while (at + size < name.size() && (static_cast<unsigned char>(name[at + size]) & 0xC0) == 0x80) ++size;
  return quoted + "is not a topic name: it has a '" + printable_line(name.substr(at, size)) + "'";
}

void require_topic_name(const std::string& where, std::string_view name) {
  const std::string quoted = where + "'" + printable_line(name) + "' ";
  if (name.empty()) throw usage_error(where + "a topic's name is empty");
  if (name == "." || name == "..")
    throw usage_error(quoted + "is not a topic name", "a file is written with a slash: ./NAME");
  if (name.size() > kMaxTopicName)
    throw usage_error(where + "a topic name has at most 249 characters, this one " +
                      std::to_string(name.size()));
  for (size_t at = 0; at < name.size(); ++at) {
    const char c = name[at];
    if (is_topic_character(c)) continue;
    if (c == '*' || c == '?')
      throw usage_error(
          not_a_name(quoted, name, at),
          "several topics are a regular expression that begins with ^: " + pattern_of_glob(name));
    throw usage_error(
        not_a_name(quoted, name, at),
        "topic names are made of letters, digits, '.', '_' and '-'; a file is spelled ./NAME or file:NAME");
  }
}

// `clicks:0`, `clicks[1,2]`
void refuse_partition(const std::string& where, std::string_view text) {
  const size_t at = text.find_first_of(":[");
  if (at == 0 || at == std::string_view::npos || !is_topic_name(text.substr(0, at))) return;
  std::string_view partitions = text.substr(at + 1);
  if (text[at] == '[' && !partitions.empty() && partitions.back() == ']') partitions.remove_suffix(1);
  if (partitions.empty() || partitions.find_first_not_of("0123456789,-") != std::string_view::npos) return;
  const std::string quoted = where + "'" + std::string(text) + "' ";
  throw CorrectedError(not_a_name(quoted, text, at),
                       {.before = "partitions of it are read by an option: ",
                        .add = {{"-p", std::string(partitions)}},
                        .replaced = {{std::string(text), std::string(text.substr(0, at))}}});
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::string pattern_of_glob(std::string_view glob) {
  // 'cl.*' is a regular expression already, without its ^.
  if (glob.find(".*") != glob.npos || glob.find(".+") != glob.npos)
    return shell_word("^" + std::string(glob) + (glob.ends_with('$') ? "" : "$"));
  std::string out = "^";
  for (const char c : glob) {
    if (c == '*')
      out += ".*";
    else if (c == '?')
      out += '.';
    else
      out += c == '.' ? "\\." : std::string(1, c);
  }
  return shell_word(out + "$");
}

bool looks_like_file(std::string_view topic) {
  constexpr std::string_view kEndings[] = {".json", ".ndjson", ".jsonl", ".csv",
                                           ".tsv",  ".txt",    ".log",   ".gz"};
  return std::any_of(std::begin(kEndings), std::end(kEndings), [&](std::string_view ending) {
    return topic.size() > ending.size() && topic.substr(topic.size() - ending.size()) == ending;
  });
}

bool is_topic_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxTopicName && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), is_topic_character);
}

Endpoint parse_endpoint(std::string_view operand, std::string_view text) {
  const bool is_out = operand == "OUT";
  const std::string where = std::string(operand) + ": ";
  Endpoint endpoint;
  std::string_view rest = text;
  if (take_prefix(rest, "table:")) {
    if (is_out) throw usage_error(where + "'table:' is a way to read a topic; OUT cannot be one");
    endpoint.table = true;
  }
  if (rest.empty()) throw usage_error(where + "the name is empty", "'-' is standard input or output");
  endpoint.name = rest;
  if (rest == "-") return endpoint;
  const bool named_topic = take_prefix(rest, "topic:");
  endpoint.insisted = named_topic;
  if (!named_topic) {
    const bool named_file = take_prefix(rest, "file:");
    // A pattern may hold a slash only by mistake: no topic has one in its name.
    if (named_file || rest.find('/') != std::string_view::npos) {
      if (rest.empty()) throw usage_error(where + "'file:' needs a name");
      endpoint.kind = EndpointKind::file;
      endpoint.name = rest;
      return endpoint;
    }
  }
  endpoint.name = rest;
  if (!rest.empty() && rest[0] == '^') {
    if (is_out)
      throw usage_error(where + "'" + std::string(rest) + "' is a pattern, which can only be read from");
    endpoint.kind = EndpointKind::topic_pattern;
    if (const RE2 pattern(endpoint.name, pattern_options()); !pattern.ok())
      throw usage_error(where + "'" + endpoint.name + "' is not a regular expression: " + pattern.error(),
                        "it is one of RE2's, as in matches(); a topic is written without '^'");
    return endpoint;
  }
  endpoint.kind = EndpointKind::topic;
  if (!is_out) refuse_partition(where, rest);
  if (rest.find(',') != std::string_view::npos) {
    if (is_out)
      throw usage_error(where + "'" + std::string(rest) + "' is a list, which can only be read from");
    while (true) {
      const size_t comma = rest.find(',');
      const std::string_view name = rest.substr(0, comma);
      require_topic_name(where, name);
      if (std::find(endpoint.topics.begin(), endpoint.topics.end(), name) != endpoint.topics.end())
        throw usage_error(where + "the topic '" + std::string(name) + "' is named twice");
      endpoint.topics.emplace_back(name);
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
    return endpoint;
  }
  require_topic_name(where, rest);
  endpoint.topics.emplace_back(rest);
  return endpoint;
}

std::function<bool(const std::string&)> topic_pattern(const Endpoint& in) {
  return [pattern = std::make_shared<const RE2>(in.name, pattern_options())](const std::string& topic) {
    return RE2::PartialMatch(topic, *pattern);
  };
}

bool names_topic(const Endpoint& in, const std::string& topic) {
  if (in.kind == EndpointKind::topic_pattern) return topic_pattern(in)(topic);
  return in.is_topic() &&
         (in.name == topic || std::find(in.topics.begin(), in.topics.end(), topic) != in.topics.end());
}

std::optional<std::string> local_file_hint(std::string_view topic) {
  const std::string name(topic);
  struct stat info {};
  if (::stat(name.c_str(), &info) != 0 || S_ISDIR(info.st_mode)) return std::nullopt;
  return "there is a local file of that name, which is written ./" + name +
         "; for a topic write topic:" + name;
}

void refuse_same_file(const Endpoint& in, const Endpoint& out) {
  const auto identify = [](const Endpoint& endpoint, int standard, struct stat& info) {
    if (endpoint.kind == EndpointKind::stdio) return ::fstat(standard, &info) == 0;
    return endpoint.kind == EndpointKind::file && ::stat(endpoint.name.c_str(), &info) == 0;
  };
  struct stat from {};
  struct stat to {};
  if (!identify(in, STDIN_FILENO, from) || !identify(out, STDOUT_FILENO, to)) return;
  if (!S_ISREG(from.st_mode) || from.st_dev != to.st_dev || from.st_ino != to.st_ino) return;
  if (out.kind == EndpointKind::stdio)
    throw usage_error(in.kind == EndpointKind::stdio ? "standard input and standard output are the same file"
                                                     : "standard output is the input file " + in.name,
                      "the shell has emptied it for '>' already; write to another file and rename it");
  throw usage_error("IN and OUT are the same file, " + out.name, "write to another file and rename it");
}

}  // namespace kutils::io
