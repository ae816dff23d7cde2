#include "cli/operand_hints.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <set>
#include <string_view>

#include "base/correction.h"
#include "base/shell_word.h"
#include "base/time_format.h"
#include "cli/command_line.h"
#include "cli/misplaced_operand.h"
#include "expr/habits.h"
#include "io/endpoint.h"
#include "io/range.h"

namespace kutils::cli {
namespace {

bool has_spec(const ToolInfo& info) {
  return std::any_of(info.operands.begin(), info.operands.end(), [](const Operand& o) { return o.is_spec; });
}

// Looks like a SPEC that was taken for options: `-email`, `-x > 3`, `-a, b`.
bool may_be_spec(std::string_view argument) {
  return argument.size() > 2 && argument[0] == '-' && argument[1] != '-' &&
         (argument.size() > 3 || argument.find_first_of(" ,()=.") != argument.npos);
}

using Given = std::vector<std::string>::const_iterator;
// As one operand; `a, b` has a comma already.
std::string joined_names(Given from, Given to) {
  std::string all;
  for (; from != to; ++from)
    all += (all.empty() ? "" : ",") + from->substr(0, from->find_last_not_of(',') + 1);
  return all;
}

// How many of the words behind an option's value belong to it. `whole`: the value then.
size_t count_split(const GivenCommand::Word& option, const std::vector<std::string>& behind,
                   std::string& whole) {
  const bool is_length = option.name == "-w";  // `-w 1 minute`
  const bool is_time = is_length || option.option->metavar == "TIME";
  const bool is_expression = option.option->metavar == "EXPR";
  whole = *option.value;
  size_t count = 0;
  if (option.name == "-f" && whole.find('%') != whole.npos) {
    for (; count < behind.size() && behind[count].find('%') != std::string::npos; ++count)
      whole += " " + behind[count];
  } else if (is_time) {
    for (size_t n = 1; n <= std::min<size_t>(behind.size(), 2); ++n) {
      std::string text = *option.value;
      for (size_t i = 0; i < n; ++i) text += " " + behind[i];
      std::string meant = io::duration_in_words(text);
      if (meant.empty() && !is_length && parse_time_ms(text, 0)) meant = text;
      if (meant.empty()) continue;
      whole = meant;
      count = n;
    }
  } else if (is_expression) {
    constexpr std::string_view kBetween[] = {"==", "!=", "<=", ">=", "&&", "||", "and", "or"};
    while (count + 1 < behind.size() &&
           std::find(std::begin(kBetween), std::end(kBetween), behind[count]) != std::end(kBetween)) {
      whole += " " + behind[count] + " " + behind[count + 1];
      count += 2;
    }
  }
  return count;
}

bool is_file_operand(const std::string& text) {
  return text.find('/') != std::string::npos && access(text.c_str(), R_OK) == 0;
}

// LIST, a topic by its looks, and a file that is there.
bool may_write_file(const ToolInfo& info, const std::vector<std::string>& operands) {
  return (info.name == "kmap" || info.name == "kscore") && operands.size() == 3 &&
         (operands[1].starts_with("topic:") || io::is_topic_name(operands[1]));
}

}  // namespace

std::string spec_hint(const ToolInfo& info, const OptionTable& table, int argc, char** argv) {
  if (!has_spec(info)) return {};
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--") break;
    if (!may_be_spec(argument)) continue;
    const bool is_name =
        argument.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", 1) ==
        std::string::npos;
    // The command line without that word, which is then the SPEC.
    std::vector<const char*> others(argv, argv + argc);
    others.erase(others.begin() + i);
    const GivenCommand given(info, table, argc - 1, others.data());
    Correction meant;
    meant.operands = given.operands();
    // `kmap *, -email IN`, whose quotes were forgotten.
    if (is_name && info.name == "kmap" && !meant.operands->empty() && meant.operands->front() == "*,")
      meant.operands->erase(meant.operands->begin());
    meant.operands->insert(meant.operands->begin(),
                           is_name && info.name == "kmap" ? "*, " + argument : argument);
    if (is_name && info.name == "kmap") {
      meant.before = "to drop the field '" + argument.substr(1) + "', '*' names the others; write: ";
    } else {
      meant.before = "if '" + argument + "' is the " + info.operands[0].name + ", write it after '--': ";
    }
    return given.hint(meant);
  }
  return {};
}

