#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/read_line.h"
#include "base/shell_word.h"
#include "cli/foreign_command.h"
#include "cli/operand_hints.h"
#include "cli/unknown_option.h"

namespace kutils::cli {
namespace {

bool takes_value(const OptionTable& table, const std::string& name) {
  const Option* option = find_option(table, name);
  return option != nullptr && !option->metavar.empty();
}

// `--by=` as `--by ''`: CLI11 would take the next argument for the value. What follows the first word of a
// command is the command's.
std::vector<std::string> split_empty_values(const OptionTable& table, int argc, char** argv,
                                            bool is_command) {
  std::vector<std::string> out;
  bool ours = true;
  for (int i = 1; i < argc; ++i) {
    out.emplace_back(argv[i]);
    std::string& argument = out.back();
    if (argument == "--" || (is_command && argument[0] != '-')) ours = false;
    if (!ours || argument.rfind("--", 0) != 0 || argument.find('=') != argument.size() - 1) continue;
    const std::string name = argument.substr(0, argument.size() - 1);
    if (!takes_value(table, name)) continue;
    argument = name;
    out.emplace_back();
  }
  return out;
}

}  // namespace

std::string usage_line(const ToolInfo& info) {
  return "usage: " + info.name + " [OPTIONS] " + operand_usage(info);
}

std::string operand_usage(const ToolInfo& info) {
  std::string out;
  size_t open = 0;
  for (size_t i = 0; i < info.operands.size(); ++i) {
    const Operand& operand = info.operands[i];
    if (!out.empty()) out += ' ';
    const bool repeats = (operand.is_rest || operand.is_many) && operand.name.find(' ') == std::string::npos;
    const std::string name = operand.name + (repeats ? "..." : "");
    if (operand.required) {
      out += name;
      continue;
    }
    out += "[" + name;
    // `[IN [OUT]]`, but `[IN] OUT`.
    const bool next_is_optional = i + 1 < info.operands.size() && !info.operands[i + 1].required;
    if (next_is_optional) {
      ++open;
    } else {
      out += std::string(open + 1, ']');
      open = 0;
    }
  }
  return out;
}

CommandLine parse_command_line(const ToolInfo& info, const OptionTable& table, int argc, char** argv) {
  CommandLine line;
  CLI::App app(info.summary, info.name);
  app.set_help_flag("");
  app.allow_extras();
  if (std::any_of(info.operands.begin(), info.operands.end(), [](const Operand& o) { return o.is_rest; })) {
    app.prefix_command();
  }
  for (size_t i = 0; i < table.options().size(); ++i) {
    const Option& option = table.options()[i];
    if (option.metavar.empty()) {
      app.add_flag_function(option.names,
                            [&line, i](int64_t count) {
                              for (int64_t n = 0; n < count; ++n) line.options.emplace_back(i, "");
                            })
          ->disable_flag_override();
    } else {
      CLI::callback_t take = [&line, i](const CLI::results_t& values) {
        for (const std::string& value : values) line.options.emplace_back(i, value);
        return true;
      };
      app.add_option(option.names, std::move(take))->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
  }
  std::vector<std::string> arguments = split_empty_values(table, argc, argv, app.get_prefix_command());
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  try {
    app.parse(arguments);
  } catch (const CLI::ArgumentMismatch& e) {
    // CLI11's message begins with the option's name.
    std::string name = e.what();
    name.erase(std::min(name.find(' '), name.find(':')));
    if (name[0] != '-') name.insert(0, name.size() == 1 ? "-" : "--");
    const Option* option = find_option(table, name);
    const std::string what = option == nullptr ? e.what()
                             : option->metavar.empty()
                                 ? "option '" + name + "' takes no value"
                                 : "option '" + name + "' needs a value: " + name + " " + option->metavar;
    std::string hint = spec_hint(info, table, argc, argv);
    // kcat's -Z
    if (const auto theirs = foreign_command(info, table, argc, argv);
        hint.empty() && theirs && !theirs->command.empty())
      hint = theirs->remarks + "write: " + theirs->command;
    throw usage_error(what, hint);
  } catch (const CLI::ParseError& e) {
    throw usage_error(e.what(), spec_hint(info, table, argc, argv));
  }
  bool only_operands = false;
  for (const std::string& argument : app.remaining()) {
    // What follows the first word of a command belongs to the command.
    if (app.get_prefix_command() && !line.operands.empty()) only_operands = true;
    if (!only_operands && argument == "--") {
      only_operands = true;
    } else if (!only_operands && argument.size() > 1 && argument[0] == '-') {
      throw unknown_option(info, table, argument, argc, argv);
    } else {
      line.operands.push_back(argument);
    }
  }
  return line;
}

namespace {

// Of several values each but one would be passed over in silence.
void refuse_repeated(const Option& option, const std::vector<std::string>& values, const std::string& meant) {
  const std::string name = split_names(option.names).front();
  std::string all;
  for (const std::string& value : values)
    all += (all.empty() ? "" : ", ") + shell_word(shown_value(option, value));
  const bool differ =
      std::any_of(values.begin(), values.end(), [&](const std::string& one) { return one != values[0]; });
  const std::string last = shown_value(option, values.back());
  const std::string times = values.size() == 2 ? "twice" : std::to_string(values.size()) + " times";
  const std::string what = name + " is given " + times + ": " + all;
  if (last.empty()) throw usage_error(what, "it takes one value");
  Correction correction{.add = {{name, last}}};
  if (differ && !meant.empty()) {
    correction.add[0].second = meant;
    if (option.joined_means != nullptr) correction.before = option.joined_means;
  } else if (differ) {
    correction.before = "it takes one value; with the last one: ";
  }
  throw CorrectedError(what, correction);
}

// As they are to be set: where values of one option make one together, that one alone.
std::vector<std::pair<size_t, std::string>> once_each(const OptionTable& table, const CommandLine& line) {
  std::vector<std::pair<size_t, std::string>> out;
  for (size_t i = 0; i < line.options.size(); ++i) {
    const auto& [index, first] = line.options[i];
    const Option& option = table.options()[index];
    const auto is_same = [index = index](const auto& other) { return other.first == index; };
    if (option.metavar.empty() || option.is_list) {
      out.push_back(line.options[i]);
      continue;
    }
    if (std::any_of(out.begin(), out.end(), is_same)) continue;
    std::vector<std::string> values;
    for (const auto& [other, value] : line.options)
      if (other == index) values.push_back(value);
    std::string value = values.front();
    const auto empty = std::find(values.begin(), values.end(), std::string());
    if (empty != values.end() && !option.may_be_empty) {
      value.clear();  // set_options() says what is wrong with it
    } else if (values.size() > 1) {
      value = option.joined != nullptr ? option.joined(values) : std::string();
      if (!option.accepts_joined || value.empty()) refuse_repeated(option, values, value);
    }
    out.emplace_back(index, value);
  }
  return out;
}

}  // namespace

void set_options(const OptionTable& table, const CommandLine& line) {
  for (const auto& [index, value] : once_each(table, line)) {
    const Option& option = table.options()[index];
    if (value.empty() && !option.metavar.empty() && !option.may_be_empty)
      throw usage_error(
          "the value of '" + option.names + "' is empty: " + option.names + " " + option.metavar,
          "a shell variable that is not set? Leave the option out for its default");
    // `--by uri, country`
    if (option.metavar == "EXPR" && value.size() > 1 && value.back() == ',')
      throw usage_error(
          "the value of '" + option.names + "' ends with a comma",
          "the shell splits a value at its spaces; quote it: " + option.names + " '" + value + " ...'");
    if (option.set) option.set(value);
  }
}

std::string read_spec(const std::string& spec) {
  if (spec.empty() || spec[0] != '@') return spec;
  const std::string path = spec.substr(1);
  std::ifstream file(path);
  if (!file) {
    const std::string why = std::strerror(errno);
    // @timestamp, as Logstash names its field.
    const size_t end =
        path.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    const std::string field = path.substr(0, end);
    throw usage_error("cannot read '" + path + "': " + why,
                      std::string("'@FILE' reads the expression from FILE") +
                          (field.empty() ? ""
                                         : "; a field called @" + field + " is written: _value[\"@" + field +
                                               "\"]" + (end == path.npos ? "" : path.substr(end))));
  }
  std::string out;
  for (std::string text; read_line(file, text, path);) {
    const size_t first = text.find_first_not_of(" \t\r");
    // A comment becomes an empty line, so that carets still point to the right line.
    if (first == text.npos || text[first] != '#') out += text;
    out += '\n';
    if (out.size() > kMostLineBytes)
      throw usage_error("'" + path + "' is longer than 1 MiB, too long for an expression",
                        "give the file that was meant");
  }
  if (file.bad()) throw usage_error("cannot read '" + path + "': " + std::strerror(errno));
  while (!out.empty() && std::strchr(" \t\r\n", out.back())) out.pop_back();
  if (out.empty()) throw usage_error("'" + path + "' holds no expression");
  return out + '\n';  // its last line may end in a comment
}

Operands name_operands(const ToolInfo& info, const std::vector<std::string>& given) {
  std::map<std::string, std::string> values;
  std::vector<std::string> rest;
  size_t required = 0;
  size_t places = 0;
  bool has_rest = false;
  for (const Operand& operand : info.operands) {
    if (operand.is_rest || operand.is_many) {
      has_rest = true;
    } else {
      ++places;
      if (operand.required) ++required;
    }
  }
  const std::string usage = usage_line(info);
  if (given.size() < required) {
    // Name the first that is missing, in order, given that what is there was taken from the left.
    size_t seen = 0;
    for (const Operand& operand : info.operands) {
      if (!operand.required) continue;
      if (seen++ < given.size()) continue;
      if (!operand.suggested_topic.empty()) {
        Correction meant{.before = "it is written to a topic, which kread reads: "};
        meant.operands = given;
        meant.operands->push_back(operand.suggested_topic);
        throw CorrectedError("missing operand OUT after '" + given.back() + "'", meant);
      }
      throw usage_error(
          "missing operand " + operand.name + (given.empty() ? "" : " after '" + given.back() + "'"), usage);
    }
  }
  refuse_expanded_star(info, given);
  refuse_split_names(info, given);
  if (given.size() > places && !has_rest) refuse_extra_operands(info, given);
  refuse_form_in_name(info, given);
  refuse_split_spec(info, given);
  size_t optional_left = std::min(given.size(), places) - required;
  size_t next = 0;
  for (const Operand& operand : info.operands) {
    if (operand.is_rest || operand.is_many) continue;
    if (!operand.required) {
      if (optional_left == 0) continue;
      --optional_left;
    }
    const std::string& text = given[next++];
    if (operand.is_spec)
      refuse_file_as_spec(info, operand,
                          {given.begin() + static_cast<std::ptrdiff_t>(next) - 1, given.end()});
    values[operand.name] = operand.is_spec ? read_spec(text) : text;
    if (operand.is_spec && values[operand.name].find_first_not_of(" \t\n") == std::string::npos) {
      throw usage_error("the " + operand.name + " is empty", usage);
    }
  }
  rest.assign(given.begin() + static_cast<std::ptrdiff_t>(next), given.end());
  return Operands(std::move(values), std::move(rest));
}

}  // namespace kutils::cli
