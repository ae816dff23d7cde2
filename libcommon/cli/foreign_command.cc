#include "cli/foreign_command.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/shell_word.h"

namespace kutils::cli {
namespace {

// `ours`: the option here, "*" its value; "@ *" an operand, "@1 *" the first one, "@f *" a file; "!NAME" the verb; "": nothing.
struct Word {
  std::string_view tools;  // empty: any of kTools
  std::string_view option;
  std::string_view ours;
};
constexpr std::string_view kTools = "kread kwrite ktopic koffset klag";
constexpr Word kWords[] = {
    {"", "--bootstrap-server", "-b *"},
    {"", "--bootstrap-servers", "-b *"},
    {"", "--broker-list", "-b *"},
    {"", "--brokers", "-b *"},
    {"", "--command-config", "-F *"},
    {"", "--consumer.config", "-F *"},
    {"", "--producer.config", "-F *"},
    {"", "--topic", "@ *"},
    {"kread kwrite ktopic", "-t", "@ *"},
    {"koffset klag", "--group", "@1 *"},
    {"koffset klag", "-g", "@1 *"},
    {"kread", "--group", "-g *"},
    {"kread", "-G", "-g *"},
    {"kread", "-C", ""},
    {"kread", "-u", ""},
    {"kread", "--from-beginning", "-o beginning"},
    {"kread", "--offset", "-o *"},
    {"kread", "--partition", "-p *"},
    {"kread", "--max-messages", "-c *"},
    {"kread", "--num", "-c *"},
    {"kread", "-n", "-c *"},
    {"kread", "--skip-message-on-error", "--on-error skip"},
    {"kread ktopic", "-L", "!list"},
    {"kwrite", "-P", ""},
    {"kwrite", "-l", "@f *"},
    {"kwrite", "--sync", ""},
    {"ktopic koffset", "--list", "!list"},
    {"ktopic koffset", "-l", "!list"},
    {"ktopic", "--describe", "!describe"},
    {"ktopic", "--create", "!create"},
    {"ktopic", "--delete", "!delete"},
    {"ktopic", "--alter", "!alter"},
    {"ktopic", "--if-not-exists", "--if-missing"},
    {"ktopic", "--replication-factor", "--replication *"},
    {"ktopic", "--add-config", "--config *"},
    {"ktopic", "--delete-config", "--unset *"},
    {"koffset", "--describe", "!show"},
    {"koffset", "--delete", "!delete"},
    {"koffset", "--all-groups", "!list"},
    {"koffset", "--reset-offsets", "!reset"},
    {"koffset", "--to-earliest", "-o beginning"},
    {"koffset", "--to-latest", "-o end"},
    {"koffset", "--to-offset", "-o *"},
    {"koffset", "--to-datetime", "--since *"},
    {"koffset", "--dry-run", ""},
    {"klag", "--describe", ""},
    {"klag", "--offsets", ""},
};

bool is_among(std::string_view name, std::string_view names) {
  for (size_t at = 0; at < names.size();) {
    const size_t end = std::min(names.find(' ', at), names.size());
    if (names.substr(at, end - at) == name) return true;
    at = end + 1;
  }
  return false;
}

const Option* our_option(const OptionTable& table, std::string_view name) {
  for (const Option& option : table.options()) {
    const auto names = split_names(option.names);
    if (std::find(names.begin(), names.end(), name) != names.end()) return &option;
  }
  return nullptr;
}

bool may_be_secret(std::string_view option) { return option == "-X" || option == "-F"; }

struct Command {
  std::string verb;
  std::vector<std::string> options, first, operands, bare;
  bool shows_key = false;
  std::string separator = "'\\t'";  // as the scripts have it
  int foreign = 0;
};

// --property print.key=true, parse.key=true, key.separator=:
bool add_property(const std::string& property, Command& command) {
  const size_t equals = property.find('=');
  if (equals == std::string::npos) return false;
  const std::string name = property.substr(0, equals), value = property.substr(equals + 1);
  command.foreign += 2;  // none of our options is like it
  if (name == "print.key" || name == "parse.key") {
    command.shows_key = value == "true";
  } else if (name == "key.separator") {
    command.separator = shell_word(value);
  } else if (name == "print.headers" || name == "print.timestamp" || name == "print.partition" ||
             name == "print.offset" || name == "parse.headers") {
    if (value == "true") command.options.emplace_back("-J");
  } else {
    return name == "print.value" && value == "true";
  }
  return true;
}

std::string with_value(std::string_view ours, const std::string& value) {
  return std::string(ours.substr(0, ours.size() - 1)) + shell_word(value);
}

void add(const Word& word, const std::string& value, Command& command) {
  ++command.foreign;
  if (word.ours.empty()) return;
  if (word.ours.starts_with("!")) {
    if (command.verb.empty()) command.verb = word.ours.substr(1);
  } else if (word.ours == "@f *") {
    command.first.push_back(shell_word(value.find('/') == std::string::npos ? "./" + value : value));
  } else if (word.ours.starts_with("@1")) {
    command.first.push_back(shell_word(value));
  } else if (word.ours.starts_with("@")) {
    command.operands.push_back(shell_word(value));
  } else {
    command.options.push_back(word.ours.ends_with("*") ? with_value(word.ours, value)
                                                       : std::string(word.ours));
  }
}

}  // namespace

std::optional<std::string> foreign_command(const ToolInfo& info, const OptionTable& table, int argc,
                                           char** argv) {
  if (!is_among(info.name, kTools)) return std::nullopt;
  const bool has_verb = info.operands.front().name == "VERB";
  Command command;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.size() < 2 || argument[0] != '-') {
      command.bare.push_back(shell_word(argument));
      continue;
    }
    const bool is_long = argument[1] == '-';
    const size_t equals = is_long ? argument.find('=') : std::string::npos;
    const std::string name = is_long ? argument.substr(0, equals) : argument.substr(0, 2);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = argument.substr(equals + 1);
    if (!is_long && argument.size() > 2) value = argument.substr(2);
    const auto next = [&]() -> const std::string* {
      if (!value && i + 1 < argc) value = argv[++i];
      return value ? &*value : nullptr;
    };
    if (may_be_secret(name)) return std::nullopt;
    if (const Option* ours = our_option(table, name)) {
      if (ours->metavar.empty()) {
        if (value) return std::nullopt;  // -qu
        command.options.push_back(name);
      } else if (next()) {
        command.options.push_back(name + " " + shell_word(*value));
      } else {
        return std::nullopt;
      }
      continue;
    }
    if (name == "--property" || name == "--formatter-property" || name == "--reader-property") {
      if (has_verb || !next() || !add_property(*value, command)) return std::nullopt;
      continue;
    }
    const auto* const word = std::find_if(std::begin(kWords), std::end(kWords), [&](const Word& one) {
      return one.option == name && (one.tools.empty() || is_among(info.name, one.tools));
    });
    if (word == std::end(kWords)) return std::nullopt;
    const bool takes_value = word->ours.ends_with("*");
    if (takes_value ? !next() : value.has_value()) return std::nullopt;
    add(*word, takes_value ? *value : "", command);
  }
  // `ktopic create --topic a`: the verb is ours already.
  if (has_verb && command.verb.empty() && !command.bare.empty()) {
    command.verb = command.bare.front();
    command.bare.erase(command.bare.begin());
  }
  command.operands.insert(command.operands.end(), command.bare.begin(), command.bare.end());
  if (command.shows_key) command.options.push_back("-K " + command.separator);
  // kcat -L, and kafka-topics --describe of all of them.
  const bool lists = command.verb == "list" || (info.name == "kread" && !command.verb.empty());
  if (command.verb == "describe" && command.operands.empty()) command.verb = "list";
  if (command.verb == "show" && command.first.empty() && command.operands.empty()) command.verb = "list";
  std::string name = info.name == "kread" && lists ? "ktopic" : info.name;
  // --partitions of --alter: more of them.
  const auto partitions = std::find_if(command.options.begin(), command.options.end(),
                                       [](const auto& one) { return one.starts_with("--partitions "); });
  if (command.verb == "alter" && partitions != command.options.end()) {
    command.verb = "grow";
    command.first.push_back(partitions->substr(partitions->find(' ') + 1));
    command.options.erase(partitions);
  }
  const bool is_verb_alone = has_verb && !command.verb.empty();
  if (command.foreign == 0 || (command.foreign < 2 && !is_verb_alone)) return std::nullopt;
  if (has_verb && command.verb.empty()) return std::nullopt;
  std::string text = name;
  if (!command.verb.empty()) text += " " + command.verb;
  for (const auto* part : {&command.options, &command.first, &command.operands})
    for (const std::string& one : *part) text += " " + one;
  return text;
}

}  // namespace kutils::cli
