#include "cli/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/nearest_name.h"
#include "base/read_line.h"
#include "base/shell_word.h"
#include "base/time_format.h"
#include "base/word_list.h"
#include "cli/foreign_command.h"
#include "cli/meant_option.h"
#include "cli/misplaced_operand.h"
#include "expr/habits.h"
#include "io/endpoint.h"
#include "io/range.h"

namespace kutils::cli {
namespace {

// What users of kcat, the Kafka scripts and rpk type first, and how it is said here.
struct Foreign {
  const char* option;
  const char* ours;
};
constexpr Foreign kForeign[] = {
    {"-t", "topics are operands here: "},
    {"-g", "a consumer group is an operand here: "},
    {"--topic", "topics are operands here: "},
    {"-G", "a consumer group is: -g NAME"},
    {"--group", "a consumer group is: -g NAME"},
    {"-C", "to consume a topic: kread TOPIC"},
    {"-P", "to produce to a topic: kwrite TOPIC"},
    {"-L", "to list topics: ktopic list"},
    {"--list", "to list topics: ktopic list"},
    {"-D", "records are lines here; with a NUL byte at their ends: -0"},
    {"-H", "a header is: --header NAME=EXPR"},
    {"-k", "a key is --key EXPR; a literal one: --key '\"text\"'"},
    {"-d", "more is printed by -v; librdkafka's own debugging: -X debug=all"},
    {"-E", "what to do about records that failed: --on-error skip"},
    {"-n", "a number of records is: -c N"},
    {"-z", "compression is: -X compression.codec=zstd"},
    {"-u", "rows are written as soon as no more input waits; leave it out"},
    {"-l", "a file is an operand: kwrite ./FILE TOPIC"},
    {"-s", "how bytes are encoded is: --value-codec CODEC"},
    {"--brokers", "brokers are: -b HOST:PORT"},
    {"--bootstrap-server", "brokers are: -b HOST:PORT"},
    {"--bootstrap-servers", "brokers are: -b HOST:PORT"},
    {"--broker-list", "brokers are: -b HOST:PORT"},
    {"--from-beginning", "where to read is: -o beginning"},
    {"--offset", "where to read is: -o WHERE"},
    {"--partition", "partitions to read are: -p LIST"},
    {"--max-messages", "a number of records is: -c N"},
    {"--num", "a number of records is: -c N"},
    {"--limit", "a number of records that are written is -m N, that are read: -c N"},
    {"--count", "records are counted by ktable --total 'count()' IN; a number of records is: -c N"},
    {"--group-by", "ktable and kwindow group records: --by EXPR"},
    {"--filter", "to choose records: kfilter EXPR IN"},
    {"--hexdump", "bytes are shown by: -O hex"},
    {"--hex", "bytes are shown by: -O hex"},
    {"--schema", "the fields of the values and their types are shown by: kread -e --types TOPIC"},
    {"--property",
     "keys are printed and read by -K SEP, headers and times by -J; a librdkafka property is: -X NAME=VALUE"},
    {"--formatter-property", "keys are printed by -K SEP; key, headers and times by: -J"},
    {"--reader-property", "keys are read by: -K SEP"},
    {"--consumer-property", "a librdkafka property of one side is: -X consumer.NAME=VALUE"},
    {"--producer-property", "a librdkafka property of one side is: -X producer.NAME=VALUE"},
    {"--consumer.config", "a configuration file is: -F FILE"},
    {"--producer.config", "a configuration file is: -F FILE"},
    {"--command-config", "a configuration file is: -F FILE"},
    {"--config", "a configuration file is: -F FILE"},
    {"--format", "formats are -I FMT, -O FMT and: -f FORMAT"},
    {"--quiet", "that is: -q"},
    {"--verbose", "that is: -v"},
    {"--json", "kcat's JSON envelope is: -J"},
    {"--topics", "topics are operands here: "},
    {"--whitelist", "topics are operands, also by a pattern: '^REGEX'"},
    {"--include", "topics are operands, also by a pattern: '^REGEX'"},
    {"--follow", "a topic is read as it grows, unless -e is given; leave it out"},
    {"--no-follow", "to stop at what is the end now: -e"},
    {"--exit-eof", "to stop at what is the end now: -e"},
    {"--print-key", "key, headers and times are shown by -J, or as chosen by: -f '%k %s\\n'"},
    {"--formatter", "formats are -I FMT, -O FMT and: -f FORMAT"},
    {"--pretty-print", "JSON over several lines is: --pretty"},
    {"--isolation-level",
     "what is not committed is not read; to read it: -X consumer.isolation.level=read_uncommitted"},
    {"--timeout-ms", "to stop at what is the end now: -e"},
    {"--skip-message-on-error", "records that fail are passed over by: --on-error skip"},
    {"--num-messages", "a number of records is: -c N"},
    {"--max", "a number of records is: -c N"},
    {"--begin", "where to read is: -o beginning"},
    {"--beginning", "where to read is: -o beginning"},
    {"--earliest", "where to read is: -o beginning"},
    {"--end", "only what is new is read by: -o end"},
    {"--latest", "only what is new is read by: -o end"},
    {"--from", "where to read is --since TIME or: -o WHERE"},
    {"--start-offset", "where to read is: -o WHERE"},
    {"--to", "where to stop is --until TIME, or with an offset: -o FROM:TO"},
    {"--acks", "all replicas in sync acknowledge each record; leave it out"},
    {"--compression", "compression is: -X compression.codec=zstd"},
    {"--compression-codec", "compression is: -X compression.codec=zstd"},
    {"--not", "what does not match is chosen by: '!(EXPR)'"},
    {"--sort-by", "rows of a table are sorted where they are printed: -O table --sort COLUMN"},
    {"--by", "ktable and kwindow group records: --by EXPR"},
    {"--groupby", "ktable and kwindow group records: --by EXPR"},
    {"--size", "the length of a window is: -w DURATION"},
    {"--every", "windows that overlap are: -w LENGTH/STEP"},
    {"--invert", "what does not match is chosen by: '!(EXPR)'"},
    {"--invert-match", "what does not match is chosen by: '!(EXPR)'"},
    {"--drop", "fields are dropped by: kmap '*, -FIELD' IN"},
    {"--exclude", "fields are dropped by: kmap '*, -FIELD' IN"},
    {"--select", "fields are chosen by: kmap 'FIELD, FIELD' IN"},
    {"--fields", "fields are chosen by: kmap 'FIELD, FIELD' IN"},
    {"--columns", "fields are chosen by: kmap 'FIELD, FIELD' IN"},
    {"--order-by", "rows of a table are sorted where they are printed: -O table --sort COLUMN"},
    {"--top", "rows of a table are sorted where they are printed: -O table --sort -COLUMN"},
    {"--csv", "lines are read as CSV by -I csv, written by: -O csv"},
    {"--where", "records are chosen by: kfilter EXPR IN"},
    {"--head", "a number of records is: -c N"},
    {"--rows", "a number of records is: -c N"},
    {"--last", "the last records of a topic are: --tail N"},
    {"--grep", "records that hold a text are chosen by: kfilter 'FIELD.contains(\"TEXT\")' IN"},
    {"-i", "letters of either case match by: EXPR.matches(\"(?i)REGEX\")"},
    {"-Q", "what a topic holds since a time is read by: --since TIME"},
    {"--describe",
     "ktopic describe TOPIC says how a topic is made up; how far a group is behind: klag GROUP"},
    {"--reset-offsets", "a group is set to another place by: koffset reset"},
    {"-w", "tables have no windows; the same per window is: kwindow -w DURATION AGGS IN"},
    {"--window", "the length of a window is: -w DURATION"},
    {"--tumbling", "the length of a window is: -w DURATION"},
    {"--hop", "windows that overlap are: -w LENGTH/STEP"},
    {"--hopping", "windows that overlap are: -w LENGTH/STEP"},
    {"--slide", "windows that overlap are: -w LENGTH/STEP"},
    {"--step", "windows that overlap are: -w LENGTH/STEP"},
    {"--session", "windows that end after silence are: -w session:DURATION"},
    {"-r", "text without quotes is written by: -f '%{EXPR}\\n'"},
    {"--force", "what changes or deletes is done by: --execute"},
    {"--yes", "what changes or deletes is done by: --execute"},
    {"--all-groups", "groups and what each has read are listed by: koffset list"},
    {"--raw-output", "text without quotes is written by: -f '%{EXPR}\\n'"},
};

// A hint of kForeign as it is true of this tool: one that names no tool, but an option that this one lacks,
// says so. What stands in quotes is no option.
std::string true_of(const ToolInfo& info, const OptionTable& table, const std::string& hint) {
  std::string lacking;
  std::string word;
  bool quoted = false;
  for (const char c : hint + ' ') {
    if (c == '\'') quoted = !quoted;
    if (c != ' ' && c != ',' && c != ';') {
      word += c;
      continue;
    }
    for (const char* tool :
         {"kread", "kwrite", "ktopic", "koffset", "klag", "ktable", "kwindow", "kmap", "kfilter"}) {
      if (word == tool) return hint;
    }
    if (!quoted && word.size() > 1 && word[0] == '-' && find_option(table, word) == nullptr) lacking = word;
    word.clear();
  }
  return lacking.empty() ? hint : info.name + " has no such option; in tools that have it, " + hint;
}

bool has_spec(const ToolInfo& info) {
  return std::any_of(info.operands.begin(), info.operands.end(), [](const Operand& o) { return o.is_spec; });
}

// Looks like a SPEC that was taken for options: `-email`, `-x > 3`, `-a, b`.
bool may_be_spec(std::string_view argument) {
  return argument.size() > 2 && argument[0] == '-' && argument[1] != '-' &&
         (argument.size() > 3 || argument.find_first_of(" ,()=.") != argument.npos);
}

// ksort's order is that of times; a table's rows have any.
std::string sorted_hint(const ToolInfo& info, const OptionTable& table, int argc, char** argv,
                        const std::string& option) {
  const GivenCommand given(info, table, argc, argv,
                           [&](const std::string& name) { return std::make_optional(name == option); });
  std::string field;
  for (const GivenCommand::Word& word : given.words())
    if (word.name == option && word.value) field = *word.value;
  if (field.empty()) field = "FIELD";
  const std::vector<std::string> operands = given.operands();
  Correction by_time{.before = "ksort brings records into the order of their times; of a time in a field: ",
                     .add = {{"--time", field}},
                     .drop = {option}};
  if (!given.has("--within")) by_time.add.insert(by_time.add.begin(), {"--within", "1m"});
  const std::string out = given.hint(by_time);
  if (operands.empty()) return out;
  return given.hint({.before = "to see them by any field: ",
                     .tool = "kread",
                     .add = {{"-e", ""}, {"-O", "table"}, {"--sort", field}},
                     .drop = {option, "-e", "--within", "--time", "-g"},
                     .operands = {{operands[0]}}}) +
         "\n" + out;
}

Error unknown_option(const ToolInfo& info, const OptionTable& table, const std::string& argument, int argc,
                     char** argv) {
  const std::string name = argument.substr(0, argument.find('='));
  const bool is_long = name.rfind("--", 0) == 0;
  const std::string letter = is_long ? name : name.substr(0, 2);
  const auto theirs = foreign_command(info, table, argc, argv);
  if (theirs && theirs->command.empty())
    return usage_error("unknown option '" + letter + "'",
                       theirs->remarks.substr(0, theirs->remarks.size() - 1));
  if (theirs && theirs->words > 1)
    return usage_error("unknown option '" + letter + "'", theirs->remarks + "write: " + theirs->command);
  std::string hint = may_be_spec(argument) && argument.find_first_of(" ,()<>") != argument.npos
                         ? spec_hint(info, table, argc, argv)
                         : std::string();
  if (hint.empty()) {
    for (const Foreign& foreign : kForeign) {
      if (letter != foreign.option) continue;
      hint = true_of(info, table, foreign.ours);
      if (info.name == "kgroupby" && letter == "--by") hint = "the key is the first operand: ";
      if (info.name == "ksort" && (letter == "--by" || has_word("--sort-by --order-by", letter)))
        return usage_error("unknown option '" + letter + "'", sorted_hint(info, table, argc, argv, letter));
      if (info.name == "kdedup" && letter == "--by") hint = "what makes records equal is the first operand: ";
      const auto meant = theirs ? std::nullopt : meant_by_option(info, table, argc, argv, letter);
      if (meant) {
        if (!hint.ends_with("operand: ")) hint = foreign.ours;
        const size_t colon = hint.find(": ");
        return usage_error("unknown option '" + letter + "'",
                           (colon == std::string::npos ? "write: " : hint.substr(0, colon + 2)) + *meant);
      }
      if (info.name == "ktopic" && letter == "-r") hint = "the replication factor is an option: ";
      // Said by the command itself, or true of other tools only.
      if (theirs &&
          ((info.name == "koffset" && letter == "--to") || (info.name != "kread" && letter == "--json")))
        hint = "write: " + theirs->command;
      if (info.name == "koffset" && letter == "--list") hint = "to list groups: koffset list";
      if (info.name == "klag" && letter == "--list")
        hint = "groups and what each has read are listed by: koffset list";
      if (info.name == "ktake" && (letter == "-n" || letter == "--num" || letter == "--head"))
        hint = "how many is the first operand: ktake N IN OUT";
      if (info.name == "klag" && letter == "--group") hint = "a consumer group is an operand here: ";
      if (hint.back() == ' ')
        hint += theirs ? theirs->command : info.name + " " + operand_usage(info);
      else if (theirs && !hint.ends_with(theirs->command))
        hint += "; write: " + theirs->command;
      // Of this option the hint says more than its remark.
      if (theirs && !theirs->remarks.starts_with(letter + " ")) hint.insert(0, theirs->remarks);
      return usage_error("unknown option '" + letter + "'", hint);
    }
  }
  if (theirs)
    return usage_error("unknown option '" + letter + "'", theirs->remarks + "write: " + theirs->command);
  // head -5
  if (hint.empty() && argument.size() > 1 && argument.find_first_not_of("0123456789", 1) == argument.npos)
    hint = "a number of records is: " +
           GivenCommand(info, table, argc, argv)
               .hint({.before = "", .add = {{"-c", argument.substr(1)}}, .drop = {argument.substr(0, 2)}});
  if (hint.empty() && is_long) {
    std::vector<std::string> names;
    for (const Option& option : table.options()) {
      if (option.hidden) continue;
      for (std::string& each : split_names(option.names)) {
        if (each.size() > 2) names.push_back(std::move(each));
      }
    }
    const std::string near = nearest_name(name, names);
    if (!near.empty()) hint = "did you mean '" + near + "'? ";
  }
  if (hint.empty() && info.name == "kpipe")
    hint = "an option of one stage stands behind its name, as in kpipe kwindow -w 10s ...; ";
  if (hint.empty()) hint = spec_hint(info, table, argc, argv);
  if (hint.empty() || hint.back() == ' ') hint += "'" + info.name + " --help-all' lists all options";
  const bool is_number = hint.rfind("a number of records", 0) == 0;
  return usage_error("unknown option '" + (is_long || is_number ? name : letter) + "'", hint);
}

// A file where the SPEC should be: the SPEC was forgotten, unless the operand after it looks like one.
void refuse_file_as_spec(const ToolInfo& info, const Operand& operand,
                         const std::vector<std::string>& given) {
  const std::string& text = given[0];
  const std::string next = given.size() > 1 ? given[1] : "";
  if (next.find_first_of(" <>=!()") != std::string::npos) return;  // swapped_hint() tells
  if (text.empty() || text.find(' ') != std::string::npos || text.find_first_of("./") == std::string::npos)
    return;
  // awk's /re/
  if (text.size() > 2 && text.front() == '/' && text.back() == '/' && access(text.c_str(), F_OK) != 0)
    throw CorrectedError(
        "'" + text + "' is no " + operand.name + ": it would be a path",
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
  throw usage_error("the " + operand.name + " is missing: '" + text + "' is a file",
                    "usage: " + info.name + " [OPTIONS] " + operand_usage(info) +
                        (spelled_as_file ? "" : "; if it is meant as an expression: '(" + text + ")'"));
}

using Given = std::vector<std::string>::const_iterator;
// As one operand; `a, b` has a comma already.
std::string joined_names(Given from, Given to) {
  std::string all;
  for (; from != to; ++from)
    all += (all.empty() ? "" : ",") + from->substr(0, from->find_last_not_of(',') + 1);
  return all;
}

// `kread clicks, views`: what the shell has cut at the space.
void refuse_split_names(const ToolInfo& info, const std::vector<std::string>& given) {
  if (info.operands.empty() || info.operands.back().is_many || info.operands.back().is_rest) return;
  const auto first = given.begin() + (info.operands[0].is_spec && !given.empty() ? 1 : 0);
  const auto ends_open = [](const std::string& one) { return one.size() > 1 && one.back() == ','; };
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

namespace {

// How many of the words behind an option's value belong to it. `whole`: the value then.
size_t count_split(const GivenCommand::Word& option, const std::vector<std::string>& behind,
                   std::string& whole) {
  const bool is_time = option.option->metavar == "TIME";
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
      if (meant.empty() && parse_time_ms(text, 0)) meant = text;
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

}  // namespace

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
    return given.hint({.before = "the value of " + words[i].name + " is one word of the shell's: ",
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
    groups.before = "what groups records is an option: ";
    groups.add = {{"--by", words[0]}};
    groups.operands->insert(groups.operands->end(), spec + 1, words.end());
    if (words[2].find('/') != std::string::npos) return given.hint(groups);
    groups.before = "if '" + words[0] + "' is a field, what groups records is an option: ";
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
  throw CorrectedError("AGGS is missing: '" + words[0] + "' is no aggregate",
                       {.before = "records are counted by: ", .operands = {{"count()", words[0]}}});
}

void refuse_sql_as_name(const ToolInfo& info, const GivenCommand& given) {
  if (info.name != "kread" || given.operands().size() != 1) return;
  const std::string text = given.operands()[0];
  std::string begin = text.substr(0, 7);
  std::transform(begin.begin(), begin.end(), begin.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (begin != "select ") return;
  std::string hint = expr::with_our_spelling("", text, true, [](const std::string&) { return false; });
  // Without conditions and groups it is one tool or none.
  const expr::SimpleSelect simple = expr::simple_select(text);
  if (hint.empty() && !simple.from.empty()) {
    Correction meant;
    meant.operands = {simple.from};
    if (simple.columns != "*") {
      meant.tool = "kmap";
      meant.operands->insert(meant.operands->begin(), simple.columns);
    }
    throw CorrectedError("IN: SQL is no topic", meant);
  }
  throw usage_error("IN: SQL is no topic", hint);
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
    throw usage_error(what, spec_hint(info, table, argc, argv));
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
      throw usage_error("the value of '" + option.names + "' ends with a comma",
                        "several are one word of the shell's: " + option.names + " '" + value + " ...'");
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
      throw usage_error("'" + path + "' is longer than 1 MiB, which no expression is",
                        "give the file that was meant");
  }
  if (file.bad()) throw usage_error("cannot read '" + path + "': " + std::strerror(errno));
  while (!out.empty() && std::strchr(" \t\r\n", out.back())) out.pop_back();
  if (out.empty()) throw usage_error("'" + path + "' holds no expression");
  return out + '\n';  // its last line may end in a comment
}

namespace {

bool is_file_operand(const std::string& text) {
  return text.find('/') != std::string::npos && access(text.c_str(), R_OK) == 0;
}

// LIST, a topic by its looks, and a file that is there.
bool may_write_file(const ToolInfo& info, const std::vector<std::string>& operands) {
  return (info.name == "kmap" || info.name == "kscore") && operands.size() == 3 &&
         (operands[1].starts_with("topic:") || io::is_topic_name(operands[1]));
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
  Correction meant;
  meant.operands = {spec};
  meant.operands->insert(meant.operands->end(), given.begin() + static_cast<std::ptrdiff_t>(parts),
                         given.end());
  throw CorrectedError("the " + info.operands[0].name + " is one word of the shell's, in quotes", meant);
}

}  // namespace

std::string split_spec_hint(const ToolInfo& info, const GivenCommand& given) {
  const std::vector<std::string> operands = given.operands();
  if (!may_write_file(info, operands) || !is_file_operand(operands[2])) return {};
  Correction meant;
  meant.before = "where '" + operands[1] + "' is of the " + info.operands[0].name + ", write: ";
  meant.operands = {operands[0] + ", " + operands[1], operands[2]};
  return given.hint(meant);
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
  const std::string usage = "usage: " + info.name + " [OPTIONS] " + operand_usage(info);
  if (given.size() < required) {
    // Name the first that is missing, in order, given that what is there was taken from the left.
    size_t seen = 0;
    for (const Operand& operand : info.operands) {
      if (!operand.required) continue;
      if (seen++ < given.size()) continue;
      throw usage_error(
          "missing operand " + operand.name + (given.empty() ? "" : " after '" + given.back() + "'"), usage);
    }
  }
  refuse_split_names(info, given);
  if (given.size() > places && !has_rest) {
    refuse_split_spec(info, given);
    std::string hint =
        usage + (has_spec(info) && has_cut_operand(given) ? " - an expression with spaces needs quotes" : "");
    // `kread a b`, as cat does.
    if (info.operands.back().name == "IN" && places == 1) {
      const auto expression = std::find_if(given.begin(), given.end(), [](const std::string& one) {
        return one.find_first_of(" <>=!()") != std::string::npos;
      });
      const std::string too_many = "one operand too many: '" + given[places] + "'";
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
      if (std::any_of(given.begin(), given.end(), is_file)) {
        hint = "one file is read at a time; several, as one stream: cat " + shell_command(given) + " | " +
               info.name;
      } else {
        const std::string all = joined_names(given.begin(), given.end());
        throw CorrectedError(too_many, {.before = "several topics are one operand: ", .operands = {{all}}});
      }
    }
    // `kcp a b c`, `kmerge a b c`, as cp and sort have it.
    if (places == 2 && info.operands[0].name == "IN" && info.operands[1].name == "OUT" &&
        (info.name == "kcp" || info.name == "kmerge")) {
      const std::string all = joined_names(given.begin(), given.end() - 1);
      throw CorrectedError("one operand too many: '" + given[places] + "'",
                           {.before = "several topics are one operand: ",
                            .tool = info.name == "kcp" ? "kmerge" : "",
                            .add = {{"-g", "merge-" + given.back()}},
                            .operands = {{all, given.back()}}});
    }
    // `kbranch COND IN MATCHES REST`
    if (info.operands[0].name.rfind("TOPIC=COND", 0) == 0 && given.size() == places + 1)
      throw CorrectedError("one operand too many: '" + given[places] + "'",
                           {.before = "the topic of what matches stands in front of its condition: ",
                            .operands = {{given[2] + "=" + given[0], given[1], given[3]}}});
    throw usage_error("one operand too many: '" + given[places] + "'", hint);
  }
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
