#include "cli/unknown_option.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "base/nearest_name.h"
#include "base/shell_word.h"
#include "base/word_list.h"
#include "cli/command_line.h"
#include "cli/foreign_command.h"
#include "cli/given_command.h"
#include "cli/meant_option.h"
#include "cli/operand_hints.h"

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
    {"-d", "-v prints more; librdkafka's own debugging: -X debug=all"},
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
    {"--limit", "a number of records that are written is: -m N"},
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
    {"--watch", "a topic is read as it grows, unless -e is given; leave it out"},
    {"--no-follow", "to stop at the current end: -e"},
    {"--exit-eof", "to stop at the current end: -e"},
    {"--print-key", "key, headers and times are shown by -J, or as chosen by: -f '%k %s\\n'"},
    {"--formatter", "formats are -I FMT, -O FMT and: -f FORMAT"},
    {"--pretty-print", "JSON over several lines is: --pretty"},
    {"--isolation-level",
     "records of open and aborted transactions are not read; to read them: -X consumer.isolation.level=read_uncommitted"},
    {"--timeout-ms", "to stop at the current end: -e"},
    {"--skip-message-on-error", "records that fail are passed over by: --on-error skip"},
    {"--num-messages", "a number of records is: -c N"},
    {"--max", "a number of records is: -c N"},
    {"--begin", "where to read is: -o beginning"},
    {"--beginning", "where to read is: -o beginning"},
    {"--earliest", "where to read is: -o beginning"},
    {"--end", "only new records are read by: -o end"},
    {"--latest", "only new records are read by: -o end"},
    {"--from", "where to read is --since TIME or: -o WHERE"},
    {"--start-offset", "where to read is: -o WHERE"},
    {"--to", "where to stop is --until TIME or: -o FROM:TO"},
    {"--acks", "all replicas in sync acknowledge each record; leave it out"},
    {"--compression", "compression is: -X compression.codec=zstd"},
    {"--compression-codec", "compression is: -X compression.codec=zstd"},
    {"--not", "records that do not match are chosen by: '!(EXPR)'"},
    {"--sort-by", "rows of a table are sorted where they are printed: -O table --sort COLUMN"},
    {"--by", "ktable and kwindow group records: --by EXPR"},
    {"--groupby", "ktable and kwindow group records: --by EXPR"},
    {"--size", "the length of a window is: -w DURATION"},
    {"--every", "windows that overlap are: -w LENGTH/STEP"},
    {"--invert", "records that do not match are chosen by: '!(EXPR)'"},
    {"--invert-match", "records that do not match are chosen by: '!(EXPR)'"},
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
    {"-Q", "to read from a time on: --since TIME"},
    {"--describe",
     "klag GROUP shows how far a group is behind; partitions and settings of a topic: ktopic describe TOPIC"},
    {"--reset-offsets", "offsets of a group are reset by: koffset reset"},
    {"-w", "tables have no windows; the same per window is: kwindow -w DURATION AGGS IN"},
    {"--window", "the length of a window is: -w DURATION"},
    {"--tumbling", "the length of a window is: -w DURATION"},
    {"--hop", "windows that overlap are: -w LENGTH/STEP"},
    {"--hopping", "windows that overlap are: -w LENGTH/STEP"},
    {"--slide", "windows that overlap are: -w LENGTH/STEP"},
    {"--step", "windows that overlap are: -w LENGTH/STEP"},
    {"--session", "windows that end after silence are: -w session:DURATION"},
    {"-r", "text without quotes is written by: -f '%{EXPR}\\n'"},
    {"--force", "the plan is carried out by: --execute"},
    {"--yes", "the plan is carried out by: --execute"},
    {"--all-groups", "groups and what each has read are listed by: koffset list"},
    {"--raw-output", "text without quotes is written by: -f '%{EXPR}\\n'"},
};

// The same where one tool has a better word for it; of these the first that fits counts.
struct ForeignOf {
  const char* tools;
  const char* options;
  const char* ours;
};
constexpr ForeignOf kForeignOf[] = {
    {"kgroupby", "--by --key -k", "the key is the first operand: "},
    {"kdedup", "--by --key -k", "what makes records equal is the first operand: "},
    {"ktable", "--window --tumbling --size", "tables have no windows; the same per window is: "},
    {"ktopic", "-r", "the replication factor is an option: "},
    {"koffset", "--list", "to list groups: koffset list"},
    {"klag", "--list", "groups and what each has read are listed by: koffset list"},
    {"klag", "--group", "a consumer group is an operand here: "},
    {"kfilter kmap kscore kscan ktable kwindow kgroupby kdedup", "-i", "IN is an operand: "},
    {"kpipe", "-i", "IN and OUT stand behind '--': "},
    {"kdedup", "-w --window", "how close in time duplicates are: "},
    {"ktop", "-n", "one table is printed by: "},
    {"ktop", "-d --delay", "how often the screen is drawn: "},
    {"ktop", "--topic", "partitions of a topic are shown by: "},
    {"ktop", "--group", "partitions of a group are shown by: "},
    {"kfilter kmap", "--count", "ktable --total 'count()' counts records, -m N ends after N results: "},
    {"ktopic", "--partition", "the number of partitions is: "},
    {"kwrite", "--partition", "the partition is: "},
    {"kwrite", "--csv", "lines are read as CSV by: "},
    {"kjoin", "--by", "both sides are joined by: "},
    {"ktable kwindow", "-k", "records are grouped by: "},
    {"kread", "-z", "records are decompressed as they are read: "},
    {"kread", "-r --raw-output", "text is printed without quotes: "},
    {"kread", "-w", "windows are of aggregates: kwindow -e -w 1m 'count()' IN"},
    {"kjoin", "--inner", "records without a match are left out already: "},
    {"kjoin", "--full --type --how", "joins are inner, --left, --outer and --anti: "},
    {"ktake", "-n --num --head", "how many is the first operand: ktake N IN OUT"},
};

