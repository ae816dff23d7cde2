#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "cli/colour.h"
#include "cli/command_line.h"
#include "cli/help.h"
#include "cli/tool.h"

namespace kutils::cli {
namespace {

// What every tool answers without doing its work.
struct Questions {
  bool help = false;
  bool help_all = false;
  bool man = false;
  bool version = false;
  std::string completion;
};

void declare_questions(OptionTable& table, Questions& questions) {
  table.add({.names = "--help", .metavar = "", .help = "say what the tool does", .group = Group::general,
             .set = [&](const std::string&) { questions.help = true; }});
  table.add({.names = "--help-all", .metavar = "", .help = "all options", .group = Group::general,
             .set = [&](const std::string&) { questions.help_all = true; }});
  table.add({.names = "--version", .metavar = "", .help = "print the version", .group = Group::general,
             .set = [&](const std::string&) { questions.version = true; }});
  table.add({.names = "--completion", .metavar = "SHELL", .help = "print a completion script: bash, zsh or fish",
             .group = Group::general, .set = [&](const std::string& shell) { questions.completion = shell; },
             .choices = {"bash", "zsh", "fish"}});
  table.add({.names = "--help-man", .metavar = "", .help = "the options in markdown, for the man page",
             .group = Group::general, .hidden = true, .set = [&](const std::string&) { questions.man = true; }});
}

bool is_question(const Option& option) {
  for (const char* name : {"--help", "--help-all", "--version", "--completion", "--help-man"}) {
    if (option.names == name) return true;
  }
  return false;
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw Error(ExitCode::delivery, std::string("cannot write to stdout: ") + std::strerror(errno));
  }
}

void report(const std::string& tool, const std::string& message, const std::string& hint, bool colour) {
  std::string text = (colour ? "\033[1;31m" + tool + ":\033[0m " : tool + ": ") + message + "\n";
  if (!hint.empty()) text += "  " + hint + "\n";
  std::fwrite(text.data(), 1, text.size(), stderr);
}

int answer(const ToolInfo& info, const OptionTable& table, const Questions& questions) {
  std::string text;
  if (questions.help) text = short_help(info, table);
  if (questions.help_all) text = full_help(info, table);
  if (questions.man) text = man_options(info, table);
  if (questions.version) text = info.name + " (kutils) " KUTILS_VERSION "\n";
  if (!questions.completion.empty()) text = completion(info, table, questions.completion);
  print(text);
  return static_cast<int>(ExitCode::ok);
}

}  // namespace

int run_tool(Tool& tool, int argc, char** argv) {
  const ToolInfo info = tool.info();
  Colour colour = Colour::automatic;
  try {
    OptionTable table;
    Questions questions;
    tool.declare(table);
    declare_questions(table, questions);
    table.add({.names = "--color", .metavar = "WHEN", .help = "auto, always or never; $NO_COLOR is honoured",
               .group = Group::general, .set = [&](const std::string& when) { colour = parse_colour(when); },
               .choices = {"auto", "always", "never"}});
    const CommandLine line = parse_command_line(info, table, argc, argv);
    bool asked = false;
    for (const auto& [index, value] : line.options) {
      const Option& option = table.options()[index];
      if (is_question(option)) {
        option.set(value);
        asked = true;
      }
    }
    if (asked) return answer(info, table, questions);
    for (const auto& [index, value] : line.options) table.options()[index].set(value);
    tool.setup(name_operands(info, line.operands));
    return static_cast<int>(tool.run());
  } catch (const Error& e) {
    report(info.name, e.what(), e.hint(), use_colour(colour, STDERR_FILENO));
    return static_cast<int>(e.code());
  } catch (const std::bad_alloc&) {
    report(info.name, "out of memory", "", false);
    return static_cast<int>(ExitCode::delivery);
  } catch (const std::exception& e) {
    report(info.name, std::string("internal error: ") + e.what(), "please report this with the command line", false);
    return static_cast<int>(ExitCode::delivery);
  }
}

}  // namespace kutils::cli
