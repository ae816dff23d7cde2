// The command line as it was given. Every hint that shows a command makes it here, so that it keeps what was not
// mistaken: all options and their values, quoted for the shell.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/correction.h"
#include "cli/tool.h"

namespace kutils::cli {

class GivenCommand {
 public:
  struct Word {
    enum class Kind { option, unknown, operand };
    Kind kind = Kind::operand;
    std::string name = {};                  // an option's, as it was given; an operand's text
    std::optional<std::string> value = {};  // of an option
    const Option* option = nullptr;         // null: none of ours
    std::string glue = " ";                 // what stood between name and value: a space, `=` or nothing
  };
  // Of an option that is none of ours: whether what follows is its value; nullopt: not known.
  using TakesValue = std::function<std::optional<bool>(const std::string& name)>;

  // Never throws: mistakes are what it is for. `info` and `table` outlive it.
  GivenCommand(const ToolInfo& info, const OptionTable& table, int argc, const char* const* argv,
               const TakesValue& takes_value = {});

  const std::vector<Word>& words() const { return words_; }
  const ToolInfo& info() const { return info_; }
  std::vector<std::string> operands() const;
  bool takes(const std::string& option) const;                // as the tool does
  bool has(const std::string& option) const;                  // as it was given
  const std::string* value(const std::string& option) const;  // null: it was not given, or without one

  // The words of the command that was meant. Values that may be secrets are `***`.
  std::vector<std::string> corrected(const Correction& correction) const;
  // The hint: correction.before, the command for a shell, correction.after.
  std::string hint(const Correction& correction) const;

 private:
  const ToolInfo& info_;
  const OptionTable& table_;
  std::vector<Word> words_;
};

// The option that has `name` (`-g`, `--group`) among its names; null: none has.
const Option* find_option(const OptionTable& table, const std::string& name);

// Words as one command for a shell.
std::string shell_command(const std::vector<std::string>& words);

// One option as it is shown: a value that may be a secret (-X sasl.password=..., --http-token) is `***`.
std::string shown_value(const Option& option, const std::string& value);

}  // namespace kutils::cli
