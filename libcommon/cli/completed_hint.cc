#include "cli/completed_hint.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/shell_word.h"
#include "io/endpoint.h"

namespace kutils::cli {
namespace {

constexpr std::string_view kTools[] = {"kread",   "kwrite", "kfilter", "kmap",  "ktable",
                                       "kwindow", "kscan",  "kpipe",   "kcp",   "kgroupby",
                                       "kdedup",  "ktake",  "kscore",  "kexpr", "ktopic"};
// What every tool takes that reads a topic or lines and writes lines.
constexpr std::string_view kSharedOptions[] = {
    "-b", "-X", "-F",      "-e",      "-q",         "-v",          "-o",           "--since", "-p",
    "-c", "-m", "--until", "--local", "--tail",     "-I",          "-J",           "-O",      "-K",
    "-Z", "-0", "-f",      "-g",      "--on-error", "--key-codec", "--value-codec"};
constexpr std::string_view kClusterOptions[] = {"-b", "-X", "-F"};

template <typename Range>
bool holds(const Range& all, std::string_view one) {
  return std::find(std::begin(all), std::end(all), one) != std::end(all);
}

// As written, quotes included.
std::vector<std::string> shell_pieces(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  bool quoted = false;
  for (const char c : text) {
    if (c == '\'') quoted = !quoted;
    if (c == ' ' && !quoted) {
      if (!word.empty()) out.push_back(std::move(word));
      word.clear();
    } else {
      word += c;
    }
  }
  if (!word.empty()) out.push_back(word);
  return out;
}

// Where the command at the end of a line begins; npos: there is none.
size_t command_begin(const std::string& line) {
  size_t last = std::string::npos;
  for (const std::string_view tool : kTools) {
    const std::string word = std::string(tool) + " ";
    if (line.starts_with(word) && last == std::string::npos) last = 0;
    const size_t at = line.rfind(": " + word);
    if (at != std::string::npos && (last == std::string::npos || at + 2 > last)) last = at + 2;
  }
  return last;
}

// `write: -o 5:10`: one option as it was meant; nothing where the line is another.
std::optional<std::string> with_option(const GivenCommand& given, const std::string& line) {
  constexpr std::string_view kWrite = "write: ";
  const size_t at = line.rfind(std::string(kWrite) + "-");
  if (at == line.npos) return std::nullopt;
  std::vector<std::string> words = shell_pieces(std::string_view(line).substr(at + kWrite.size()));
  if (words.size() != 2 || !given.takes(words[0]) || !given.has(words[0])) return std::nullopt;
  std::string& value = words[1];
  if (value.size() > 1 && value.front() == '\'' && value.back() == '\'')
    value = value.substr(1, value.size() - 2);
  if (value.find('\'') != value.npos) return std::nullopt;
  return given.hint({.before = line.substr(0, at + kWrite.size()), .add = {{words[0], value}}});
}

std::string completed_line(const ToolInfo& info, const GivenCommand& given, const std::string& line) {
  if (auto whole = with_option(given, line)) return *whole;
  const size_t begin = command_begin(line);
  if (begin == std::string::npos) return line;
  std::vector<std::string> words = shell_pieces(std::string_view(line).substr(begin));
  const auto is_place = [](const std::string& one) {
    return one == "IN" || one == "OUT" || one == "table:IN" || one == "TOPIC";
  };
  const bool is_sql = line.find("each clause of SQL is a tool; write: ") != line.npos;
  if (!is_sql && std::none_of(words.begin(), words.end(), is_place)) return line;
  // kpipe's operands are stages.
  if (std::none_of(info.operands.begin(), info.operands.end(),
                   [](const Operand& one) { return one.name == "IN"; }))
    return line;
  if (holds(words, "...")) return line;
  const std::string tool = words[0];
  const bool is_pipeline = holds(words, "|");
  const bool is_table = holds(words, "table");  // -O table, of lines

  std::vector<std::string> operands = given.operands();
  std::optional<std::string> in = given_operand(info, operands, "IN"),
                             out = given_operand(info, operands, "OUT");
  // `kfilter -c EXPR IN`: an option has taken the SPEC.
  if (!in && operands.size() == 1 && !info.operands.empty() && info.operands[0].is_spec &&
      (operands[0].find('/') != std::string::npos || io::is_topic_name(operands[0])))
    in = operands[0];
  const bool has_out = holds(words, "OUT") || holds(words, "TOPIC");
  for (std::string& word : words) {
    if (word == "IN" && (in || !has_out)) word = in ? shell_word(*in) : "";
    if (word == "table:IN") word = in ? shell_word(in->starts_with("table:") ? *in : "table:" + *in) : word;
    if (word == "OUT" && out) word = shell_word(*out);
    if (word == "TOPIC" && (info.name == "kwrite" ? out : in))
      word = shell_word(info.name == "kwrite" ? *out : *in);
  }
  // `-- ` with nothing behind it
  std::erase(words, "");
  if (words.back() == "--") words.pop_back();
  if (out && !has_out && !is_pipeline && !is_table && in && tool != "kread")
    words.push_back(shell_word(*out));

  std::vector<std::string> options;
  for (const GivenCommand::Word& word : given.words()) {
    if (word.kind != GivenCommand::Word::Kind::option || word.option == nullptr) continue;
    const auto names = split_names(word.option->names);
    const auto is_there = [&](const std::string& name) { return holds(words, name); };
    if (std::any_of(names.begin(), names.end(), is_there)) continue;
    // One decides what is written: the hint's, where it has one.
    const bool chooses_output = names[0] == "-O" || names[0] == "-J" || names[0] == "-f";
    if (chooses_output && (holds(words, "-O") || holds(words, "-f") || (out && !has_out))) continue;
    const bool fits = is_pipeline || tool == "ktopic" ? holds(kClusterOptions, names[0])
                      : tool == info.name             ? true
                                                      : holds(kSharedOptions, names[0]);
    if (!fits) continue;
    const std::string value = word.value ? shown_value(*word.option, *word.value) : "";
    options.push_back(!word.value        ? word.name
                      : word.glue == " " ? word.name + " " + shell_word(value)
                                         : shell_word(word.name + word.glue + value));
  }
  std::string text = line.substr(0, begin) + tool;
  for (const std::string& one : options) text += " " + one;
  for (size_t i = 1; i < words.size(); ++i) text += " " + words[i];
  // Behind a pipe the last tool writes.
  if (is_pipeline && out && !has_out) {
    const auto last = std::find(words.rbegin(), words.rend(), "|");
    if (last != words.rbegin() && holds(kTools, *(last - 1))) text += " - " + shell_word(*out);
  }
  return text;
}

}  // namespace

std::optional<std::string> given_operand(const ToolInfo& info, const std::vector<std::string>& operands,
                                         const std::string& name) {
  size_t required = 0, places = 0;
  for (const Operand& one : info.operands) {
    if (one.is_rest || one.is_many) return std::nullopt;
    ++places;
    if (one.required) ++required;
  }
  if (operands.size() < required || operands.size() > places) return std::nullopt;
  size_t optional_left = operands.size() - required, next = 0;
  for (const Operand& one : info.operands) {
    if (!one.required) {
      if (optional_left == 0) continue;
      --optional_left;
    }
    if (one.name == name) return operands[next];
    ++next;
  }
  return std::nullopt;
}

std::string completed_hint(const ToolInfo& info, const GivenCommand& given, const std::string& hint) {
  std::string out;
  for (size_t from = 0; from < hint.size();) {
    const size_t end = std::min(hint.find('\n', from), hint.size());
    out += completed_line(info, given, hint.substr(from, end - from));
    if (end < hint.size()) out += '\n';
    from = end + 1;
  }
  return out;
}

}  // namespace kutils::cli
