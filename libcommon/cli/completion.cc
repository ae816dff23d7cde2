#include "cli/completion.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>
#include <vector>

#include "cli/cluster_options.h"
#include "kafka/cluster_admin.h"

namespace kutils::cli {
namespace {

constexpr Millis kConnectLimit{1'000};
constexpr Millis kWholeLimit{1'500};

// What an operand may be.
struct Wanted {
  bool topics = false, groups = false, files = false;
  std::vector<std::string> words = {};  // verbs
};

// The first words of `list (default) | show | grow N`; none where it is no such list.
std::vector<std::string> words_of(const std::string& help) {
  std::vector<std::string> words;
  if (help.find('|') == std::string::npos) return words;
  for (size_t at = 0; at < help.size();) {
    const size_t end = std::min(help.find('|', at), help.size());
    const size_t from = help.find_first_not_of(' ', at);
    if (from < end) {
      const size_t stop = std::min(help.find(' ', from), end);
      const std::string word = help.substr(from, stop - from);
      if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string::npos) words.push_back(word);
    }
    at = end + 1;
  }
  return words;
}

Wanted wanted_of(const ToolInfo& info, size_t index, bool asks) {
  const Operand& operand = info.operands[index];
  const std::string& name = operand.name;
  Wanted out;
  std::string help = operand.help;
  if (!help.empty() && help.back() == '|' && index + 1 < info.operands.size())
    help += info.operands[index + 1].help;  // it goes on there
  if (index == 0) out.words = words_of(help);
  if (!out.words.empty()) return out;
  out.files = name != "GROUP";
  if (!asks) return out;
  const auto is = [&name](std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  out.topics = is({"IN", "OUT", "LEFT", "RIGHT", "TOPIC", "TABLE", "ARG", "NAME"});
  out.groups = is({"GROUP", "ARG", "NAME"});
  return out;
}

bool completes_files(const Option& option) { return option.metavar == "FILE" || option.metavar == "DIR"; }
bool names_group(const Option& option) { return option.names == "-g" || option.metavar == "GROUP"; }
bool names_topic(const Option& option) { return option.metavar == "TOPIC"; }

bool has_names(const OptionTable& table) {
  return std::any_of(table.options().begin(), table.options().end(),
                     [](const Option& one) { return one.names == kCompleteNames; });
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// All names of options that take a value.
std::string options_with_value(const OptionTable& table, const char* between) {
  std::string out;
  for (const Option& option : table.options())
    if (!option.metavar.empty() && !option.hidden)
      for (const std::string& name : split_names(option.names)) out += (out.empty() ? "" : between) + name;
  return out;
}

// Quotes for single-quoted words of bash, zsh and fish.
std::string quoted(const std::string& text, const char* quote_escape) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += quote_escape;
    } else {
      out += c;
    }
  }
  return out + "'";
}

// --- bash

std::string bash_reply(const std::string& tool, const Wanted& wanted) {
  std::string out = "COMPREPLY=(";
  if (!wanted.words.empty())
    out += "$(compgen -W " + quoted(joined(wanted.words), "'\\''") + " -- \"$cur\") ";
  for (const auto& [asks, what] : {std::pair{wanted.topics, "topics"}, {wanted.groups, "groups"}})
    if (asks) out += "$(compgen -W \"$(_" + tool + "_names " + what + ")\" -- \"$cur\") ";
  if (wanted.files) out += "$(compgen -f -- \"$cur\") ";
  if (out.back() == ' ') out.pop_back();
  return out + ")";
}

std::string bash_completion(const ToolInfo& info, const OptionTable& table) {
  const bool asks = has_names(table);
  const std::string& tool = info.name;
  std::string all;
  std::string cases;
  for (const Option& option : table.options()) {
    if (option.hidden) continue;
    std::string patterns;
    for (const std::string& name : split_names(option.names)) {
      all += (all.empty() ? "" : " ") + name;
      patterns += (patterns.empty() ? "" : "|") + name;
    }
    if (option.metavar.empty()) continue;
    cases += "    " + patterns + ") ";
    Wanted value;
    if (!option.choices.empty()) {
      value.words = option.choices;
    } else if (completes_files(option)) {
      value.files = true;
    } else if (asks) {
      value.groups = names_group(option);
      value.topics = names_topic(option);
    }
    if (!value.words.empty() || value.files || value.groups || value.topics)
      cases += bash_reply(tool, value) + "; ";
    cases += "return ;;\n";
  }
  std::string out = "# bash completion for " + tool + "; made from its option table\n";
  if (asks)
    out +=
        "_" + tool +
        "_names() {\n"
        "  local env_of=()\n"
        "  [[ $COMP_LINE =~ [[:space:]]-b[[:space:]]*([^[:space:]]+) ]] && env_of+=(\"KUTILS_BROKERS=${BASH_REMATCH[1]}\")\n"
        "  [[ $COMP_LINE =~ [[:space:]]-F[[:space:]]*([^[:space:]]+) ]] && env_of+=(\"KUTILS_CONFIG=${BASH_REMATCH[1]}\")\n"
        "  env \"${env_of[@]}\" " +
        tool + " " + kCompleteNames + " \"$1\" 2>/dev/null\n}\n";
  out +=
      "_" + tool +
      "() {\n  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} n=0 i skip=\n  COMPREPLY=()\n"
      "  case $prev in\n" +
      cases + "  esac\n  if [[ $cur == -* ]]; then\n    COMPREPLY=($(compgen -W '" + all +
      "' -- \"$cur\"))\n    return\n  fi\n"
      // bash takes a:b and a=b for three words.
      "  [[ $cur == [:=] ]] && cur=\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    if [[ ${COMP_WORDS[i]} == [:=] ]]; then ((i + 1 < COMP_CWORD)) || ((n--)); ((i++)); skip=; continue; fi\n"
      "    if [[ $skip ]]; then skip=; continue; fi\n"
      "    case ${COMP_WORDS[i]} in\n      " +
      options_with_value(table, "|") + ") skip=1 ;;\n      -?*) ;;\n      *) ((++n)) ;;\n    esac\n  done\n";
  out += "  case $n in\n";
  for (size_t i = 0; i < info.operands.size(); ++i) {
    const bool repeats = info.operands[i].is_many || info.operands[i].is_rest;
    out += std::string("    ") + (repeats ? "*" : std::to_string(i)) + ") " +
           bash_reply(tool, wanted_of(info, i, asks)) + " ;;\n";
  }
  return out + "  esac\n}\ncomplete -o filenames -F _" + tool + " " + tool + "\n";
}

// --- zsh

std::string zsh_action(const std::string& tool, const Wanted& wanted) {
  if (!wanted.words.empty()) return "(" + joined(wanted.words) + ")";
  if (wanted.topics && wanted.groups) return "_" + tool + "_any";
  if (wanted.topics) return "_" + tool + "_topics";
  if (wanted.groups) return "_" + tool + "_groups";
  return wanted.files ? "_files" : " ";
}

std::string zsh_completion(const ToolInfo& info, const OptionTable& table) {
  const bool asks = has_names(table);
  const std::string& tool = info.name;
  std::string out = "#compdef " + tool + "\n# made from the option table of " + tool + "\n";
  if (asks)
    out += "_" + tool +
           "_names() {\n"
           "  local -a found env_of\n"
           "  local at=${words[(I)-b]}\n"
           "  (( at > 0 && at < $#words )) && env_of+=(KUTILS_BROKERS=${words[at+1]})\n"
           "  at=${words[(I)-F]}\n"
           "  (( at > 0 && at < $#words )) && env_of+=(KUTILS_CONFIG=${words[at+1]})\n"
           "  found=(${(f)\"$(env $env_of " +
           tool + " " + kCompleteNames + " $1 2>/dev/null)\"})\n  compadd -a found\n}\n_" + tool +
           "_topics() { _" + tool + "_names topics; _files }\n_" + tool + "_groups() { _" + tool +
           "_names groups }\n_" + tool + "_any() { _" + tool + "_names topics; _" + tool +
           "_names groups; _files }\n";
  out += "_arguments -s -S";
  for (const Option& option : table.options()) {
    if (option.hidden) continue;
    std::string help;
    for (const char c : option.help) {
      if (c == '[' || c == ']' || c == ':' || c == '\\') help += '\\';
      help += c;
    }
    for (const std::string& name : split_names(option.names)) {
      std::string word = "*" + name + "[" + help + "]";
      if (!option.metavar.empty()) {
        std::string metavar = option.metavar;
        std::replace(metavar.begin(), metavar.end(), ':', ' ');
        Wanted value;
        value.words = option.choices;
        value.files = completes_files(option);
        if (asks && option.choices.empty()) {
          value.groups = names_group(option);
          value.topics = names_topic(option);
        }
        word += ":" + metavar + ":" + zsh_action(tool, value);
      }
      out += " \\\n  " + quoted(word, "'\\''");
    }
  }
  for (size_t i = 0; i < info.operands.size(); ++i) {
    const bool repeats = info.operands[i].is_many || info.operands[i].is_rest;
    std::string name = info.operands[i].name;
    std::replace(name.begin(), name.end(), ':', ' ');
    out += " \\\n  " + quoted((repeats ? "*" : std::to_string(i + 1)) + ":" + name + ":" +
                                  zsh_action(tool, wanted_of(info, i, asks)),
                              "'\\''");
  }
  return out + "\n";
}

// --- fish

std::string fish_completion(const ToolInfo& info, const OptionTable& table) {
  const bool asks = has_names(table);
  const std::string& tool = info.name;
  std::string out = "# fish completion for " + tool + "; made from its option table\n";
  // Whether the operand that is typed is one of these two or between them.
  out +=
      "function __" + tool +
      "_operand\n"
      "  set --local n 0\n  set --local skip 0\n  set --local before (commandline -opc)\n"
      "  for word in $before[2..]\n"
      "    if test $skip = 1\n      set skip 0\n    else if contains -- $word " +
      options_with_value(table, " ") +
      "\n      set skip 1\n    else if not string match -q -- '-?*' $word\n      set n (math $n + 1)\n    end\n  end\n"
      "  test $skip = 0 -a $n -ge $argv[1] -a $n -le $argv[2]\nend\n";
  if (asks)
    out += "function __" + tool +
           "_names\n"
           "  set --local env_of\n  set --local before (commandline -opc)\n"
           "  for i in (seq 2 (count $before))\n    switch $before[$i]\n"
           "      case -b\n        set --append env_of KUTILS_BROKERS=$before[(math $i + 1)]\n"
           "      case -F\n        set --append env_of KUTILS_CONFIG=$before[(math $i + 1)]\n    end\n  end\n"
           "  env $env_of " +
           tool + " " + kCompleteNames + " $argv[1] 2>/dev/null\nend\n";
  const auto names = [&](const char* what) { return "'(__" + tool + "_names " + what + ")'"; };
  for (size_t i = 0; i < info.operands.size(); ++i) {
    const bool repeats = info.operands[i].is_many || info.operands[i].is_rest;
    const Wanted wanted = wanted_of(info, i, asks);
    const std::string rule = "complete -c " + tool + (wanted.files ? "" : " -f") + " -n '__" + tool +
                             "_operand " + std::to_string(i) + " " + (repeats ? "999" : std::to_string(i)) +
                             "' -a ";
    if (!wanted.words.empty()) out += rule + quoted(joined(wanted.words), "\\'") + "\n";
    if (wanted.topics) out += rule + names("topics") + "\n";
    if (wanted.groups) out += rule + names("groups") + "\n";
  }
  for (const Option& option : table.options()) {
    if (option.hidden) continue;
    out += "complete -c " + tool;
    for (const std::string& name : split_names(option.names)) {
      out += name.rfind("--", 0) == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    if (!option.metavar.empty()) {
      out += completes_files(option) ? " -r" : " -x";
      if (!option.choices.empty()) {
        out += " -a " + quoted(joined(option.choices), "\\'");
      } else if (asks && (names_group(option) || names_topic(option))) {
        out += " -a " + names(names_group(option) ? "groups" : "topics");
      }
    }
    out += " -d " + quoted(option.help, "\\'") + "\n";
  }
  return out;
}

// Names that a shell would take apart, or for something else, are typed by hand.
bool is_plain(std::string_view name) {
  return !name.empty() && name.front() != '-' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@+%/") ==
             std::string_view::npos;
}

}  // namespace

std::string completion(const ToolInfo& info, const OptionTable& table, const std::string& shell) {
  if (shell == "bash") return bash_completion(info, table);
  if (shell == "zsh") return zsh_completion(info, table);
  if (shell == "fish") return fish_completion(info, table);
  throw usage_error("--completion: '" + shell + "' is not a shell known here", "bash, zsh or fish");
}

std::string names_to_complete(const std::string& what) try {
  const kafka::ClientConfig client = ClusterOptions().config();
  if (client.brokers().empty()) return {};
  std::thread([] {
    std::this_thread::sleep_for(kWholeLimit);
    _exit(0);
  }).detach();
  const auto admin = kafka::make_cluster_admin(client);
  admin->connect(kConnectLimit);
  admin->try_once();
  std::vector<std::string> names;
  if (what == "topics") {
    for (const kafka::TopicInfo& topic : admin->topics())
      if (!topic.name.starts_with("__")) names.push_back(topic.name);  // the cluster's own
  } else if (!admin->is_in_memory()) {
    for (const kafka::GroupListing& group : admin->groups()) names.push_back(group.name);
  }
  std::sort(names.begin(), names.end());
  std::string out;
  for (const std::string& name : names)
    if (is_plain(name)) out += name + "\n";
  return out;
} catch (const Error&) {
  return {};  // said in the contract
}

}  // namespace kutils::cli
