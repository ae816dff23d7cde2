// The frame around every tool: parse, then run.
//
// A tool says what it is (ToolInfo), declares its options as data, checks everything in setup() - which opens
// nothing - and works in run(). Errors are thrown as kutils::Error and caught in one place, run_tool(), which
// prints `TOOL: message` and the hint to stderr and returns the exit code; only main() exits.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/option_table.h"

namespace kutils::cli {

struct Operand {
  std::string name;  // "EXPR", "IN"
  bool required = false;
  std::string help = {};  // one line for --help; may be empty
  bool is_spec = false;   // what to do; `@FILE` reads it from a file
  bool is_rest = false;   // all that follows, options included (kbroker's CMD)
  bool is_many = false;   // any number of these; the last operand
  // Of a first operand that names nothing, a number or a duration: whether a text is one. A topic does not look so.
  bool (*has_form)(const std::string& text) = nullptr;
  std::string suggested_topic = {};  // of a required OUT: with it a hint completes a command that lacks OUT
};

struct Example {
  std::string command;
  std::string what = {};  // may be empty
};

struct ToolInfo {
  std::string name;
  std::string summary;  // one line
  std::vector<Operand> operands;
  std::vector<Example> examples;  // two: --help ends with them
};

// The operands of one call, by name; those of is_rest and is_many by rest(). Required ones are served first,
// then the optional ones from the left.
class Operands {
 public:
  Operands() = default;
  Operands(std::map<std::string, std::string> values, std::vector<std::string> rest)
      : values_(std::move(values)), rest_(std::move(rest)) {}
  std::optional<std::string> find(const std::string& name) const {
    const auto at = values_.find(name);
    return at == values_.end() ? std::nullopt : std::make_optional(at->second);
  }
  // REQUIRES: a required operand of the tool.
  const std::string& get(const std::string& name) const { return values_.at(name); }
  const std::vector<std::string>& rest() const { return rest_; }

 private:
  std::map<std::string, std::string> values_;
  std::vector<std::string> rest_;
};

class GivenCommand;

class Tool {
 public:
  virtual ~Tool() = default;
  virtual ToolInfo info() const = 0;
  virtual void declare(OptionTable& options) = 0;
  // Finds all that can be wrong with options and operands. Opens nothing (a SPEC's @FILE was read before).
  // Options have been set. Throws usage_error.
  virtual void setup(const Operands& operands) = 0;
  virtual ExitCode run() = 0;
  // --color always: data is coloured, too. Called before setup().
  virtual void colour_data() {}
  // The command line, for notes that show a corrected one. Lives as long as run(). Called before setup().
  virtual void see_command(const GivenCommand&) {}
};

// What main() returns. `argv` as main() got it.
int run_tool(Tool& tool, int argc, char** argv);

}  // namespace kutils::cli
