#include "kpipe/meant_pipe.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/nearest_name.h"
#include "base/shell_word.h"
#include "base/word_list.h"
#include "cli/command_line.h"
#include "cli/given_command.h"
#include "cli/misplaced_operand.h"
#include "cli/operand_hints.h"
#include "io/endpoint.h"

namespace kutils {
namespace {

using Words = std::vector<std::string>;

bool is_stage_tool(const std::string& name) {
  return std::any_of(stage_tools().begin(), stage_tools().end(),
                     [&](const StageTool& tool) { return name == tool.name; });
}

bool is_shell_program(std::string_view name) {
  return has_word("sort head tail uniq wc jq grep awk sed cut column less tee tr cat python3 mlr", name);
}

// Topics or a file, and no expression.
bool names_endpoint(const std::string& text) {
  for (const std::string_view prefix : {"^", "table:", "topic:", "file:"})
    if (text.starts_with(prefix)) return true;
  if (text.empty() || text.find_first_of(" <>=!()") != text.npos) return false;
  std::string names = text;
  names.erase(std::remove(names.begin(), names.end(), ','), names.end());
  return text == "-" || text.find('/') != text.npos || io::is_topic_name(names);
}

void append(Words& words, const Words& more) { words.insert(words.end(), more.begin(), more.end()); }

// The words of the command line behind its options.
Words words_of(const PipeWords& pipe) {
  Words out;
  bool has_dashes = false;
  for (const PipeWords::Stage& stage : pipe.stages) {
    if (!out.empty()) out.emplace_back("then");
    has_dashes |= std::find(stage.words.begin(), stage.words.end(), "--") != stage.words.end();
    append(out, stage.words);
    if (!stage.name.empty()) append(out, {"as", stage.name});
  }
  // The last `--` is the one before IN.
  if (has_dashes || !pipe.operands.empty()) out.emplace_back("--");
  append(out, pipe.operands);
  return out;
}

// `'kfilter "n > 3" | kmap uri'`: its stages, each in one word; nothing where it is no pipe of tools.
Words stages_in_quotes(const std::string& text) {
  Words out(1);
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && (c == '"' || c == '\''))
      quote = c;
    else if (c == quote)
      quote = 0;
    const bool is_then = text.compare(i, 6, " then ") == 0;
    if (quote != 0 || (text.compare(i, 3, " | ") != 0 && !is_then)) {
      out.back() += c;
      continue;
    }
    out.emplace_back();
    i += is_then ? 5 : 2;
  }
  const bool are_stages = std::all_of(out.begin(), out.end(), [](const std::string& one) {
    return is_stage_tool(one.substr(0, one.find(' ')));
  });
  return out.size() > 1 && are_stages ? out : Words();
}

// A stage's words as its tool reads them where it stands alone, with all of its options.
struct StageCommand {
  StageCommand(const Words& words)
      : alone(find_stage_tool(words.front()).make()), stage(find_stage_tool(words.front()).make()) {
    info = stage_info(*alone);
    alone->declare(all);
    stage->shared().become_stage({});
    stage->declare(table);
    given =
        std::make_unique<cli::GivenCommand>(info, all, static_cast<int>(words.size()), as_argv(words).data());
  }
  bool takes(const std::string& option) const { return cli::find_option(table, option) != nullptr; }
  std::unique_ptr<cli::StreamTool> alone, stage;
  cli::ToolInfo info;           // of the stage
  cli::OptionTable all, table;  // of the tool, of the stage
  std::unique_ptr<cli::GivenCommand> given;
};

// What is no operand of a stage. The rest is left in `operands`.
Words take_endpoints(size_t places, Words& operands) {
  Words out;
  if (operands.size() <= places) return out;
  // `kfilter clicks 'number > 3'`
  const auto spec = std::find_if_not(operands.begin(), operands.end(), names_endpoint);
  if (places == 1 && spec != operands.end()) std::rotate(operands.begin(), spec, spec + 1);
  out.assign(operands.begin() + static_cast<std::ptrdiff_t>(places), operands.end());
  operands.resize(places);
  return out;
}

// `kfilter EXPR in tmp then kmap LIST tmp out`: what stands between stages is no topic here.
Words outer_ends(const std::vector<Words>& by_stage) {
  Words out;
  for (const Words& ends : by_stage) {
    const bool joins = !out.empty() && !ends.empty() && out.back() == ends.front();
    if (joins) out.pop_back();
    out.insert(out.end(), ends.begin() + (joins ? 1 : 0), ends.end());
  }
  return out;
}

