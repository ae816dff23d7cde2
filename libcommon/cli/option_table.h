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
  std::string names;         // "-o", "--since", or "-x,--long"
  std::string metavar = {};  // what follows it; empty: a flag
  std::string help;          // one line, no full stop
  Group group = Group::tool;
  bool in_short_help = false;  // shown by --help, which must fit a screen; all are shown by --help-all
  bool hidden = false;
  bool is_secret = false;     // wiped from the process's arguments; has one name
  bool may_be_empty = false;  // an empty value says something; else it is refused: a shell variable not set
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

// "-x,--long" -> {"-x", "--long"}
std::vector<std::string> split_names(const std::string& names);

// A whole number within [low, high]; throws usage_error naming `option`.
int64_t parse_number(std::string_view option, std::string_view text, int64_t low, int64_t high);

}  // namespace kutils::cli
