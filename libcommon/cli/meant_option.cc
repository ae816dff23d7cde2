#include "cli/meant_option.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/shell_word.h"
#include "base/word_list.h"
#include "cli/completed_hint.h"
#include "cli/given_command.h"
#include "cli/misplaced_operand.h"

namespace kutils::cli {
namespace {

// The command as a pipe: another stage in front of or behind what the tool does.
class AsPipe {
 public:
  AsPipe(const ToolInfo& info, const GivenCommand& given, const std::string& left_out) : info_(info) {
    for (const GivenCommand::Word& word : given.words()) {
      if (word.option == nullptr || word.name == left_out) continue;
      const bool is_of_stage = word.option->group == Group::tool || word.option->group == Group::output;
      std::string text = word.name;
      if (word.value) text += " " + shell_word(shown_value(*word.option, *word.value));
      (is_of_stage ? stage_options_ : pipe_options_) += " " + text;
    }
  }
  std::string stage(const std::string& spec) const {
    return info_.name + stage_options_ + " " + shell_word(spec);
  }
  std::string whole(const std::string& first, const std::string& second, const std::optional<std::string>& in,
                    const std::optional<std::string>& out) const {
    return "kpipe" + pipe_options_ + " " + first + " then " + second + ends(" --", in, out);
  }
  std::string alone(const std::string& stage, const std::optional<std::string>& in,
                    const std::optional<std::string>& out) const {
    const size_t space = stage.find(' ');
    return stage.substr(0, space) + pipe_options_ + stage.substr(space) + ends("", in, out);
  }

