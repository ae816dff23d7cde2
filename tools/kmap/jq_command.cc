#include "kmap/jq_command.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>
#include <vector>

namespace kutils {
namespace {

bool is_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

template <typename Range>
bool holds(const Range& all, std::string_view one) {
  return std::find(std::begin(all), std::end(all), one) != std::end(all);
}

struct ShellWord {
  size_t begin, end;  // in the command, quotes included
  std::string text;
};

// The words of the last command of a pipeline; nullopt: a shell makes more of it than words.
std::optional<std::vector<ShellWord>> last_of_pipeline(const std::string& command) {
  std::vector<ShellWord> words;
  for (size_t i = 0; i < command.size();) {
    const char c = command[i];
    if (c == ' ' || c == '\t') {
      ++i;
    } else if (c == '|' && command.compare(i, 2, "||") != 0 && command.compare(i, 2, "|&") != 0) {
      words.clear();
      ++i;
    } else {
      ShellWord word{i, i, {}};
      char quote = 0;
      for (; i < command.size(); ++i) {
        const char at = command[i];
        if (quote == '\'' ? at == '\'' : quote == '"' && at == '"') {
          quote = 0;
        } else if (quote == 0 && (at == '\'' || at == '"')) {
          quote = at;
        } else if (quote == 0 && (at == ' ' || at == '\t' || at == '|')) {
          break;
        } else if (quote != '\'' && at == '\\' && i + 1 < command.size()) {
          const char next = command[++i];
          if (quote == '"' && std::string_view("\"\\$`").find(next) == std::string_view::npos)
            word.text += '\\';
          word.text += next;
        } else if (quote != '\'' && (at == '$' || at == '`')) {
          return std::nullopt;
        } else if (quote == 0 && std::string_view("&;<>()\n").find(at) != std::string_view::npos) {
          return std::nullopt;
        } else {
          word.text += at;
        }
      }
      if (quote != 0) return std::nullopt;
      word.end = i;
      words.push_back(std::move(word));
    }
  }
  return words;
}

// A program of jq, read as far as it tells how many results it gives.
class Program {
 public:
  explicit Program(std::string_view text) : text_(text) {}
  // False: exactly one, or not known.
  bool gives_many() {
    read(0, 0);
    return many_ && !unknown_;
  }

 private:
  // Up to the bracket that closes, whose place it returns. `commas`: those of results.
  size_t read(size_t i, char close) {
    const bool commas = close != '}';
    while (i < text_.size() && !unknown_) {
      const char c = text_[i];
      if (c == close && close != 0) return i;
      if (c == '"') {
        i = behind_string(i);
      } else if (c == '#') {
        i = std::min(text_.find('\n', i), text_.size());
      } else if (c == '[') {
        i = read_bracket(i);
      } else if (c == '{') {
        i = read(i + 1, '}') + 1;
      } else if (c == '(') {
        i = i > 0 && is_letter(text_[i - 1]) ? behind_call(i) : read(i + 1, ')') + 1;
      } else if (is_letter(c) || c == '$' || c == '.') {
        i = read_word(i);
      } else {
        i = read_sign(i, commas);
      }
    }
    return i;
  }

  // `.items[]` gives each item; what stands within others is collected, or chooses one.
  size_t read_bracket(size_t i) {
    const size_t next = text_.find_first_not_of(' ', i + 1);
    const bool is_behind_value =
        i > 0 &&
        (is_letter(text_[i - 1]) || std::string_view(".])}\"?").find(text_[i - 1]) != std::string_view::npos);
    if (is_behind_value && next != text_.npos && text_[next] == ']') many_ = true;
    return behind_call(i);
  }

  size_t read_word(size_t i) {
    size_t end = i + 1;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    const std::string_view word = text_.substr(i, end - i);
    constexpr std::string_view kUnknown[] = {"reduce", "foreach", "def",  "label",
                                             "import", "include", "input"};
    constexpr std::string_view kMany[] = {"range", "recurse", "inputs", "splits",     "scan",
                                          "match", "capture", "paths",  "leaf_paths", "limit"};
    if (holds(kUnknown, word)) unknown_ = true;
    if (holds(kMany, word) || text_.substr(i, 2) == "..") many_ = true;
    // `select(.a) // 0` is always one, `.a // empty` is not.
    if (word == "select" || word == "empty") many_ = many_ || text_.find("//", end) == text_.npos;
    return end;
  }