// What is said of `option` in `tool`; null: no table knows it.
const char* ours_for(const std::string& tool, const std::string& option) {
  for (const ForeignOf& one : kForeignOf)
    if (has_word(one.tools, tool) && has_word(one.options, option)) return one.ours;
  for (const Foreign& one : kForeign)
    if (option == one.option) return one.ours;
  return nullptr;
}

// A hint of these tables as it is true of this tool: one that names no tool, but an option that this one lacks,
// says so. What stands in quotes is no option.
std::string true_of(const ToolInfo& info, const OptionTable& table, const std::string& hint) {
  std::string lacking;
  std::string word;
  bool quoted = false;
  for (const char c : hint + ' ') {
    if (c == '\'') quoted = !quoted;
    if (c != ' ' && c != ',' && c != ';' && c != ':') {
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

// ksort's order is that of times; a table's rows have any.
std::string sorted_hint(const ToolInfo& info, const OptionTable& table, int argc, char** argv,
                        const std::string& option) {
  const bool has_value = option != "-n" && option != "-r" && option != "--reverse";
  const GivenCommand given(info, table, argc, argv, [&](const std::string& name) {
    return std::make_optional(name == option && has_value);
  });
  std::string field;
  for (const GivenCommand::Word& word : given.words())
    if (word.name == option && word.value) field = *word.value;
  const std::vector<std::string> operands = given.operands();
  // sort(1)'s -n and -r, of whole lines.
  if (field.empty() && option[1] != '-' && !operands.empty() && operands.back() != "-") {
    const std::string in = shell_word(operands.back());
    return "ksort brings records into the order of their times; lines are sorted by: " +
           (operands.back().find('/') != std::string::npos ? "sort " + option + " " + in
                                                           : "kread -e " + in + " | sort " + option);
  }
  if (field.empty()) field = "FIELD";
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

}  // namespace

Error unknown_option(const ToolInfo& info, const OptionTable& table, const std::string& argument, int argc,
                     char** argv) {
  const std::string name = argument.substr(0, argument.find('='));
  const bool is_long = name.rfind("--", 0) == 0;
  const std::string letter = is_long ? name : name.substr(0, 2);
  if (info.name == "ksort" && has_word("--by --sort-by --order-by -k -n -r", letter))
    return usage_error("unknown option '" + letter + "'", sorted_hint(info, table, argc, argv, letter));
  const auto theirs = foreign_command(info, table, argc, argv);
  if (theirs && theirs->command.empty())
    return usage_error("unknown option '" + letter + "'",
                       theirs->remarks.substr(0, theirs->remarks.size() - 1));
  if (theirs && theirs->words > 1)
    return usage_error("unknown option '" + letter + "'", theirs->remarks + "write: " + theirs->command);
  // `-email, -user` may be a SPEC that begins with `-`.
  const bool may_be_spec = !is_long && argument.find_first_of(" ,()<>") != argument.npos;
  std::string hint = may_be_spec ? spec_hint(info, table, argc, argv) : std::string();
  const char* ours = hint.empty() ? ours_for(info.name, letter) : nullptr;
  if (ours != nullptr) {
    hint = ours;
    const auto meant = theirs ? std::nullopt : meant_by_option(info, table, argc, argv, letter);
    if (meant) {
      const size_t colon = hint.find(": ");
      return usage_error("unknown option '" + letter + "'",
                         (colon == std::string::npos ? "write: " : hint.substr(0, colon + 2)) + *meant);
    }
    hint = true_of(info, table, ours);
    // The command stands in the place of what the table has behind its only colon.
    const size_t colon = hint.find(": ");
    if (theirs && colon != hint.npos && colon == hint.rfind(": ") && hint.find_first_of(";'") == hint.npos) {
      const std::string before = hint.substr(0, colon);
      if (!before.ends_with(" and") && !before.ends_with(" or")) hint = before + ": ";
    }
    // Said by the command itself, or true of other tools only.
    if (theirs &&
        ((info.name == "koffset" && letter == "--to") || (info.name != "kread" && letter == "--json")))
      hint = "write: " + theirs->command;
    if (hint.back() == ' ')
      hint += theirs ? theirs->command : info.name + " " + operand_usage(info);
    else if (theirs && !hint.ends_with(theirs->command))
      hint += "; write: " + theirs->command;
    // Of this option the hint says more than its remark.
    if (theirs && !theirs->remarks.starts_with(letter + " ")) hint.insert(0, theirs->remarks);
    return usage_error("unknown option '" + letter + "'", hint);
  }
  if (theirs)
    return usage_error("unknown option '" + letter + "'", theirs->remarks + "write: " + theirs->command);
  // head -5
  if (hint.empty() && argument.size() > 1 && argument.find_first_not_of("0123456789", 1) == argument.npos &&
      find_option(table, "-c") != nullptr && info.name != "kjoin")
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

}  // namespace kutils::cli
