#include "cli/foreign_command.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/shell_word.h"
#include "base/word_list.h"
#include "cli/file_format.h"
#include "cli/given_command.h"

namespace kutils::cli {
namespace {

// `ours`: the option here, "*" its value; "@ *" an operand, "@1 *" the first one, "@f *" a file; "!NAME" the verb; "~" or "~ *":
// left out, as is what the tool has no option for; "#": nothing can be written for it; "+codec *": codecs; "+output *": a
// format, or else where the output goes; "+once *", "+every *": of ktop.
struct Word {
  std::string_view tools;  // empty: any
  std::string_view option;
  std::string_view ours;
  std::string_view remark = {};  // said beside the command
};
constexpr std::string_view kGroups = "koffset klag";
constexpr Word kWords[] = {
    {"", "--bootstrap-server", "-b *"},
    {"", "--bootstrap-servers", "-b *"},
    {"", "--broker-list", "-b *"},
    {"", "--brokers", "-b *"},
    {"", "--command-config", "-F *"},
    {"", "--consumer.config", "-F *"},
    {"", "--producer.config", "-F *"},
    {"", "--consumer-property", "-X consumer.*"},
    {"", "--producer-property", "-X producer.*"},
    {"koffset", "--topic", "@t *"},
    {"", "--topic", "@ *"},
    {"kread", "--whitelist", "@^ *"},
    {"kread", "--include", "@^ *"},
    {"", "--zookeeper", "~ *", "--zookeeper is left out: brokers are -b HOST:PORT"},
    {"ktop", "-t", "~ *"},
    {"ktop", "-n", "+once *"},
    {"ktop", "-d", "+every *"},
    {"ktop", "--delay", "+every *"},
    {"ktop", "--interval", "+every *"},
    {"ktop", "--group", "@ *"},
    {"", "-t", "@ *"},
    {kGroups, "--group", "@1 *"},
    {kGroups, "-g", "@1 *"},
    {"", "--group", "-g *"},
    {"", "-G", "-g *"},
    {"", "-C", "~"},
    {"", "-u", "~"},
    {"", "--from-beginning", "-o beginning"},
    {"", "--beginning", "-o beginning"},
    {"", "--earliest", "-o beginning"},
    {"", "--latest", "-o end"},
    {"kread", "--offset", "-o *"},
    {"", "--start-offset", "-o *"},
    {"", "--partition", "-p *"},
    {"", "--max-messages", "-c *"},
    {"", "--num-messages", "-c *"},
    {"", "--num", "-c *"},
    {"kread", "--head", "-c *"},
    {"kread", "--keys", "-K '\\t'"},
    {"kread", "--print-key", "-K '\\t'"},
    {"kread", "--headers", "-J", "headers, keys and times are shown by -J"},
    {"kread", "--json", "-J"},
    {"kread", "--schema", "-e --types"},
    {"kread ktable kwindow", "--csv", "-O csv"},
    {"kwindow", "--tumbling", "-w *"},
    {"kwindow", "--window", "-w *"},
    {"kwindow", "--size", "-w *"},
    {"kwindow", "--session", "-w session:*"},
    {"kwindow", "--suppress", "--emit close"},
    {"kdedup", "--window", "--within *"},
    {"kdedup", "-w", "--within *"},
    {"ktable kwindow kscan", "--partition-by", "--by *"},
    {"", "--timestamp", "--time *"},
    {"kwindow", "--gap", "-w session:*"},
    {"kwindow", "--every", "+step *"},
    {"kwindow", "--hop", "+step *"},
    {"kwindow", "--slide", "+step *"},
    {"kwindow", "--step", "+step *"},
    {"kwindow", "--advance", "+step *"},
    {"ktable kwindow", "--key", "--by *"},
    {"ktable kwindow", "-k", "--by *"},
    {"kjoin", "--by", "--on *"},
    {"kjoin", "--key", "--on *"},
    {"kjoin", "--using", "--on *"},
    {"kwrite", "--csv", "-I csv"},
    {"kfilter kmap kscan kscore", "--csv", "-O csv"},
    {"ktable kwindow kmap kfilter kscore kscan", "--json", "~",
     "--json is left out: JSON is written already"},
    {"kgen", "-n", "-c *"},
    {"kgen", "--limit", "-c *"},
    {"kgen", "--count", "-c *"},
    {"kgen", "--num", "-c *"},
    {"kgen", "--rows", "-c *"},
    {"kfilter kmap kscore kscan ktable kwindow kwrite kcp", "--rows", "-m *"},
    {"kfilter kmap kscore kscan", "-n", "-m *"},
    {"", "--limit", "-m *"},
    {"kwrite", "--format", "-I *"},
    {"", "--format", "-O *"},
    {"", "--output-format", "-O *"},
    {"", "--output", "+output *"},
    {"kquery", "--key", "@ *"},
    {"kquery", "-k", "@ *"},
    {"kfilter kmap kscore ktable kwindow kscan kgroupby kdedup kpipe", "-i", "@ *"},
    {"kjoin", "--inner", "~"},
    {"kjoin", "--full", "--outer"},
    {"kjoin", "--right", "#",
     "RIGHT's records without a match: --left, with LEFT and RIGHT in each other's place; or --outer"},
    {"kjoin", "--type", "+join *"},
    {"kjoin", "--how", "+join *"},
    {"kread", "--rows", "-c *"},
    {"", "--head", "-m *"},
    {"kread", "--max", "-c *"},
    {"", "--max", "-m *"},
    {"kwrite kcp ktable kwindow kgroupby kdedup ksort kjoin kbranch", "-n", "-m *"},
    {"kread", "--raw", "~", "values are printed as they are"},
    {"kread", "--raw-output", "~"},
    {"kread", "-z", "~"},
    {"kread", "--value-only", "~", "values are printed alone"},
    {"kread", "--no-key", "~", "values are printed alone"},
    {"kread", "--watch", "~"},
    {"", "--verbose", "-v"},
    {"", "--quiet", "-q"},
    {"", "--pretty-print", "--pretty"},
    {"", "--from", "+time --since *"},
    {"koffset", "--to", "+time --since *"},
    {"", "--to", "+time --until *"},
    {"", "--begin", "-o beginning"},
    {"", "--end", "-o end"},
    {"", "--follow", "~"},
    {"kread", "-n", "-c *"},
    {"", "--last", "--tail *"},
    {"", "--timeout-ms", "-e", "--timeout-ms ends after silence; here -e stops at the current end"},
    {"", "--exit-eof", "-e"},
    {"", "--no-follow", "-e"},
    {"", "--skip-message-on-error", "--on-error skip"},
    {"", "--isolation-level", "-X consumer.isolation.level=*"},
    {"kread", "--key-deserializer", "~ *",
     "deserializers are left out: bytes are decoded by --key-codec and --value-codec CODEC"},
    {"kread", "--value-deserializer", "~ *",
     "deserializers are left out: bytes are decoded by --key-codec and --value-codec CODEC"},
    {"kread", "--formatter", "~ *", "--formatter is left out: -O FMT and -f FORMAT choose what is printed"},
    {"kread", "--formatter-config", "~ *",
     "--formatter-config is left out: -O FMT and -f FORMAT choose what is printed"},
    {"kread", "--hexdump", "-O hex"},
    {"kread", "-L", "!list"},
    {"kread", "--list", "!list"},
    {"ktopic", "-L", "!list"},
    {"kwrite", "-P", "~"},
    {"kwrite", "-l", "@f *"},
    {"kwrite", "--sync", "~"},
    {"kwrite", "-k", "--key \"*"},
    {"kwrite", "-H", "--header \"*"},
    {"kwrite", "-T", "~", "-T is left out: tee(1) in front of kwrite prints the lines as well"},
    {"kread kwrite", "-D", "~ *", "-D is left out: records are lines; with a NUL byte at their ends: -0"},
    {"kread kwrite", "-s", "+codec *"},
    {"kread kwrite", "-r", "~ *", "no schema registry is asked: -r is left out"},
    {"kread kwrite", "-E", "~", "-E is left out: --on-error says what happens to records that fail"},
    {"kread kwrite", "-d", "~ *", "-d is left out: -v prints more"},
    {"", "--icsv", "-I csv"},
    {"", "--itsv", "-I tsv"},
    {"", "--ijson", "-I json"},
    {"", "--ocsv", "-O csv"},
    {"", "--otsv", "-O tsv"},
    {"", "--ojson", "-O json"},
    {"", "--opprint", "-O table"},
    {"kwrite", "--batch-size", "-X producer.batch.num.messages=*"},
    {"kwrite", "-z", "-X compression.codec=*"},
    {"kwrite", "--compression-codec", "-X compression.codec=*"},
    {"kwrite", "--compression", "-X compression.codec=*"},
    {"kwrite", "--acks", "-X acks=*"},
    {"kwrite", "--request-required-acks", "-X acks=*"},
    {"kwrite", "--request-timeout-ms", "-X request.timeout.ms=*"},
    {"kwrite", "--timeout", "~ *", "--timeout is left out: lines are sent as soon as no more input waits"},
    {"kwrite", "--max-block-ms", "~ *",
     "--max-block-ms is left out: kwrite waits for the brokers, with a note"},
    {"kwrite", "--message-send-max-retries", "~ *",
     "--message-send-max-retries is left out: kwrite sends again without a limit"},
    {"kwrite", "--line-reader", "~ *", "--line-reader is left out: lines are read as -I FMT says"},
    {"kwrite kgen", "--throughput", "--rate *"},
    {"kgen", "--num-records", "-c *"},
    {"ktable kwindow", "--group-by", "--by *"},
    {"ktable kwindow", "--groupby", "--by *"},
    {"ktopic", "-r", "--replication *"},
    {"ktopic", "--offset", "-o *"},
    {"ktopic", "--set", "--config *"},
    {"ktopic", "-c", "--config *"},
    {"ktopic", "--replicas", "--replication *"},
    {"ktopic", "--retention", "--config retention.ms=*"},
    {"ktopic koffset", "--force", "--execute"},
    {"ktopic koffset", "--yes", "--execute"},
    {"ktopic koffset", "-y", "--execute"},
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
    {"koffset", "--delete-offsets", "!delete"},
    {"koffset", "--export", "!export"},
    {"koffset", "--all-groups", "!list"},
    {"koffset", "--all-topics", "~"},
    {"koffset", "--reset-offsets", "!reset"},
    {"koffset", "--to-earliest", "-o beginning"},
    {"koffset", "--to-latest", "-o end"},
    {"koffset", "--to-offset", "-o *"},
    {"koffset", "--to-datetime", "--since *"},
    {"koffset", "--by-duration", "--since *"},
    {"koffset", "--dry-run", "~"},
    {"koffset", "--members", "~"},
    {"koffset", "--verbose", "~"},
    {"koffset", "--state", "~"},
    {"koffset", "--offsets", "~"},
    {"koffset klag", "--timeout", "~ *",
     "--timeout is left out: the tool waits for the answer without a limit"},
    {"koffset", "--shift-by", "# *",
     "--shift-by is done on what koffset export prints: koffset export GROUP | jq -c '.offset += N' | koffset import GROUP -"},
    {"koffset", "--to-current", "#",
     "--to-current has no counterpart: offsets stay as they are unless they are set"},
    {"koffset", "--from-file", "# *", "--from-file is a verb here: koffset import GROUP FILE"},
    {"klag", "--describe", "~"},
    {"klag", "--offsets", "~"},
};

struct Command {
  std::string verb;
  std::vector<std::string> options, first, operands, bare;  // as they are shown
  std::vector<std::string> remarks;
  std::string step;   // of windows
  std::string out;    // a file or topic that is written
  std::string shown;  // what --property wants printed: tokens of -f
  bool shows_key = false;
  bool wants_template = false;
  std::string separator = "\\t";  // as the scripts have it
  bool is_possible = true;
  int foreign = 0;
};

void remark(std::string_view text, Command& command) {
  if (text.empty() ||
      std::find(command.remarks.begin(), command.remarks.end(), text) != command.remarks.end())
    return;
  command.remarks.emplace_back(text);
}

// --property print.key=true, parse.key=true, key.separator=:
void add_property(const std::string& property, Command& command) {
  struct Printed {
    std::string_view name, token;
  };
  constexpr Printed kPrinted[] = {{"print.timestamp", "%T"}, {"print.partition", "%p"},
                                  {"print.offset", "%o"},    {"print.headers", "%h"},
                                  {"print.key", "%k"},       {"print.value", "%s"}};
  const size_t equals = std::min(property.find('='), property.size());
  const std::string name = property.substr(0, equals);
  const std::string value = equals < property.size() ? property.substr(equals + 1) : "";
  if (name == "print.key" || name == "parse.key") {
    command.shows_key = value == "true";
  } else if (name == "key.separator") {
    command.separator = value;
  } else if (name == "parse.headers") {
    remark("parse.headers is left out: headers are read from envelopes, by -J", command);
  } else if (const auto* const printed = std::find_if(std::begin(kPrinted), std::end(kPrinted),
                                                      [&](const Printed& one) { return one.name == name; });
             printed != std::end(kPrinted)) {
    if (name != "print.value" && value == "true") command.wants_template = true;
    if (value == "true") command.shown += printed->token;
    if (name == "print.value" && value != "true") command.shown += '-';
  } else {
    // Its value may be a secret.
    remark("--property " + name + " is left out: " +
               (name.find("registry") != std::string::npos ? "codecs are --key-codec and --value-codec CODEC"
                                                           : "it has no counterpart"),
           command);
  }
}

// The options that --property comes to: -K SEP for keys, -f FORMAT for what else is printed, in the order of the scripts.
void add_printed(const std::string& tool, Command& command) {
  if (command.wants_template && tool == "kread") {
    std::string format;
    for (const std::string_view token : {"%T", "%p", "%o", "%h", "%k", "%s"}) {
      const bool is_shown = token == "%s"   ? command.shown.find('-') == std::string::npos
                            : token == "%k" ? command.shows_key
                                            : command.shown.find(token) != std::string::npos;
      if (is_shown) format += (format.empty() ? "" : command.separator) + std::string(token);
    }
    command.options.push_back("-f " + shell_word(format + "\\n"));
  } else if (command.shows_key) {
    command.options.push_back("-K " + shell_word(command.separator));
  }
}

// PT1H30M: 1h30m
std::string plain_duration(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (c != 'P' && c != 'T') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::string as_file(const std::string& name) {
  return shell_word(name.find('/') == std::string::npos ? "./" + name : name);
}

// What kcat -l reads: lines of any text, unless the file's name says otherwise.
void add_format(const std::string& name, const GivenCommand& given, Command& command) {
  const std::string format = format_of_file(name);
  const bool is_json = name.ends_with(".json") || name.ends_with(".ndjson") || name.ends_with(".jsonl");
  if (!is_json && !given.has("-I") && !given.has("-J"))
    command.options.push_back("-I " + (format.empty() ? "text" : format));
}

// kcat -P without -l: each file is one record.
void add_whole_files(const GivenCommand& given, std::vector<GivenCommand::Word> words, Command& command) {
  std::erase_if(words, [](const auto& one) { return one.kind != GivenCommand::Word::Kind::operand; });
  command.bare.clear();
  for (const GivenCommand::Word& one : words) command.bare.push_back(as_file(one.name));
  if (words.size() != 1 || format_of_file(words[0].name) != "text" || given.has("-I") || given.has("-J"))
    return;
  command.options.push_back("-I text -0");
  remark("kcat -P without -l writes the file as one record; its lines, one record each: without -0", command);
}

// kcat -Q -t TOPIC:PARTITION:MS: the offset at a time; -1 and -2 are no times, but the end and the beginning. False: it is
// something else.
bool add_offset_query(Command& command) {
  if (command.operands.size() != 1) return false;
  const std::string asked = command.operands[0];
  const size_t colon = asked.find(':'), second = colon == asked.npos ? colon : asked.find(':', colon + 1);
  if (second == asked.npos) return false;
  command.operands[0].resize(colon);
  if (asked.compare(second + 1, 1, "-") == 0)
    command.verb = "describe";
  else
    command.options.push_back("-e -c 1 -p " + asked.substr(colon + 1, second - colon - 1) + " -o @" +
                              asked.substr(second + 1) + " -f '%o\\n'");
  return true;
}

// What has a value there and none here, or the other way: kcat's -Z, with what it stands for; -z with a codec, and -r with
// an address, which of another program's -r is no value.
std::vector<const char*> with_our_values(const ToolInfo& info, int argc, char** argv) {
  std::vector<const char*> out;
  for (int i = 0; i < argc; ++i) {
    const std::string_view word = argv[i];
    const std::string_view next = i + 1 < argc ? argv[i + 1] : "";
    if (i > 0 && info.name == "kread" && (word == "-z" || word == "-r")) {
      if (word == "-z" && has_word("none gzip snappy lz4 zstd", next)) ++i;
      out.push_back(word == "-r" && next.find("://") == next.npos ? "--raw-output" : word.data());
      continue;
    }
    out.push_back(argv[i]);
    if (i == 0 || word.size() < 2 || word[0] != '-' || word[1] == '-' || word.back() != 'Z') continue;
    // -CeZ, and no value of another option
    if (word.find_first_not_of("CPGLQeqvuEJ", 1) != word.size() - 1) continue;
    const bool has_value = i + 1 < argc && (argv[i + 1][0] != '-' || argv[i + 1][1] == '\0');
    if (!has_value) out.push_back(info.name == "kwrite" ? "" : "NULL");
  }
  return out;
}

// rpk's --to start, end or milliseconds.
std::string place_of(const std::string& value) {
  if (value == "start" || value == "earliest") return "beginning";
  if (value == "latest") return "end";
  const bool is_time = value.size() == 13 && value.find_first_not_of("0123456789") == value.npos;
  return is_time ? "@" + value : value;
}

void add(const Word& word, const std::string& value, const GivenCommand& given, const OptionTable& table,
         Command& command) {
  ++command.foreign;
  const std::string_view ours = word.ours;
  remark(word.remark, command);
  if (ours == "+codec *") {
    const size_t equals = value.find('=');
    std::string format = equals == value.npos ? value : value.substr(equals + 1);
    if (format.starts_with('>')) format.erase(0, 1);  // big endian, as ours are
    const std::string codec = format == "i" ? "i32" : format == "q" ? "i64" : format == "s" ? "text" : "";
    if (codec.empty()) {
      remark("-s " + value + " has no counterpart: " +
                 (format == "avro" ? "Avro is not decoded, and no schema registry is asked"
                                   : "bytes are decoded by --key-codec and --value-codec CODEC"),
             command);
      command.is_possible = false;
      return;
    }
    if (!value.starts_with("value=")) command.options.push_back("--key-codec " + codec);
    if (!value.starts_with("key=")) command.options.push_back("--value-codec " + codec);
    return;
  }
  if (ours == "+join *") {
    const std::string kind = value.substr(0, value.find('_'));  // left_outer
    if (has_word("left outer anti full", kind))
      command.options.push_back(kind == "full" ? "--outer" : "--" + kind);
    else
      command.is_possible = kind == "inner";
    if (!command.is_possible) remark("joins are inner, --left, --outer and --anti", command);
    return;
  }
  // A place is an offset, or a word.
  const bool is_place =
      value == "end" || value == "stored" || value.find_first_not_of("0123456789") == value.npos;
  if (ours.starts_with("+time ") && (is_place || place_of(value) != value)) {
    const bool begins = ours == "+time --since *";
    command.options.push_back("-o " + shell_word((begins ? "" : "beginning:") + place_of(value)));
    return;
  }
  if (ours == "+step *") {
    command.step = value;
    return;
  }
  if (ours == "+once *") {
    command.options.emplace_back("--once");
    return;
  }
  if (ours == "+every *") {  // a number is seconds
    const bool has_unit = value.find_first_not_of("0123456789.") != value.npos;
    command.options.push_back("--every " + shell_word(has_unit ? value : value + "s"));
    return;
  }
  if (ours == "+output *") {
    if (has_word("json envelope csv tsv text table hex", value) && given.takes("-O"))
      command.options.push_back("-O " + value);
    else
      command.out = value;
    return;
  }
  if (ours.starts_with("~")) return;
  if (ours == "-X acks=*" && value != "all" && value != "-1") {
    remark(std::string(word.option) + " is left out: all replicas in sync acknowledge each record", command);
    return;
  }
  if (ours.starts_with("#")) {
    command.is_possible = false;
  } else if (ours.starts_with("!")) {
    if (command.verb.empty()) command.verb = ours.substr(1);
  } else if (ours == "@f *") {
    command.first.push_back(as_file(value));
    add_format(value, given, command);
  } else if (ours.starts_with("@1")) {
    command.first.push_back(shell_word(value));
  } else if (ours == "@t *") {
    // --topic clicks:0,1
    const size_t colon = value.find(':');
    command.operands.push_back(shell_word(value.substr(0, colon)));
    if (colon != std::string::npos) command.options.push_back("-p " + shell_word(value.substr(colon + 1)));
  } else if (ours == "@^ *") {
    // Several patterns with commas between; each matches a whole name.
    std::string pattern = value;
    std::replace(pattern.begin(), pattern.end(), ',', '|');
    command.operands.push_back(shell_word(pattern == value ? "^" + value + "$" : "^(" + pattern + ")$"));
  } else if (ours.starts_with("@")) {
    command.operands.push_back(shell_word(value));
  } else {
    // rpk's --format '%v\n'
    const bool is_template = word.option == "--format" && value.find('%') != value.npos && given.takes("-f");
    const std::string_view option = ours.starts_with("+time ") ? ours.substr(6) : ours;
    const std::string name = is_template ? "-f" : std::string(option.substr(0, option.find(' ')));
    if (!given.takes(name)) {
      remark(std::string(word.option) + " is left out: this tool has no " + name, command);
      return;
    }
    std::string text(ours);
    if (ours.ends_with("*")) {
      const size_t from = ours.rfind(' ') + 1;
      const bool is_literal = ours.ends_with("\"*");  // a text, where ours is an expression
      std::string whole =
          text.substr(from, text.size() - from - 1) + (word.option == "--by-duration" ? plain_duration(value)
                                                       : word.option == "--to"        ? place_of(value)
                                                                                      : value);
      if (is_literal) {
        const size_t equals = name == "--header" ? value.find('=') : std::string::npos;
        const size_t text_at = equals == std::string::npos ? 0 : equals + 1;
        if (value.find_first_of("\"\\") != std::string::npos || (name == "--header" && text_at == 0)) {
          remark(std::string(word.option) + " is left out: here it is " + name + " with an expression",
                 command);
          return;
        }
        whole = value.substr(0, text_at) + "\"" + value.substr(text_at) + "\"";
      }
      whole = shown_value(*find_option(table, name), whole);  // there is one: takes()
      text = name + " " + shell_word(whole);
      // `-w session:5m --gap 3m`: the length is one option.
      if (name == "-w")
        std::erase_if(command.options, [](const auto& one) { return one.starts_with("-w "); });
    }
    command.options.push_back(text);
  }
}

const Word* find_word(const ToolInfo& info, std::string_view name) {
  const auto* const word = std::find_if(std::begin(kWords), std::end(kWords), [&](const Word& one) {
    return one.option == name && (one.tools.empty() || has_word(one.tools, info.name));
  });
  return word == std::end(kWords) ? nullptr : word;
}

bool is_property(std::string_view name) {
  return name == "--property" || name == "--formatter-property" || name == "--reader-property";
}

}  // namespace

std::optional<ForeignCommand> foreign_command(const ToolInfo& info, const OptionTable& table, int argc,
                                              char** argv) {
  const bool is_pipe = info.name == "kpipe";
  if (info.operands.empty() || (!is_pipe && info.operands.back().is_rest)) return std::nullopt;
  const bool has_verb = info.operands.front().name == "VERB";
  const bool has_spec = info.operands.front().is_spec;
  // Where the topic is an option, a word behind an option of theirs is its value.
  const bool names_topic = std::any_of(argv + 1, argv + argc, [](const char* one) {
    const std::string_view word = one;
    const std::string_view name = word.substr(0, word.find('='));
    return name == "--topic" || name == "--whitelist" || name == "--include" || word == "-t";
  });
  const std::vector<const char*> meant_words = with_our_values(info, argc, argv);
  const auto takes_value = [&](const std::string& name) -> std::optional<bool> {
    if (is_property(name)) return true;
    if (const Word* word = find_word(info, name)) return word->ours.ends_with("*") || name == "--timeout-ms";
    return std::nullopt;
  };
  const GivenCommand given(info, table, static_cast<int>(meant_words.size()), meant_words.data(),
                           takes_value);
  Command command;
  // -total may be a LIST.
  if (has_spec && std::any_of(argv + 1, argv + argc, [&](const std::string_view word) {
        return word.size() > 2 && word[0] == '-' && word[1] != '-' &&
               !given.takes(std::string(word.substr(0, 2)));
      }))
    return std::nullopt;
  const std::vector<GivenCommand::Word>& words = given.words();
  bool names_files = false, asks_offset = false;
  const bool names_in =
      std::any_of(words.begin(), words.end(), [](const auto& one) { return one.name == "-i"; });
  std::string out_name;
  for (size_t i = 0; i < words.size(); ++i) {
    const GivenCommand::Word& word = words[i];
    if (word.kind == GivenCommand::Word::Kind::operand) {
      command.bare.push_back(shell_word(word.name));
    } else if (names_in && word.name == "-o" && word.value) {
      out_name = shell_word(*word.value);
    } else if (word.option != nullptr) {
      if (word.option->metavar.empty() == word.value.has_value()) return std::nullopt;  // -q=1, -c
      command.options.push_back(
          word.value ? word.name + " " + shell_word(shown_value(*word.option, *word.value)) : word.name);
    } else if (is_property(word.name)) {
      if (has_verb || !word.value) return std::nullopt;
      ++command.foreign;
      add_property(*word.value, command);
    } else if (info.name == "kread" && word.name == "-Q") {
      asks_offset = true;
      ++command.foreign;
    } else if (const Word* theirs = find_word(info, word.name)) {
      if (theirs->ours == "@f *" && !word.value) {  // kcat's -l, with its file as an operand
        ++command.foreign;
        names_files = true;
        continue;
      }
      const bool is_gzip = !word.value && word.name == "--compression-codec";  // without a name
      if (theirs->ours.ends_with("*") && !word.value && !is_gzip) return std::nullopt;
      add(*theirs, word.value.value_or(is_gzip ? "gzip" : ""), given, table, command);
    } else {
      // None that is known: a slip, unless all else is theirs.
      if (!names_topic) return std::nullopt;
      remark(word.name + " is left out: kutils has no such option", command);
      if (!word.value && word.name.size() > 2 && i + 1 < words.size() &&
          words[i + 1].kind == GivenCommand::Word::Kind::operand)
        ++i;
    }
  }
  if (command.foreign == 0) return std::nullopt;
  if (asks_offset && !add_offset_query(command)) return std::nullopt;
  // `ktopic create --topic a`: the verb is ours already.
  const bool has_own_verb = has_verb && command.verb.empty() && !command.bare.empty();
  if (has_own_verb) {
    command.verb = command.bare.front();
    command.bare.erase(command.bare.begin());
    // `koffset seek GROUP --to WHERE`
    if (info.name == "koffset" &&
        (command.verb == "seek" || command.verb == "set" || command.verb == "rewind"))
      command.verb = "reset";
  }
  // `koffset reset --all-groups`
  if (info.name == "koffset" && given.has("--all-groups") &&
      (has_verb && (has_word("reset delete export", command.verb) ||
                    (!command.bare.empty() && has_word("reset delete export", command.bare.front()))))) {
    remark("groups are reset, deleted and exported one by one", command);
    command.verb = "list";
    command.bare.clear();
    command.first.clear();
    command.operands.clear();
    std::erase_if(command.options, [](const std::string& one) {
      return !one.starts_with("-b ") && !one.starts_with("-X ") && !one.starts_with("-F ");
    });
  }
  if (names_files)
    for (std::string& one : command.bare) {
      if (one.find('/') == std::string::npos) one.insert(0, "./");
      add_format(one, given, command);
    }
  else if (info.name == "kwrite" && given.has("-P") && command.first.empty() && names_topic)
    add_whole_files(given, words, command);
  else if (info.name == "kwrite" && command.first.empty() && names_topic)
    for (const GivenCommand::Word& word : words) {
      if (word.kind != GivenCommand::Word::Kind::operand || word.name.find('/') != std::string::npos ||
          access(word.name.c_str(), R_OK) != 0)
        continue;
      std::replace(command.bare.begin(), command.bare.end(), shell_word(word.name), as_file(word.name));
      add_format(word.name, given, command);
    }
  // Topics stand behind the stages.
  if (is_pipe && command.bare.empty()) return std::nullopt;
  if (is_pipe && !command.operands.empty()) {
    auto dashes = std::find(command.bare.rbegin(), command.bare.rend(), "--");
    if (dashes == command.bare.rend()) {
      command.bare.emplace_back("--");
      dashes = command.bare.rbegin();
    }
    command.bare.insert(dashes.base(), command.operands.begin(), command.operands.end());
    command.operands.clear();
  }
  // EXPR, what kwrite reads and the group stand in front of the topic.
  const bool bare_first =
      has_spec || info.name == "kwrite" || info.name == "kquery" || has_word(kGroups, info.name);
  command.operands.insert(bare_first ? command.operands.begin() : command.operands.end(),
                          command.bare.begin(), command.bare.end());
  if (!command.step.empty()) {
    const auto length = std::find_if(command.options.begin(), command.options.end(),
                                     [](const std::string& one) { return one.starts_with("-w "); });
    if (length == command.options.end() || length->find('/') != length->npos) return std::nullopt;
    *length += "/" + command.step;
  }
  if (info.name == "ktop" && command.operands.size() == 1 && (given.has("--topic") || given.has("--group")))
    command.operands.insert(command.operands.begin(), given.has("--topic") ? "topics" : "groups");
  if (!out_name.empty()) command.operands.push_back(out_name);
  const bool has_out = info.operands.back().name == "OUT";
  if (!command.out.empty() && has_out && !is_pipe) command.operands.push_back(shell_word(command.out));
  add_printed(info.name, command);
  // kcat -L, and kafka-topics --describe of all of them.
  const bool lists = command.verb == "list" || (info.name == "kread" && !command.verb.empty());
  if (command.verb == "describe" && command.operands.empty()) command.verb = "list";
  if (command.verb == "show" && command.first.empty() && command.operands.empty()) command.verb = "list";
  const std::string name = info.name == "kread" && lists ? "ktopic" : info.name;
  // What lists topics has few options of what reads them.
  if (name != info.name)
    std::erase_if(command.options, [&](std::string& one) {
      const std::string option = one.substr(0, one.find(' '));
      if (option == "-b" || option == "-X" || option == "-F") return false;
      if (option == "-J") {
        one = "-O json";
        return false;
      }
      remark(option + " is left out: " + name + " has no such option", command);
      return true;
    });
  // rpk's -p
  if (name == "ktopic" && command.verb == "create")
    for (std::string& one : command.options)
      if (one.starts_with("-p ")) one = "--partitions " + one.substr(3);
  // --partitions of --alter: more of them.
  const auto partitions = std::find_if(command.options.begin(), command.options.end(),
                                       [](const auto& one) { return one.starts_with("--partitions "); });
  if (command.verb == "alter" && partitions != command.options.end()) {
    command.verb = "grow";
    command.first.push_back(partitions->substr(partitions->find(' ') + 1));
    command.options.erase(partitions);
  }
  if (has_verb && command.verb.empty()) return std::nullopt;
  std::string text = name;
  if (!command.verb.empty()) text += " " + command.verb;
  for (const auto* part : {&command.options, &command.first, &command.operands})
    for (const std::string& one : *part) text += " " + one;
  if (!command.out.empty() && (!has_out || is_pipe)) text += " > " + shell_word(command.out);
  ForeignCommand out;
  out.words = command.foreign;
  if (command.is_possible) out.command = text;
  for (const std::string& one : command.remarks) out.remarks += one + "\n";
  return out;
}

}  // namespace kutils::cli