// `'kmap uri'`: the tool, and the rest as one operand.
Words without_quotes(const std::string& stage) {
  const size_t space = stage.find(' ');
  if (space == stage.npos || !is_stage_tool(stage.substr(0, space))) return {};
  std::string rest = stage.substr(std::min(stage.find_first_not_of(' ', space), stage.size()));
  if (rest.empty() || rest[0] == '-') return {};  // where options end is not known
  if (rest.size() > 2 && (rest[0] == '"' || rest[0] == '\'') && rest.back() == rest[0])
    rest = rest.substr(1, rest.size() - 2);
  return {stage.substr(0, space), rest};
}

// What the hint of an Error tells to write, its last line: what stands in front of the command, and its words.
struct Advice {
  std::string before;
  Words words;  // empty: no command
};
Advice advice_of(const std::string& hint) {
  size_t at = std::string::npos;
  Words tools{"kpipe"};
  for (const StageTool& tool : stage_tools()) tools.emplace_back(tool.name);
  for (const std::string& tool : tools) {
    const size_t begin = hint.rfind(": " + tool + " ");
    if (begin != hint.npos && (at == hint.npos || begin > at)) at = begin;
  }
  if (at == hint.npos) return {hint, {}};
  auto words = shell_words(std::string_view(hint).substr(at + 2));
  if (!words) return {hint, {}};
  // As a usage line has them.
  std::erase_if(*words, [](const std::string& one) { return one == "IN" || one == "OUT"; });
  return {hint.substr(0, at + 2), std::move(*words)};
}

// What a tool that stands alone says of options which are none of its own, or of a SPEC that looks like options.
std::optional<Error> refused_alone(const Words& stage) {
  const auto tool = find_stage_tool(stage.front()).make();
  const cli::ToolInfo info = tool->info();
  cli::OptionTable table;
  tool->declare(table);
  const std::vector<char*> arguments = as_argv(stage);
  const int count = static_cast<int>(stage.size());
  try {
    const cli::CommandLine line =
        cli::parse_command_line(info, table, count, const_cast<char**>(arguments.data()));
    if (!line.operands.empty() || info.operands.empty() || !info.operands[0].required) return std::nullopt;
    const std::string hint = cli::spec_hint(info, table, count, const_cast<char**>(arguments.data()));
    return hint.empty() ? std::nullopt : std::make_optional(usage_error("", hint));
  } catch (const Error& error) {
    return error;
  }
}

// Each stage with options of other programs as it is meant; what the first of them says in front of the command, empty:
// there is none, or one whose meaning is not known.
std::string mend_options(PipeWords& pipe) {
  std::string before;
  for (size_t i = 0; i < pipe.stages.size(); ++i) {
    const auto refused = refused_alone(pipe.stages[i].words);
    if (!refused) continue;
    Advice advice = advice_of(refused->hint());
    Words& words = advice.words;
    if (words.empty()) continue;
    if (before.empty()) before = advice.before;
    if (words[0] != "kpipe") {
      pipe.stages[i].words = std::move(words);
      continue;
    }
    // Several stages: `ktable --where EXPR` is a kfilter in front of it. The options of the pipe stand in the first.
    const auto first = std::find_if(words.begin() + 1, words.end(), is_stage_tool);
    Words stage(first, first + 1);
    append(stage, Words(words.begin() + 1, first));
    const std::string name = std::move(pipe.stages[i].name);
    pipe.stages.erase(pipe.stages.begin() + static_cast<std::ptrdiff_t>(i));
    const auto put = [&] {
      pipe.stages.insert(pipe.stages.begin() + static_cast<std::ptrdiff_t>(i), {std::move(stage), {}});
      stage.clear();
    };
    auto word = first + 1;
    for (; word != words.end() && *word != "--"; ++word) {
      if (*word != "then") {
        stage.push_back(*word);
        continue;
      }
      put();
      ++i;
    }
    if (word != words.end()) append(stage, Words(word + 1, words.end()));  // IN and OUT
    put();
    pipe.stages[i].name = name;
  }
  return before;
}

}  // namespace

const StageTool& find_stage_tool(const std::string& name) {
  Words names;
  for (const StageTool& tool : stage_tools()) {
    if (name == tool.name) return tool;
    names.emplace_back(tool.name);
  }
  const std::string near = nearest_name(name, names);
  if (is_stage_tool(name.substr(0, name.find(' '))))
    throw usage_error("'" + name + "' cannot be a stage of a pipe: it is one word",
                      "leave out the quotes around a stage: kpipe kfilter 'EXPR' then kmap 'LIST' -- IN OUT");
  throw usage_error("'" + name + "' cannot be a stage of a pipe",
                    (near.empty() ? "" : "did you mean '" + near + "'? ") + std::string("stages are: ") +
                        names_of_stages());
}

