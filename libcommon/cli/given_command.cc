#include "cli/given_command.h"

#include <algorithm>

#include "base/shell_word.h"
#include "kafka/secret_property.h"

namespace kutils::cli {

const Option* find_option(const OptionTable& table, const std::string& name) {
  for (const Option& option : table.options()) {
    const auto names = split_names(option.names);
    if (std::find(names.begin(), names.end(), name) != names.end()) return &option;
  }
  return nullptr;
}

namespace {

// What no value of an option of theirs looks like.
bool is_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9');
}

bool is_same_option(const OptionTable& table, const GivenCommand::Word& word, const std::string& name) {
  if (word.kind == GivenCommand::Word::Kind::operand) return false;
  return word.name == name || (word.option != nullptr && word.option == find_option(table, name));
}

}  // namespace

std::string shown_value(const Option& option, const std::string& value) {
  constexpr const char* kHidden = "***";
  if (option.is_secret) return kHidden;
  const auto names = split_names(option.names);
  if (names.front() == "-X") {
    const size_t equals = value.find('=');
    // Without a name it may be a piece of a secret.
    if (equals == std::string::npos
            ? value != "list"
            : kafka::is_secret_property(value.substr(0, equals)) ||
                  value.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") < equals)
      return equals == std::string::npos ? kHidden : value.substr(0, equals + 1) + kHidden;
  }
  // user:password@host
  if (names.front() == "-b" && value.find('@') != std::string::npos) return kHidden;
  return value;
}

GivenCommand::GivenCommand(const ToolInfo& info, const OptionTable& table, int argc, const char* const* argv,
                           const TakesValue& takes_value)
    : info_(info), table_(table) {
  const bool is_command =
      std::any_of(info.operands.begin(), info.operands.end(), [](const Operand& o) { return o.is_rest; });
  const auto is_foreign_value = [&takes_value](const std::string& name) {
    return takes_value ? takes_value(name) : std::nullopt;
  };
  bool only_operands = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (only_operands || argument.size() < 2 || argument[0] != '-') {
      words_.push_back({.name = argument});
      // What follows the first word of a command is the command's.
      only_operands |= is_command;
      continue;
    }
    if (argument == "--") {
      only_operands = true;
      continue;
    }
    if (argument[1] == '-') {
      const size_t equals = argument.find('=');
      Word word{.kind = Word::Kind::option, .name = argument.substr(0, equals)};
      word.option = find_option(table, word.name);
      if (word.option == nullptr) word.kind = Word::Kind::unknown;
      if (equals != std::string::npos) {
        word.value = argument.substr(equals + 1);
        word.glue = "=";
      } else if (i + 1 < argc && (word.option != nullptr || !is_option(argv[i + 1])) &&
                 (word.option != nullptr ? !word.option->metavar.empty()
                                         : is_foreign_value(word.name).value_or(false))) {
        word.value = argv[++i];
      }
      words_.push_back(std::move(word));
      continue;
    }
    // Letters, of which the last may have a value: -qe, -c3, -qc 3.
    for (size_t at = 1; at < argument.size(); ++at) {
      Word word{.kind = Word::Kind::option, .name = std::string("-") + argument[at]};
      word.option = find_option(table, word.name);
      if (word.option == nullptr) word.kind = Word::Kind::unknown;
      const bool is_last = at + 1 == argument.size();
      const std::optional<bool> theirs = word.option == nullptr ? is_foreign_value(word.name) : std::nullopt;
      if (word.option != nullptr ? !word.option->metavar.empty() : theirs.value_or(false)) {
        if (!is_last) {
          word.value = argument.substr(at + 1);
          word.glue = "";
        } else if (i + 1 < argc && (word.option != nullptr || !is_option(argv[i + 1]))) {
          word.value = argv[++i];
        }
        words_.push_back(std::move(word));
        break;
      }
      // -5, -email: no letters of ours.
      if (word.option == nullptr && !theirs && !is_last) {
        word.value = argument.substr(at + 1);
        word.glue = "";
        words_.push_back(std::move(word));
        break;
      }
      words_.push_back(std::move(word));
    }
  }
}

std::vector<std::string> GivenCommand::operands() const {
  std::vector<std::string> out;
  for (const Word& word : words_)
    if (word.kind == Word::Kind::operand) out.push_back(word.name);
  return out;
}

bool GivenCommand::takes(const std::string& option) const { return find_option(table_, option) != nullptr; }

bool GivenCommand::has(const std::string& option) const {
  return std::any_of(words_.begin(), words_.end(),
                     [&](const Word& word) { return is_same_option(table_, word, option); });
}

const std::string* GivenCommand::value(const std::string& option) const {
  for (const Word& word : words_)
    if (word.value && is_same_option(table_, word, option)) return &*word.value;
  return nullptr;
}

std::vector<std::string> GivenCommand::corrected(const Correction& correction) const {
  std::vector<std::string> out{correction.tool.empty() ? info_.name : correction.tool};
  const auto push = [&out](const std::string& name, const std::optional<std::string>& value,
                           const std::string& glue) {
    if (!value) {
      out.push_back(name);
    } else if (glue == " ") {
      out.push_back(name);
      out.push_back(*value);
    } else {
      out.push_back(name + glue + *value);
    }
  };
  std::vector<std::string> operands = correction.operands ? *correction.operands : this->operands();
  if (correction.spec) {
    if (operands.empty()) operands.emplace_back();
    operands.front() = *correction.spec;
  }
  if (correction.replaced)
    std::replace(operands.begin(), operands.end(), correction.replaced->first, correction.replaced->second);
  // A verb stands in front of its options.
  if (!info_.operands.empty() && info_.operands[0].name == "VERB" && correction.tool.empty() &&
      !operands.empty()) {
    out.push_back(operands.front());
    operands.erase(operands.begin());
  }
  std::vector<bool> added(correction.add.size());
  const auto add = [&](size_t i) {
    const auto& [name, value] = correction.add[i];
    if (!added[i]) push(name, value.empty() ? std::nullopt : std::make_optional(value), " ");
    added[i] = true;
  };
  for (const Word& word : words_) {
    if (word.kind == Word::Kind::operand) continue;
    if (std::any_of(correction.drop.begin(), correction.drop.end(),
                    [&](const std::string& name) { return is_same_option(table_, word, name); }))
      continue;
    const auto replaced = std::find_if(correction.add.begin(), correction.add.end(), [&](const auto& one) {
      return is_same_option(table_, word, one.first);
    });
    if (replaced != correction.add.end()) {
      add(static_cast<size_t>(replaced - correction.add.begin()));
      continue;
    }
    push(word.name,
         word.value && word.option != nullptr ? std::make_optional(shown_value(*word.option, *word.value))
                                              : word.value,
         word.glue);
  }
  for (size_t i = 0; i < added.size(); ++i) add(i);
  const bool is_command =
      std::any_of(info_.operands.begin(), info_.operands.end(), [](const Operand& o) { return o.is_rest; });
  const size_t looked_at = is_command ? std::min<size_t>(1, operands.size()) : operands.size();
  if (std::any_of(operands.begin(), operands.begin() + static_cast<std::ptrdiff_t>(looked_at),
                  [](const std::string& one) { return one.size() > 1 && one[0] == '-'; }))
    out.emplace_back("--");
  out.insert(out.end(), operands.begin(), operands.end());
  return out;
}

std::string GivenCommand::hint(const Correction& correction) const {
  return correction.before + shell_command(corrected(correction)) + correction.after;
}

std::string shell_command(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + shell_word(word);
  return text;
}

}  // namespace kutils::cli
