#include "cli/misplaced_operand.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>

#include "base/correction.h"
#include "base/duration.h"
#include "base/shell_word.h"
#include "expr/parser.h"
#include "expr/source_error.h"
#include "flow/aggregate/aggregate.h"
#include "io/endpoint.h"
#include "io/range.h"

namespace kutils::cli {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

bool is_field(const std::string& text) {
  return !text.empty() && (text[0] < '0' || text[0] > '9') &&
         text.find_first_not_of(kLetters) == std::string::npos;
}

// `count()`, `n=sum(number)`: calls an aggregate first.
bool is_aggregate(const std::string& text) {
  const size_t open = text.find('(');
  if (open == std::string::npos || text.back() != ')') return false;
  const size_t name = text.find_last_not_of(kLetters, open == 0 ? 0 : open - 1);
  const size_t begin = name == std::string::npos ? 0 : name + 1;
  return begin < open && flow::find_aggregate_function(text.substr(begin, open - begin)) != nullptr;
}

std::string too_many(const std::string& operand) { return "one operand too many: '" + operand + "'"; }

// ktable and kwindow: AGGS is among the first two, and what stands beside it is an option's value.
void refuse_value_as_operand(const GivenCommand& given, std::vector<std::string> words) {
  const std::string* const by = given.value("--by");
  if (by && is_aggregate(*by) && !words.empty() && std::none_of(words.begin(), words.end(), is_aggregate)) {
    words.insert(words.begin(), *by);
    throw CorrectedError(
        "--by has no value: '" + *by + "' is the AGGS",
        {.before = "name the field that groups records: ", .add = {{"--by", "FIELD"}}, .operands = words});
  }
  if (words.size() != 4) return;
  const auto aggregates = std::find_if(words.begin(), words.begin() + 2, is_aggregate);
  if (aggregates == words.begin() + 2) return;
  const std::string value = words[aggregates == words.begin() ? 1 : 0];
  Correction meant;
  meant.operands = {*aggregates, words[2], words[3]};
  if (given.takes("-w") && !given.has("-w") && parse_duration(value)) {
    meant.before = "the length of windows is an option: ";
    meant.add = {{"-w", value}};
  } else if (is_field(value) && !given.has("--total")) {
    meant.before = "records are grouped by an option: ";
    meant.add = {{"--by", by ? *by + "," + value : value}};
  } else {
    return;
  }
  throw CorrectedError(too_many(words[3]), meant);
}

// `kfilter 'a > 1' 'b < 2' IN OUT`
void refuse_two_conditions(const std::vector<std::string>& words) {
  const auto names = std::find_if_not(words.begin(), words.end(), is_condition);
  const auto count = names - words.begin();
  if (count < 2 || words.end() - names > 2 || std::any_of(names, words.end(), [](const std::string& one) {
        return one.find_first_of(" <>=!(") != one.npos;
      }))
    return;
  std::string all;
  for (auto one = words.begin(); one != names; ++one) all += (all.empty() ? "(" : " && (") + *one + ")";
  Correction meant{.before = "several conditions are one: "};
  meant.operands = {all};
  meant.operands->insert(meant.operands->end(), names, words.end());
  throw CorrectedError("the EXPR is given " + (count == 2 ? "twice" : std::to_string(count) + " times"),
                       meant);
}

// `kbranch 'low=n < 5' 'mid=n < 9' IN OUT`, `kbranch low 'n < 5' IN OUT`
void refuse_split_branches(const std::vector<std::string>& words) {
  if (words.size() < 4) return;
  const auto has_name = [](const std::string& one) {
    const size_t equals = one.find('=');
    return equals != one.npos && equals > 0 && one.substr(equals, 2) != "==" &&
           io::is_topic_name(one.substr(0, equals));
  };
  const auto ends = words.end() - 2;
  std::string all;
  if (std::all_of(words.begin(), ends, has_name)) {
    for (auto one = words.begin(); one != ends; ++one) all += (all.empty() ? "" : ",") + *one;
  } else if (words.size() % 2 == 0) {
    for (auto one = words.begin(); one != ends; one += 2) {
      if (!io::is_topic_name(*one) || !is_condition(*(one + 1))) return;
      all += (all.empty() ? "" : ",") + *one + "=" + *(one + 1);
    }
  } else {
    return;
  }
  throw CorrectedError(too_many(words.back()), {.before = "topics and their conditions are one operand: ",
                                                .operands = {{all, *ends, words.back()}}});
}

// `kfilter EXPR IN -o OUT`, as many programs name what they write.
void refuse_output_as_place(const ToolInfo& info, const GivenCommand& given,
                            const std::vector<std::string>& words) {
  const std::string* const where = given.value("-o");
  if (where == nullptr || !io::is_topic_name(*where) || info.operands.back().name != "OUT" ||
      words.size() + 1 != info.operands.size())
    return;
  try {
    io::Range range;
    range.from = *where;
    io::parse_range(range, 0);
  } catch (const Error&) {
    std::vector<std::string> operands = words;
    operands.push_back((io::looks_like_file(*where) ? "./" : "") + *where);
    throw CorrectedError("-o " + *where + ": not a position in a topic",
                         {.before = "OUT is the last operand: ", .drop = {"-o"}, .operands = operands});
  }
}

// `kread --grep -i home clicks`: letters of grep, which are taken for the pattern.
void refuse_greps_letters(const GivenCommand& given, const std::vector<std::string>& words) {
  const std::string* const letters = given.value("--grep");
  if (letters == nullptr || letters->size() < 2 || letters->front() != '-' || words.size() != 2 ||
      letters->find_first_not_of("iEPehnHvcowxF", 1) != letters->npos)
    return;
  const std::string message = "--grep " + *letters + ": '" + words[0] + "' is the pattern, or a second IN";
  if (letters->find_first_of("vcowxF", 1) != letters->npos)
    throw CorrectedError(message, {.before = "lines are searched by: ",
                                   .after = " | grep " + *letters + " " + shell_word(words[0]),
                                   .drop = {"--grep"},
                                   .operands = {{words[1]}}});
  const std::string pattern = (letters->find('i') != letters->npos ? "(?i)" : "") + words[0];
  throw CorrectedError(message, {.add = {{"--grep", pattern}}, .operands = {{words[1]}}});
}

}  // namespace