cli::ToolInfo stage_info(const cli::StreamTool& tool) {
  cli::ToolInfo info = tool.info();
  auto& operands = info.operands;
  operands.erase(std::remove_if(operands.begin(), operands.end(),
                                [](const cli::Operand& one) {
                                  return one.name == "IN" || one.name == "LEFT" || one.name == "OUT";
                                }),
                 operands.end());
  return info;
}

std::vector<char*> as_argv(const Words& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  return arguments;
}

void refuse_other_spellings(const Words& given) {
  const auto last_dashes = std::find(given.rbegin(), given.rend(), "--");
  const size_t end =
      last_dashes == given.rend() ? given.size() : static_cast<size_t>(given.rend() - last_dashes) - 1;
  PipeWords pipe;
  if (end < given.size())
    pipe.operands.assign(given.begin() + static_cast<std::ptrdiff_t>(end) + 1, given.end());
  std::string what, before;
  pipe.stages.emplace_back();
  for (size_t i = 0; i < end; ++i) {
    const bool joins = given[i] == "|" || given[i] == "->" || given[i] == ",";
    if (joins) {
      what = "'" + given[i] + "' within a pipe";
      before = "stages are joined by 'then': ";
    }
    if (given[i] == "then" || joins)
      pipe.stages.emplace_back();
    else
      pipe.stages.back().words.push_back(given[i]);
  }
  const auto behind = std::find(pipe.operands.begin(), pipe.operands.end(), "then");
  if (behind != pipe.operands.end()) {
    what = "'then' behind '--'";
    before = "all stages stand in front of IN: ";
    for (auto word = behind; word != pipe.operands.end(); ++word)
      if (*word == "then")
        pipe.stages.emplace_back();
      else
        pipe.stages.back().words.push_back(*word);
    pipe.operands.erase(behind, pipe.operands.end());
    if (pipe.stages.back().words.empty()) pipe.stages.pop_back();
  }
  for (size_t i = 0; i < pipe.stages.size(); ++i) {
    if (pipe.stages[i].words.size() != 1) continue;
    const std::string whole = pipe.stages[i].words.front();
    const Words apart = stages_in_quotes(whole);
    if (apart.empty()) continue;
    what = "'" + whole + "' cannot be a stage of a pipe: it is one word";
    pipe.stages[i].words = {apart.front()};
    for (size_t k = 1; k < apart.size(); ++k)
      pipe.stages.insert(pipe.stages.begin() + static_cast<std::ptrdiff_t>(i + k), {Words{apart[k]}, {}});
  }
  // `kpipe 'n > 3' then map uri`
  for (size_t i = 0; i < pipe.stages.size(); ++i) {
    Words& words = pipe.stages[i].words;
    if (words.empty() || is_stage_tool(words[0])) continue;
    const std::string name = words[0];
    const bool is_last = pipe.stages.size() > 1 && i + 1 == pipe.stages.size();
    if (words.size() == 1 && cli::is_condition(words[0]))
      words.insert(words.begin(), "kfilter");
    else if (is_stage_tool("k" + words[0]) && !(is_last && is_shell_program(words[0])))
      words[0].insert(0, "k");
    else
      continue;
    if (what.empty()) what = "'" + name + "' cannot be a stage of a pipe";
    if (before.empty()) before = "write: ";
  }
  // `kpipe A then jq .x -- IN`
  if (pipe.stages.size() > 1 && !pipe.stages.back().words.empty() &&
      is_shell_program(pipe.stages.back().words[0]) && pipe.operands.size() < 2) {
    const Words program = pipe.stages.back().words;
    pipe.stages.pop_back();
    throw CorrectedError("'" + program[0] + "' cannot be a stage of a pipe",
                         {.before = "programs of the shell stand behind it: ",
                          .after = " | " + cli::shell_command(program),
                          .operands = words_of(pipe)});
  }
  // What reads or writes a topic is no stage: IN and OUT do.
  const auto ends_at = [](const Words& words, std::string_view tool) {
    return words.size() == 2 && words[0] == tool && names_endpoint(words[1]);
  };
  const auto take_end = [&](std::vector<PipeWords::Stage>::iterator stage, const std::string& name,
                            bool is_in) {
    if (what.empty()) what = "'" + stage->words.front() + "' cannot be a stage of a pipe";
    before = "IN and OUT stand behind '--': ";
    pipe.operands.insert(is_in ? pipe.operands.begin() : pipe.operands.end(), name);
  };
  Words& first = pipe.stages.front().words;
  if (pipe.stages.size() > 1 && (ends_at(first, "kread") || (first.size() == 1 && names_endpoint(first[0]) &&
                                                             !is_stage_tool(first[0])))) {
    take_end(pipe.stages.begin(), first.back(), true);
    pipe.stages.erase(pipe.stages.begin());
  } else if (first.size() > 1 && !is_stage_tool(first[0]) && names_endpoint(first[0]) &&
             is_stage_tool(first[1])) {
    take_end(pipe.stages.begin(), first[0], true);
    first.erase(first.begin());
  }
  // What reads or writes without a name: IN and OUT do it already.
  const auto names_none = [](const Words& words) {
    return words.size() == 1 && (words[0] == "kread" || words[0] == "kwrite" || words[0] == "kcp");
  };
  for (const bool is_last : {false, true}) {
    const auto stage = is_last ? pipe.stages.end() - 1 : pipe.stages.begin();
    if (pipe.stages.size() < 2 || !names_none(stage->words)) continue;
    if (what.empty()) what = "'" + stage->words.front() + "' cannot be a stage of a pipe";
    before = is_last && pipe.operands.size() < 2 ? "without OUT the records are printed: "
                                                 : "IN and OUT stand behind '--': ";
    pipe.stages.erase(stage);
  }
  const Words& last = pipe.stages.back().words;
  if (pipe.stages.size() > 1 && (ends_at(last, "kwrite") || ends_at(last, "kcp") ||
                                 (last.size() == 1 && names_endpoint(last[0]) && !is_stage_tool(last[0])))) {
    take_end(pipe.stages.end() - 1, last.back(), false);
    pipe.stages.pop_back();
    if (pipe.operands.size() == 1) pipe.operands.insert(pipe.operands.begin(), "-");
  }
  for (PipeWords::Stage& stage : pipe.stages) {
    if (stage.words.size() != 1) continue;
    Words apart = without_quotes(stage.words.front());
    if (apart.empty()) continue;
    if (what.empty()) what = "'" + stage.words.front() + "' cannot be a stage of a pipe: it is one word";
    before = "a stage is several words: ";
    stage.words = std::move(apart);
  }
  if (what.empty()) return;
  // `kfilter EXPR '|' kmap LIST IN OUT`: where '--' was not known.
  if (end == given.size() && is_stage_tool(pipe.stages.back().words.front())) {
    Words& words = pipe.stages.back().words;
    const StageCommand stage(words);
    Words operands = stage.given->operands();
    const Words ends = take_endpoints(stage.info.operands.size(), operands);
    if (!ends.empty() && ends.size() + pipe.operands.size() <= 2 &&
        std::all_of(ends.begin(), ends.end(), names_endpoint)) {
      words = stage.given->corrected({.operands = operands});
      append(pipe.operands, ends);
    }
  }
  throw CorrectedError(what, {.before = before, .operands = words_of(pipe)});
}

