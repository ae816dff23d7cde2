// Text as one word of a shell command, for hints that can be pasted.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kutils {

// As it is where no shell takes it for something else, else in single quotes.
inline std::string shell_word(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

// The words of a command that is made of shell_word()s; nullopt: it is another one (a pipe, quotes of another kind).
inline std::optional<std::vector<std::string>> shell_words(std::string_view command) {
  std::vector<std::string> words;
  bool begins = true, quoted = false;
  for (size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (!quoted && c == ' ') {
      begins = true;
      continue;
    }
    if (std::exchange(begins, false)) words.emplace_back();
    if (c == '\'')
      quoted = !quoted;
    else if (!quoted && c == '\\' && i + 1 < command.size())
      words.back() += command[++i];
    else if (!quoted && std::string_view("|&;<>()$`\"\n").find(c) != std::string_view::npos)
      return std::nullopt;
    else
      words.back() += c;
  }
  return quoted ? std::nullopt : std::make_optional(words);
}

}  // namespace kutils
