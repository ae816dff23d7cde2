// Options as data: declared once by a tool and by the shared groups, used for parsing, --help, man pages and
// completion.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kutils::cli {

// Headings of --help-all and of the man page, in this order.
enum class Group { tool, output, lines, reading, cluster, delivery, general };
const char* title(Group group);

struct Option {
  std::string names;            // "-o", "--since", or "-x,--long"
  std::string metavar = {};     // what follows it; empty: a flag
  std::string help;             // one line, no full stop
  std::string by_default = {};  // what holds without it, for the man page; empty: a flag, which is off
  std::string example =
      {};  // for the man page: the option with a value, and others that it needs, or a whole command
  Group group = Group::tool;
  bool in_short_help = false;  // shown by --help, which must fit a screen; all are shown by --help-all
  bool hidden = false;
  bool is_secret = false;     // wiped from the process's arguments; has one name
  bool may_be_empty = false;  // an empty value says something; else it is refused: a shell variable not set
  bool is_list = false;       // each value adds to the others; else a second one is refused
  // One value that says what several do, for the hint of the refusal; "" where none does.
  std::string (*joined)(const std::vector<std::string>& values) = nullptr;
  const char* joined_means = nullptr;  // in front of the hint's command, if not `write: `
  bool accepts_joined = false;         // it is set in place of them, and nothing is refused
  // Called once per occurrence, in order ("" for a flag), after the whole command line was found to be well
  // formed. Throws usage_error. May be empty for a question.
  std::function<void(const std::string& value)> set = {};
  std::vector<std::string> choices = {};  // for completion
  // For options that ask a question (--help, --functions [NAME], -X list): the text to print instead of
  // working, or nullopt where this value is no question. Asked before anything is set.
  std::function<std::optional<std::string>(const std::string& value,
                                           const std::vector<std::string>& operands)>
      answer = {};
};

class OptionTable {
 public:
  // REQUIRES: none of the names was added before.
  void add(Option option);
  const std::vector<Option>& options() const { return options_; }

 private:
  std::vector<Option> options_;
};

// For Option::joined: `a,b`, `(a) && (b)`.
std::string joined_by_comma(const std::vector<std::string>& values);
std::string joined_as_list(const std::vector<std::string>& values);  // `[a, b]`
std::string joined_by_and(const std::vector<std::string>& conditions);

// Of an option NAME=VALUE that is a list: throws usage_error if one of `earlier` has this one's NAME. The values are
// not shown, they may be secret.
void refuse_repeated_name(const std::string& option, const std::string& text,
                          const std::vector<std::string>& earlier);

// "-x,--long" -> {"-x", "--long"}
std::vector<std::string> split_names(const std::string& names);

// A whole number within [low, high]; throws usage_error naming `option`.
int64_t parse_number(std::string_view option, std::string_view text, int64_t low, int64_t high);

}  // namespace kutils::cli