void refuse_options_as_names(const PipeWords& given, const cli::OptionTable& options) {
  PipeWords pipe = given;
  Correction meant{.before = "what all stages share stands before the first one: "};
  pipe.operands.clear();
  for (size_t i = 0; i < given.operands.size(); ++i) {
    const std::string& word = given.operands[i];
    const size_t equals = word.find('=');
    const cli::Option* const option =
        word.size() > 1 && word[0] == '-' ? cli::find_option(options, word.substr(0, equals)) : nullptr;
    if (option == nullptr) {
      pipe.operands.push_back(word);
    } else if (option->metavar.empty()) {
      meant.add.emplace_back(word, "");
    } else {
      const std::string value = equals != word.npos             ? word.substr(equals + 1)
                                : i + 1 < given.operands.size() ? given.operands[++i]
                                                                : std::string();
      meant.add.emplace_back(word.substr(0, equals), cli::shown_value(*option, value));
    }
  }
  if (meant.add.empty()) return;
  meant.operands = words_of(pipe);
  throw CorrectedError("'" + meant.add.front().first + "' behind '--' would be the name of a topic", meant);
}

std::optional<Correction> with_spec_before_dashes(const PipeWords& given) {
  if (given.operands.empty() || names_endpoint(given.operands.front())) return std::nullopt;
  PipeWords pipe = given;
  Words& last = pipe.stages.back().words;
  const StageCommand stage(last);
  if (!stage.given->operands().empty() || stage.info.operands.empty()) return std::nullopt;
  last = stage.given->corrected({.operands = Words{pipe.operands.front()}});
  pipe.operands.erase(pipe.operands.begin());
  if (pipe.operands.size() > 2) return std::nullopt;
  return Correction{.before = stage.info.operands[0].name + " stands before '--': ",
                    .operands = words_of(pipe)};
}