bool is_condition(const std::string& text) {
  if (text.find_first_of(" <>=!(") == std::string::npos) return false;
  try {
    return expr::parse(text) != nullptr;
  } catch (const expr::SourceError&) {
    return false;
  }
}

void refuse_misplaced_operands(const ToolInfo& info, const GivenCommand& given) {
  if (info.operands.empty()) return;
  const std::vector<std::string> words = given.operands();
  refuse_output_as_place(info, given, words);
  if (info.name == "kread") refuse_greps_letters(given, words);
  if (!info.operands[0].is_spec) return;
  if (info.operands[0].name == "AGGS") refuse_value_as_operand(given, words);
  if (info.name == "kfilter") refuse_two_conditions(words);
  if (info.name == "kbranch" && !given.has("--to")) refuse_split_branches(words);
  // `kgroupby uri country IN OUT`
  const bool takes_keys = info.name == "kgroupby" || info.name == "kdedup";
  if (takes_keys && words.size() == 4 && is_field(words[0]) && is_field(words[1]))
    throw CorrectedError(too_many(words[3]),
                         {.before = "several keys are one operand: ",
                          .operands = {{words[0] + ", " + words[1], words[2], words[3]}}});
}

bool has_cut_operand(const std::vector<std::string>& operands) {
  constexpr std::string_view kWords[] = {"and", "or", "not", "in",   "AND", "OR",
                                         "NOT", "IN", "is",  "like", "as"};
  return std::any_of(operands.begin(), operands.end(), [&](const std::string& one) {
    if (one.empty() || one == "-") return false;
    if (std::find(std::begin(kWords), std::end(kWords), one) != std::end(kWords)) return true;
    constexpr std::string_view kBegins = "<>=&|+)", kEnds = "<>=&|+-!,(";
    return kBegins.find(one.front()) != kBegins.npos || kEnds.find(one.back()) != kEnds.npos || one == "*" ||
           std::count(one.begin(), one.end(), '(') != std::count(one.begin(), one.end(), ')');
  });
}

}  // namespace kutils::cli
