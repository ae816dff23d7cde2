#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <system_error>

#include "base/printable.h"
#include "base/signal.h"
#include "cli/colour.h"
#include "cli/command_line.h"
#include "cli/completed_hint.h"
#include "cli/completion.h"
#include "cli/given_command.h"
#include "cli/help.h"
#include "cli/misplaced_operand.h"
#include "cli/operand_hints.h"
#include "cli/tool.h"
#include "kafka/library_version.h"

namespace kutils::cli {
namespace {

// What every tool answers without doing its work. The references outlive the table's use in run_tool().
void declare_questions(const ToolInfo& info, OptionTable& table) {
  const auto question = [&](const char* names, const char* help, auto text) {
    table.add(
        {.names = names,
         .help = help,
         .example = info.name + " " + split_names(names).front(),
         .group = Group::general,
         .answer = [text](const std::string&, const auto&) -> std::optional<std::string> { return text(); }});
  };
  question("--help,-h", "print this help", [&] { return short_help(info, table); });
  question("--help-all", "all options", [&] { return full_help(info, table); });
  question("--version,-V", "print the version, and those of libraries", [&] {
    return info.name + " (kutils) " KUTILS_VERSION "\nlibrdkafka " + kafka::library_version() +
           ", RocksDB " KUTILS_ROCKSDB_VERSION "\n";
  });
  table.add({.names = "--help-man",
             .metavar = "PART",
             .help = "a part of the man page in markdown",
             .group = Group::general,
             .hidden = true,
             .answer = [&](const std::string& part, const auto&) -> std::optional<std::string> {
               return man_part(info, table, part);
             }});
  table.add({.names = "--completion",
             .metavar = "SHELL",
             .help = "print a completion script: bash, zsh or fish",
             .by_default = "none",
             .example = "--completion bash",
             .group = Group::general,
             .choices = {"bash", "zsh", "fish"},
             .answer = [&](const std::string& shell, const auto&) -> std::optional<std::string> {
               return completion(info, table, shell);
             }});
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    throw Error(ExitCode::delivery, std::string("cannot write to standard output: ") + std::strerror(errno));
  }
}

// A program started with a closed stdin, stdout or stderr (`<&-`, some cron and container set-ups) would get
// a socket or a pipe of its own under that number, and wait for it or write lines into it. These fail as the
// closed ones would.
void fill_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    // The lowest free number is the one that was found closed; open the wrong way round, so that using it
    // fails.
    if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) return;  // NOLINT: all it can do
  }
}

// As many open files as the system lets us have. Shells give 1024, for the sake of programs that use
// select(2), which these and their libraries do not; the state of 150 partitions needs more, and so do the
// connections to a cluster of a few hundred brokers.
void raise_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);  // if not, the message about the file that cannot be opened says it
}

// librdkafka calls abort() where it is refused memory. Where memory is limited that is said, in place of a
// message of an assertion and a core file.
char abort_message[256];  // a signal handler can reach only statics
void explain_aborts_under_limit(const std::string& tool) {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  std::snprintf(abort_message, sizeof abort_message,
                "%s: a library aborted the process, as it does when memory is refused\n"
                "  this process may have %llu KiB of address space (ulimit -v): raise the limit\n",
                tool.c_str(), static_cast<unsigned long long>(limit.rlim_cur / 1024));
  struct sigaction action {};
  action.sa_handler = [](int) {
    (void)!write(STDERR_FILENO, abort_message, std::strlen(abort_message));
    _exit(static_cast<int>(ExitCode::delivery));
  };
  sigaction(SIGABRT, &action, nullptr);
}

// The arguments of a process are seen by every user of the machine (ps). What was parsed is a copy.
void wipe_secrets(const OptionTable& table, int argc, char** argv) {
  const auto wipe = [](char* text) { std::fill(text, text + std::strlen(text), '*'); };
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--") return;
    for (const Option& option : table.options()) {
      if (!option.is_secret) continue;
      if (word == option.names && i + 1 < argc) {
        wipe(argv[++i]);
        break;
      }
      if (word.size() > option.names.size() && word[option.names.size()] == '=' &&
          word.substr(0, option.names.size()) == option.names)
        wipe(argv[i] + option.names.size() + 1);
    }
  }
}