std::string option_hint(const Words& stage) {
  const std::string help = "'" + stage.front() + " --help-all'", of_stage = "'kpipe " + help.substr(1);
  const auto refused = refused_alone(stage);
  if (!refused) return "a stage of a pipe has no such option; " + of_stage + " lists what this one takes";
  std::string hint = refused->hint();
  const size_t found = hint.find(help);
  return found == hint.npos ? hint : hint.replace(found, help.size(), of_stage);
}

std::optional<Correction> meant_pipe(const PipeWords& given, size_t at, const cli::OptionTable& options,
                                     bool has_unknown_option) {
  PipeWords pipe = given;
  // kfilter EXPR kmap LIST
  for (size_t i = 0; i < pipe.stages.size(); ++i) {
    Words& words = pipe.stages[i].words;
    const auto next = std::find_if(words.begin() + 1, words.end(), is_stage_tool);
    if (next == words.end()) continue;
    PipeWords::Stage behind{Words(next, words.end()), std::move(pipe.stages[i].name)};
    words.erase(next, words.end());
    // kfilter EXPR and kmap LIST
    if (words.size() > 2 && (words.back() == "and" || words.back() == "|" || words.back() == "&&"))
      words.pop_back();
    pipe.stages[i].name.clear();
    pipe.stages.insert(pipe.stages.begin() + static_cast<std::ptrdiff_t>(i) + 1, std::move(behind));
  }
  if (pipe.stages.size() > given.stages.size())
    return Correction{.before = "'then' stands between two stages: ", .operands = words_of(pipe)};

  const std::string mended = has_unknown_option ? mend_options(pipe) : std::string();
  Correction meant;
  if (!mended.empty()) meant.before = mended;
  bool any_change = !mended.empty();
  std::vector<Words> ends;
  for (size_t i = 0; i < pipe.stages.size(); ++i) {
    const StageCommand stage(pipe.stages[i].words);
    Correction change;
    bool changes = false;
    for (const cli::GivenCommand::Word& word : stage.given->words()) {
      if (word.kind == cli::GivenCommand::Word::Kind::operand || stage.takes(word.name)) continue;
      const cli::Option* option = cli::find_option(options, word.name);
      if (option == nullptr) return std::nullopt;
      if (mended.empty()) meant.before = "what all stages share stands before the first one: ";
      meant.add.emplace_back(word.name, word.value ? cli::shown_value(*option, *word.value) : "");
      change.drop.push_back(word.name);
      changes = true;
    }
    Words operands = stage.given->operands();
    ends.push_back(take_endpoints(stage.info.operands.size(), operands));
    if (!ends.back().empty()) {
      if (mended.empty()) meant.before = "IN and OUT stand once, behind '--': ";
      changes = true;
    }
    for (size_t k = operands.size(); i == at && k < stage.info.operands.size(); ++k) {
      if (!stage.info.operands[k].required) continue;
      operands.push_back(stage.info.operands[k].name);
      changes = true;
    }
    if (!changes) continue;
    any_change = true;
    change.operands = operands;
    pipe.stages[i].words = stage.given->corrected(change);
  }
  if (!any_change) return std::nullopt;  // the mistake is another one
  Words outer = outer_ends(ends);
  append(outer, pipe.operands);
  if (outer.size() > 2 || !std::all_of(outer.begin(), outer.end(), names_endpoint)) return std::nullopt;
  pipe.operands = outer;
  meant.operands = words_of(pipe);
  return meant;
}

Correction of_pipe(const Correction& stage, size_t at, const PipeWords& given) {
  PipeWords pipe = given;
  const StageCommand command(pipe.stages[at].words);
  Correction of_stage = stage;
  Correction out{.before = stage.before, .after = stage.after, .drop = stage.drop};
  of_stage.add.clear();
  for (const auto& option : stage.add) (command.takes(option.first) ? of_stage : out).add.push_back(option);
  pipe.stages[at].words = command.given->corrected(of_stage);
  out.operands = words_of(pipe);
  return out;
}

}  // namespace kutils