  size_t read_sign(size_t i, bool commas) {
    constexpr std::string_view kComparisons[] = {"==", "!=", "<=", ">="};
    const std::string_view two = text_.substr(i, 2);
    if (holds(kComparisons, two)) return i + 2;
    // What is iterated is changed in its place: `.items[] |= f`, `.a[] = 1`
    if (two == "|=" || two == "+=" || two == "-=" || two == "*=" || two == "/=" || two == "%=" ||
        text_[i] == '=' || text_.substr(i, 3) == "//=")
      unknown_ = true;
    if (text_[i] == ',' && commas) many_ = true;
    return i + 1;
  }

  size_t behind_string(size_t i) {
    for (++i; i < text_.size() && text_[i] != '"'; ++i) {
      if (text_[i] != '\\') continue;
      if (++i < text_.size() && text_[i] == '(') i = behind_call(i) - 1;
    }
    return i + 1;
  }
  size_t behind_call(size_t i) {
    int depth = 0;
    while (i < text_.size()) {
      const char c = text_[i];
      if (c == '"') {
        i = behind_string(i);
        continue;
      }
      if (c == '(' || c == '[' || c == '{') ++depth;
      if ((c == ')' || c == ']' || c == '}') && --depth == 0) return i + 1;
      ++i;
    }
    return i;
  }

  std::string_view text_;
  bool many_ = false, unknown_ = false;
};

// Within double quotes where it can be, for the command stands in single ones.
std::string quoted(const std::string& program) {
  std::string out;
  if (program.find_first_of("$`!") != program.npos) {
    for (const char c : program) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return "'" + out + "'";
  }
  for (const char c : program) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return "\"" + out + "\"";
}

}  // namespace

std::string program_of_all_lines(const std::string& command) {
  const auto words = last_of_pipeline(command);
  if (!words || words->empty()) return {};
  const std::string name = words->front().text.substr(words->front().text.rfind('/') + 1);
  constexpr std::string_view kPrograms[] = {"sort",  "wc",    "uniq", "tail", "grep",
                                            "egrep", "fgrep", "shuf", "tac"};
  return holds(kPrograms, name) ? name : std::string();
}

std::optional<JqEachLine> jq_for_each_line(const std::string& command) {
  const auto words = last_of_pipeline(command);
  if (!words || words->empty()) return std::nullopt;
  const std::string& name = words->front().text;
  if (name != "jq" && !name.ends_with("/jq")) return std::nullopt;
  bool compact = false, raw = false, unbuffered = false;
  const ShellWord* program = nullptr;
  for (size_t i = 1; i < words->size(); ++i) {
    const std::string& word = (*words)[i].text;
    if (word == "--arg" || word == "--argjson") {
      i += 2;
    } else if (word == "--compact-output" || word == "--raw-output" || word == "--unbuffered" ||
               word == "--sort-keys" || word == "--ascii-output" || word == "--monochrome-output") {
      compact |= word == "--compact-output";
      raw |= word == "--raw-output";
      unbuffered |= word == "--unbuffered";
    } else if (word.size() > 1 && word[0] == '-') {
      if (word.find_first_not_of("crSaM", 1) != word.npos) return std::nullopt;
      compact |= word.find('c') != word.npos;
      raw |= word.find('r') != word.npos;
    } else if (program != nullptr) {
      return std::nullopt;  // a file
    } else {
      program = &(*words)[i];
    }
  }
  if (program == nullptr || !Program(program->text).gives_many()) return std::nullopt;
  return JqEachLine{command.substr(0, program->begin) + (compact ? "" : "-c ") +
                        (unbuffered ? "" : "--unbuffered ") + quoted("(" + program->text + "), \"\"") +
                        command.substr(program->end),
                    raw ? "" : "\"\""};
}

}  // namespace kutils