void report(const std::string& tool, const std::string& said, const std::string& advice, bool colour) {
  const std::string message = printable(said), hint = printable(advice);
  std::string text = (colour ? "\033[1;31m" + tool + ":\033[0m " : tool + ": ") + message + "\n";
  for (size_t from = 0; from < hint.size();) {
    const size_t end = std::min(hint.find('\n', from), hint.size());
    text += "  " + hint.substr(from, end - from) + "\n";
    from = end + 1;
  }
  std::fwrite(text.data(), 1, text.size(), stderr);
}

}  // namespace

static int run(Tool& tool, int argc, char** argv) {
  fill_standard_descriptors();
  raise_open_files();
  const ToolInfo info = tool.info();
  explain_aborts_under_limit(info.name);
  Colour colour = Colour::automatic;
  Operands operands;
  std::optional<GivenCommand> given;  // as it was before secrets are wiped; it shows none
  bool set_up = false;
  OptionTable table;
  try {
    tool.declare(table);
    declare_questions(info, table);
    table.add({.names = "--color",
               .metavar = "WHEN",
               .help = "auto, always (JSON and tables written, too) or never; see $NO_COLOR",
               .by_default = "auto",
               .example = "--color always",
               .group = Group::general,
               .set =
                   [&](const std::string& when) {
                     colour = parse_colour(when);
                     if (colour == Colour::always) tool.colour_data();
                   },
               .choices = {"auto", "always", "never"}});
    given.emplace(info, table, argc, argv);
    const CommandLine line = parse_command_line(info, table, argc, argv);
    wipe_secrets(table, argc, argv);
    bool asks = false;
    for (const auto& [index, value] : line.options) asks |= static_cast<bool>(table.options()[index].answer);
    if (!asks) {
      refuse_misplaced_operands(info, *given);
      refuse_forgotten_aggregates(info, *given);
      refuse_sql_as_name(info, *given);
    }
    for (const auto& [index, value] : line.options) {
      const Option& option = table.options()[index];
      if (!option.answer) continue;
      if (const auto text = option.answer(value, line.operands)) {
        print(*text);
        return static_cast<int>(ExitCode::ok);
      }
    }
    set_options(table, line);
    operands = name_operands(info, line.operands);
    tool.see_command(*given);
    tool.setup(operands);
    set_up = true;
    return static_cast<int>(tool.run());
  } catch (const Error& e) {
    std::string hint = e.hint();
    const auto* corrected = dynamic_cast<const CorrectedError*>(&e);
    if (corrected != nullptr && given) hint = given->hint(corrected->correction());
    if (corrected == nullptr && given) hint = completed_hint(info, *given, hint);
    const std::string cut =
        !set_up && given && e.code() == ExitCode::usage ? split_value_hint(*given) : std::string();
    if (!cut.empty()) {
      hint = cut;
    } else if (!set_up && given && e.code() == ExitCode::usage && hint.find("'--'") == std::string::npos) {
      std::string more = swapped_hint(info, operands, *given);
      if (more.empty()) more = spec_hint(info, table, argc, argv);
      if (more.empty() && hint.find("$KUTILS_BROKERS") != std::string::npos)
        more = split_spec_hint(info, *given);
      if (!more.empty()) hint += (hint.empty() ? "" : "\n") + more;
    }
    report(info.name, e.what(), hint, use_colour(colour, STDERR_FILENO));
    return static_cast<int>(e.code());
  } catch (const Interrupted&) {
    return 128 + process_stop().signal();
  } catch (const std::bad_alloc&) {
    report(info.name, "out of memory", "the limits of this process: ulimit -v, or its container's", false);
    return static_cast<int>(ExitCode::delivery);
  } catch (const std::system_error& e) {
    // Of threads, files and locks: the system refuses, and says which limit it is.
    report(info.name, std::string("the operating system refused: ") + e.what(),
           "the limits of this process: ulimit -a (-u threads, -v memory, -n open files), or its container's",
           false);
    return static_cast<int>(ExitCode::delivery);
  } catch (const std::exception& e) {
    report(info.name, std::string("internal error: ") + e.what(), "please report this with the command line",
           false);
    return static_cast<int>(ExitCode::delivery);
  }
}

int run_tool(Tool& tool, int argc, char** argv) {
  const int code = run(tool, argc, argv);
  if (code == 128 + SIGINT) die_of_interrupt_at_exit();
  return code;
}

}  // namespace kutils::cli