std::string split_value_hint(const GivenCommand& given) {
  const std::vector<GivenCommand::Word>& words = given.words();
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (words[i].option == nullptr || !words[i].value) continue;
    std::vector<std::string> behind, others;
    size_t next = i + 1;
    for (; next < words.size() && words[next].kind == GivenCommand::Word::Kind::operand; ++next)
      behind.push_back(words[next].name);
    std::string whole;
    const size_t count = count_split(words[i], behind, whole);
    if (count == 0) continue;
    for (size_t k = 0; k < words.size(); ++k)
      if (words[k].kind == GivenCommand::Word::Kind::operand && (k <= i || k > i + count))
        others.push_back(words[k].name);
    return given.hint(
        {.before = "the shell splits a value at its spaces; quote that of " + words[i].name + ": ",
         .add = {{words[i].name, whole}},
         .operands = others});
  }
  return {};
}

std::string swapped_hint(const ToolInfo& info, const Operands& operands, const GivenCommand& given) {
  if (!has_spec(info) || !info.operands[0].is_spec || !operands.find(info.operands[0].name)) return {};
  const std::vector<std::string> words = given.operands();
  const auto is_name = [](const std::string& text) {
    return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:") ==
           std::string::npos;
  };
  const auto names_topics = [&](const std::string& text) {
    // `a,b` may be topics, `a, b` may not.
    const bool is_list =
        text.find(',') != std::string::npos && text.find_first_of(" =*(") == std::string::npos;
    return is_name(text) || text[0] == '^' || is_list || text.starts_with("./") || text.starts_with("../");
  };
  const auto spec = std::find_if_not(words.begin(), words.end(), names_topics);
  if (spec == words.end() || spec == words.begin() || !is_name(words[0])) return {};
  Correction meant;
  meant.operands = {*spec};
  const auto append = [&meant](auto from, auto to) {
    meant.operands->insert(meant.operands->end(), from, to);
  };
  const bool is_second = spec == words.begin() + 1;
  if (is_second && info.name == "kwindow" && std::isdigit(static_cast<unsigned char>(words[0][0]))) {
    meant.before = "the length of windows is an option: ";
    meant.add = {{"-w", words[0]}};
    append(spec + 1, words.end());
  } else if (is_second && info.name == "ktable" && words.size() > 2 && !given.has("--by") &&
             words[0].find('/') == std::string::npos && spec->find('(') != std::string::npos) {
    // `ktable uri 'count()' IN`, or `ktable IN 'count()' OUT`: of topics both may be meant.
    Correction groups = meant;
    groups.before = "records are grouped by an option: ";
    groups.add = {{"--by", words[0]}};
    groups.operands->insert(groups.operands->end(), spec + 1, words.end());
    if (words[2].find('/') != std::string::npos) return given.hint(groups);
    groups.before = "if '" + words[0] + "' is a field, records are grouped by an option: ";
    meant.before = given.hint(groups) + "\n" + info.operands[0].name + " comes first: ";
    append(words.begin(), spec);
    append(spec + 1, words.end());
  } else {
    meant.before = info.operands[0].name + " comes first: ";
    append(words.begin(), spec);
    append(spec + 1, words.end());
  }
  return given.hint(meant);
}

void refuse_forgotten_aggregates(const ToolInfo& info, const GivenCommand& given) {
  if (info.operands.empty() || info.operands[0].name != "AGGS") return;
  const std::vector<std::string> words = given.operands();
  const bool groups = given.has("--by") || given.has("--total") || given.has("-e") ||
                      (info.name == "kwindow" && given.has("-w"));
  if (words.size() != 1 || !groups || words[0] == "count") return;
  const bool is_file = words[0].starts_with("./") || words[0].starts_with("../") || words[0].starts_with("/");
  if (!is_file && !io::is_topic_name(words[0])) return;
  throw CorrectedError("AGGS is missing: '" + words[0] + "' is not an aggregate",
                       {.before = "records are counted by: ", .operands = {{"count()", words[0]}}});
}