 private:
  static std::string ends(const std::string& before, const std::optional<std::string>& in,
                          const std::optional<std::string>& out) {
    if (!in) return {};
    return before + " " + shell_word(*in) + (out ? " " + shell_word(*out) : "");
  }
  const ToolInfo& info_;
  std::string pipe_options_, stage_options_;
};

}  // namespace

std::optional<std::string> meant_by_option(const ToolInfo& info, const OptionTable& table, int argc,
                                           const char* const* argv, const std::string& option) {
  constexpr std::string_view kFilters = "--where --filter", kInverts = "--not --invert --invert-match",
                             kSelects = "--select --fields --columns", kDrops = "--drop --exclude",
                             kGroups = "--by --group-by --groupby", kSorts = "--order-by --sort-by --sort",
                             kLengths = "-w --window --tumbling --size";
  const bool keys_first = info.name == "kgroupby" || info.name == "kdedup";
  const bool is_first_operand = (keys_first && (has_word(kGroups, option) || has_word("--key -k", option))) ||
                                (info.name == "ktake" && has_word("-n --num --head", option));
  const bool has_value = !has_word(kInverts, option) && option != "-i" && option != "--count";
  if (has_value && !is_first_operand && !has_word(kLengths, option) && !has_word(kFilters, option) &&
      !has_word(kSelects, option) && !has_word(kDrops, option) && !has_word(kGroups, option) &&
      !has_word(kSorts, option))
    return std::nullopt;
  // --count is none of kread's where groups are counted.
  const GivenCommand given(info, table, argc, argv, [&](const std::string& name) -> std::optional<bool> {
    if (name == option) return has_value;
    return std::nullopt;
  });
  std::string value;
  for (const GivenCommand::Word& word : given.words()) {
    if (word.option == nullptr && word.kind != GivenCommand::Word::Kind::operand && word.name != option)
      return std::nullopt;  // two at once
    if (word.name == option && word.value) value = *word.value;
  }
  if (has_value && value.empty()) return std::nullopt;
  // Of a table's rows: kfilter on its topic would choose among all changes.
  if (info.name == "kquery" && has_word(kFilters, option))
    return given.hint({.before = "", .drop = {option}}) + " | kfilter " + shell_word(value);
  if (is_first_operand) {
    std::vector<std::string> operands = given.operands();
    operands.insert(operands.begin(), value);
    return given.hint({.before = "", .drop = {option}, .operands = operands});
  }
  if (info.name == "kpipe" && has_word(kFilters, option)) {
    std::vector<std::string> stages = given.operands();
    stages.insert(stages.begin(), {"kfilter", value, "then"});
    return given.hint({.before = "", .drop = {option}, .operands = stages});
  }
  // grep's -i
  if (option == "-i") {
    const std::string* const regex = given.value("--grep");
    if (info.name != "kread" || regex == nullptr) return std::nullopt;
    return given.hint({.before = "", .add = {{"--grep", "(?i)" + *regex}}, .drop = {option}});
  }
  std::vector<std::string> operands = given.operands();
  const bool has_spec = !info.operands.empty() && info.operands[0].is_spec;
  const auto in = given_operand(info, operands, "IN"), out = given_operand(info, operands, "OUT");
  const bool is_reader = info.name == "kread";
  const bool copies = info.name == "kcp";
  if (!is_reader && !has_spec && !copies) return std::nullopt;
  const std::string spec = has_spec && !operands.empty() ? operands[0] : "";
  const bool is_stage = has_word("kfilter kmap kscore kscan ktable kwindow kdedup kgroupby", info.name);
  const AsPipe pipe(info, given, is_reader ? "--count" : "");

  // grep's --count
  if (option == "--count") {
    const bool is_number = spec.find_first_not_of("0123456789") == spec.npos;
    if (info.name != "kfilter" && info.name != "kmap") return std::nullopt;
    if (is_number) {  // `--count 5 EXPR IN`
      operands.erase(operands.begin());
      return given.hint({.before = "", .add = {{"-m", spec}}, .drop = {option}, .operands = operands});
    }
    return pipe.whole(pipe.stage(spec), "ktable --total 'count()'", in, out);
  }
  if (copies && !has_word(kFilters, option) && !has_word(kSelects, option) && !has_word(kDrops, option))
    return std::nullopt;
  if (has_word(kInverts, option)) {
    if (info.name != "kfilter" || spec.empty()) return std::nullopt;
    return given.hint({.before = "", .drop = {option}, .spec = "!(" + spec + ")"});
  }
  if (has_word(kLengths, option)) {
    if (info.name != "ktable") return std::nullopt;
    return given.hint(
        {.before = "", .tool = "kwindow", .add = {{"-w", value}}, .drop = {option == "-w" ? "" : option}});
  }
  if (has_word(kSorts, option)) {
    if (find_option(table, "--sort") == nullptr) return std::nullopt;
    if (out) operands.pop_back();  // what is printed is no topic
    return given.hint(
        {.before = "", .add = {{"-O", "table"}, {"--sort", value}}, .drop = {option}, .operands = operands});
  }
  if (has_word(kFilters, option)) {
    if (is_reader) return given.hint({.before = "", .add = {{"--where", value}}, .drop = {option}});
    if (copies) return pipe.alone("kfilter " + shell_word(value), in, out);
    // `kfilter --where EXPR IN`: the operand itself, or another condition.
    if (info.name == "kfilter") {
      if (is_condition(spec))
        operands.front() = joined_by_and({spec, value});
      else
        operands.insert(operands.begin(), value);
      return given.hint({.before = "", .drop = {option}, .operands = operands});
    }
    if (!is_stage || spec.empty()) return std::nullopt;
    return pipe.whole("kfilter " + shell_word(value), pipe.stage(spec), in, out);
  }
  if (has_word(kGroups, option)) {
    if (info.name == "ktable" || info.name == "kwindow") return std::nullopt;
    const std::string groups = "ktable --by " + shell_word(value) + " 'count()'";
    if (is_reader) return pipe.alone(groups, in, out);
    if ((info.name == "kfilter" || info.name == "kmap") && !spec.empty())
      return pipe.whole(pipe.stage(spec), groups, in, out);
    return std::nullopt;
  }
  // Fields that are chosen or dropped.
  std::string list = value;
  if (has_word(kDrops, option)) {
    list = "*";
    for (size_t at = 0; at <= value.size();) {
      const size_t end = std::min(value.find(',', at), value.size());
      const size_t name = std::min(value.find_first_not_of(' ', at), end);
      if (name < end) list += ", -" + value.substr(name, end - name);
      at = end + 1;
    }
  }
  const std::string maps = "kmap " + shell_word(list);
  if (is_reader || copies) return pipe.alone(maps, in, out);
  if (info.name == "kmap") {
    // `kmap --drop a 'b, c=d' IN`
    if (spec.find_first_of("*,=( ") != spec.npos)
      operands.front() = spec + ", " + (list.starts_with("*, ") ? list.substr(3) : list);
    else
      operands.insert(operands.begin(), list);
    return given.hint({.before = "", .drop = {option}, .operands = operands});
  }
  if (info.name != "kfilter" || spec.empty()) return std::nullopt;
  return pipe.whole(pipe.stage(spec), maps, in, out);
}

}  // namespace kutils::cli