void refuse_sql_as_name(const ToolInfo& info, const GivenCommand& given) {
  const bool aggregates = !info.operands.empty() && info.operands[0].name == "AGGS";
  if (given.operands().empty() || (!aggregates && (info.name != "kread" || given.operands().size() != 1)))
    return;
  const std::string text = given.operands()[0];
  std::string begin = text.substr(0, 7);
  std::transform(begin.begin(), begin.end(), begin.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (begin != "select ") return;
  std::string hint = expr::with_our_spelling("", text, true, [](const std::string&) { return false; });
  if (aggregates) {
    const size_t tool = hint.find("write: ktable ");
    if (tool == hint.npos) return;  // the columns alone, which the parser mends
    if (info.name == "kwindow") hint.replace(tool + 7, 6, given.has("-w") ? "kwindow" : "kwindow -w 1m");
    throw usage_error("AGGS: a statement of SQL is not a list of aggregates", hint);
  }
  // Without conditions and groups it is one tool or none.
  const expr::SimpleSelect simple = expr::simple_select(text);
  if (hint.empty() && !simple.from.empty()) {
    Correction meant;
    meant.operands = {simple.from};
    if (simple.columns != "*") {
      meant.tool = "kmap";
      meant.operands->insert(meant.operands->begin(), simple.columns);
    }
    throw CorrectedError("IN: SQL is not a topic", meant);
  }
  throw usage_error("IN: SQL is not a topic", hint);
}

// A file where the SPEC should be: the SPEC was forgotten, unless the operand after it looks like one.
void refuse_file_as_spec(const ToolInfo& info, const Operand& operand,
                         const std::vector<std::string>& given) {
  const std::string& text = given[0];
  if (std::any_of(given.begin() + 1, given.end(),
                  [](const std::string& one) { return one.find_first_of(" <>=!()") != std::string::npos; }))
    return;  // swapped_hint() tells
  if (text.empty() || text.find(' ') != std::string::npos || text.find_first_of("./") == std::string::npos)
    return;
  // awk's /re/
  if (text.size() > 2 && text.front() == '/' && text.back() == '/' && access(text.c_str(), F_OK) != 0)
    throw CorrectedError(
        "'" + text + "' is not the " + operand.name + ": it would be a path",
        {.before = "records whose text matches are found by: ",
         .tool = "kread",
         .add = {{"--grep", text.substr(1, text.size() - 2)}},
         .operands = std::vector<std::string>(
             given.begin() + 1,
             given.begin() + std::min<std::ptrdiff_t>(2, static_cast<std::ptrdiff_t>(given.size())))});
  if (text == "." && info.name == "kmap")
    throw CorrectedError("'.' is jq's name of the whole record", {.before = "all fields are: ", .spec = "*"});
  const bool spelled_as_file = text.find('=') == std::string::npos &&
                               (text[0] == '/' || text.rfind("./", 0) == 0 || text.rfind("../", 0) == 0);
  if (!spelled_as_file && access(text.c_str(), F_OK) != 0) return;
  throw usage_error(
      "the " + operand.name + " is missing: '" + text + "' is a file",
      usage_line(info) + (spelled_as_file ? "" : "; if it is meant as an expression: '(" + text + ")'"));
}

// `kmap * clicks`: the shell has put the names of this folder's files in place of the `*`.
void refuse_expanded_star(const ToolInfo& info, const std::vector<std::string>& given) {
  if (info.name != "kmap" && info.name != "kscore" && info.name != "kscan") return;
  std::set<std::string> here;
  DIR* const folder = opendir(".");
  if (folder == nullptr) return;
  while (const dirent* const entry = readdir(folder))
    if (entry->d_name[0] != '.') here.insert(entry->d_name);
  closedir(folder);
  // What begins with '-' is taken for options.
  std::erase_if(here, [](const std::string& name) { return name[0] == '-'; });
  if (here.empty() || given.size() < here.size() ||
      std::set<std::string>(given.begin(), given.begin() + static_cast<std::ptrdiff_t>(here.size())) != here)
    return;
  Correction meant;
  meant.operands = {given.begin() + static_cast<std::ptrdiff_t>(here.size()), given.end()};
  meant.operands->insert(meant.operands->begin(), "*");
  throw CorrectedError(
      "the " + info.operands[0].name + " needs quotes: the shell puts the names of files for *", meant);
}

// `kread clicks, views`: what the shell has cut at the space.
void refuse_split_names(const ToolInfo& info, const std::vector<std::string>& given) {
  if (info.operands.empty() || info.operands.back().is_many || info.operands.back().is_rest) return;
  const auto first = given.begin() + (info.operands[0].is_spec && !given.empty() ? 1 : 0);
  const auto ends_open = [](const std::string& one) { return one.size() > 1 && one.back() == ','; };
  if (info.operands[0].is_spec && !given.empty() && ends_open(given[0])) return;  // they are of the SPEC
  const auto begin = std::find_if(first, given.end(), ends_open);
  if (begin == given.end() || begin + 1 == given.end()) return;
  auto end = std::find_if_not(begin, given.end(), ends_open);
  if (end != given.end()) ++end;
  Correction meant{.before = "several topics are one operand: "};
  meant.operands = {given.begin(), begin};
  meant.operands->push_back(joined_names(begin, end));
  meant.operands->insert(meant.operands->end(), end, given.end());
  throw CorrectedError("'" + *begin + "' ends with a comma", meant);
}

// `ktake clicks 100 out`: names come behind the number or the duration.
void refuse_form_in_name(const ToolInfo& info, const std::vector<std::string>& given) {
  if (given.empty() || info.operands.empty() || info.operands[0].has_form == nullptr) return;
  const auto has_form = info.operands[0].has_form;
  const auto found = std::find_if(given.begin() + 1, given.end(), has_form);
  if (has_form(given[0]) || found == given.end()) return;
  Correction meant{.before = info.operands[0].name + " comes first: "};
  meant.operands = {*found};
  meant.operands->insert(meant.operands->end(), given.begin(), found);
  meant.operands->insert(meant.operands->end(), found + 1, given.end());
  throw CorrectedError("the " + info.operands[0].name + " '" + *found + "' stands behind '" + given[0] + "'",
                       meant);
}

// `kmap uri number ./in`, `kmap uri, number ./in`, `kfilter 'a > 1' 'b > 2' ./in`: a SPEC that the shell has cut.
void refuse_split_spec(const ToolInfo& info, const std::vector<std::string>& given) {
  if (!has_spec(info) || given.size() < 2) return;
  const bool is_list = info.name == "kmap" || info.name == "kscore" || info.name == "kscan" ||
                       info.name == "ktable" || info.name == "kwindow";
  // `uri,` is no expression: what follows belongs to it, up to what does not end so.
  size_t parts = 1;
  if (is_list)
    while (parts < given.size() && !given[parts - 1].empty() && given[parts - 1].back() == ',') ++parts;
  // `kmap 'uri,' ./in`: a comma behind the last item.
  const auto is_file = [](const std::string& one) { return one == "-" || one.find('/') != one.npos; };
  if (parts > 1 && is_file(given[parts - 1])) {
    --parts;
    if (parts == 1) {
      Correction without;
      without.spec = given[0].substr(0, given[0].find_last_not_of(", ") + 1);
      throw CorrectedError("the " + info.operands[0].name + " ends with a comma", without);
    }
  }
  // Where the last operand is a file that is there, it is read, and OUT was not given.
  // `kmap uri clicks ./out` may well be what it says: split_spec_hint().
  const bool reads_last = given.size() > 2 && is_file_operand(given.back()) && !may_write_file(info, given);
  if (parts == 1 && reads_last &&
      std::none_of(given.begin() + 1, given.end() - 1, [](const std::string& one) {
        return one.find('/') != std::string::npos || one == "-" || one.empty();
      })) {
    const auto is_expression = [](const std::string& one) {
      return one.find_first_of(" <>=!(") != std::string::npos;
    };
    const bool are_expressions = std::all_of(given.begin(), given.end() - 1, is_expression);
    // `ktable uri 'count()' ./in` is another mistake.
    if (info.name == "kmap" || info.name == "kscore" ||
        (are_expressions && (is_list || info.name == "kfilter")))
      parts = given.size() - 1;
  }
  if (parts == 1) return;
  std::string spec;
  for (size_t i = 0; i < parts; ++i) {
    if (i > 0) spec += is_list ? (given[i - 1].back() == ',' ? " " : ", ") : " && ";
    spec += given[i];
  }
  if (is_list) spec.erase(spec.find_last_not_of(", ") + 1);
  Correction meant;
  meant.operands = {spec};
  meant.operands->insert(meant.operands->end(), given.begin() + static_cast<std::ptrdiff_t>(parts),
                         given.end());
  throw CorrectedError("the " + info.operands[0].name + " needs quotes: the shell splits it at its spaces",
                       meant);
}

std::string split_spec_hint(const ToolInfo& info, const GivenCommand& given) {
  const std::vector<std::string> operands = given.operands();
  if (!may_write_file(info, operands) || !is_file_operand(operands[2])) return {};
  Correction meant;
  meant.before = "where '" + operands[1] + "' is of the " + info.operands[0].name + ", write: ";
  meant.operands = {operands[0] + ", " + operands[1], operands[2]};
  return given.hint(meant);
}

// More operands than there are places.
void refuse_extra_operands(const ToolInfo& info, const std::vector<std::string>& given) {
  const size_t places = info.operands.size();
  const std::string extra = given[places];
  refuse_split_spec(info, given);
  std::string hint =
      usage_line(info) +
      (has_spec(info) && has_cut_operand(given) ? " - an expression with spaces needs quotes" : "");
  // `kread a b`, as cat does.
  if (info.operands.back().name == "IN" && places == 1) {
    const auto expression = std::find_if(given.begin(), given.end(), [](const std::string& one) {
      return one.find_first_of(" <>=!()") != std::string::npos;
    });
    const std::string too_many = "one operand too many: '" + extra + "'";
    if (expression != given.end() && given.size() == 2 && info.name == "kread")
      throw CorrectedError(too_many, {.before = "an expression chooses by --where: ",
                                      .add = {{"--where", *expression}},
                                      .operands = {{given[expression == given.begin() ? 1 : 0]}}});
    // `kread --count 5 IN`, as many programs have it.
    if (given.size() == 2 && info.name == "kread" &&
        given[0].find_first_not_of("0123456789") == given[0].npos)
      throw CorrectedError(too_many, {.before = "a number of records is: ",
                                      .add = {{"-c", given[0]}},
                                      .drop = {"--count"},
                                      .operands = {{given[1]}}});
    const auto is_file = [](const std::string& one) { return one == "-" || one.find('/') != one.npos; };
    if (std::all_of(given.begin(), given.end(), is_file)) {
      hint = "one file is read at a time; several, as one stream: cat " + shell_command(given) + " | " +
             info.name;
    } else if (given.size() == 2 && is_file(given[1])) {
      hint =
          info.name + " prints; a topic is exported with keys and times by: kcp -e " + shell_command(given);
    } else if (std::any_of(given.begin(), given.end(), is_file)) {
      hint = "topics are read by one " + info.name + ", files by another";
    } else {
      const std::string all = joined_names(given.begin(), given.end());
      throw CorrectedError(too_many, {.before = "several topics are one operand: ", .operands = {{all}}});
    }
  }
  const auto is_path = [](const std::string& one) { return one.find('/') != one.npos; };
  // `kfilter EXPR ./*.ndjson`
  if (info.operands[0].is_spec && places == 3 && info.operands[1].name == "IN" &&
      std::all_of(given.begin() + 1, given.end(), is_path))
    throw CorrectedError("one operand too many: '" + extra + "'",
                         {.before = "one file is read at a time; several, as one stream: cat " +
                                    shell_command({given.begin() + 1, given.end()}) + " | ",
                          .operands = {{given[0]}}});
  // `kmerge ./a ./b out`, `kmerge a b -`
  if (info.name == "kmerge" && std::all_of(given.begin(), given.end() - 1, is_path))
    throw usage_error(
        "kmerge merges topics into a topic",
        "files are put together by: cat " + shell_command({given.begin(), given.end() - 1}) +
            // The last file may be one to read or the one to write: it is read, so that none is replaced.
            (is_path(given.back()) ? " " + shell_word(given.back())
             : given.back() == "-" ? ""
                                   : " | kwrite " + shell_word(given.back())));
  if (info.name == "kmerge" && given.back() == "-")
    throw CorrectedError("kmerge merges topics into a topic",
                         {.before = "several topics are printed by: ",
                          .tool = "kread",
                          .operands = {{joined_names(given.begin(), given.end() - 1)}}});
  // `kcp a b c`, `kmerge a b c`, as cp and sort have it.
  if (places == 2 && info.operands[0].name == "IN" && info.operands[1].name == "OUT" &&
      (info.name == "kcp" || info.name == "kmerge")) {
    const std::string all = joined_names(given.begin(), given.end() - 1);
    throw CorrectedError("one operand too many: '" + extra + "'",
                         {.before = "several topics are one operand: ",
                          .tool = info.name == "kcp" ? "kmerge" : "",
                          .add = {{"-g", "merge-" + given.back()}},
                          .operands = {{all, given.back()}}});
  }
  // `kbranch COND IN MATCHES REST`
  if (info.operands[0].name.rfind("TOPIC=COND", 0) == 0 && given.size() == places + 1)
    throw CorrectedError("one operand too many: '" + extra + "'",
                         {.before = "the topic of what matches stands in front of its condition: ",
                          .operands = {{given[2] + "=" + given[0], given[1], given[3]}}});
  throw usage_error("one operand too many: '" + extra + "'", hint);
}

}  // namespace kutils::cli
