#include "cli/idle_options.h"

#include <algorithm>
#include <vector>

#include "base/correction.h"
#include "base/error.h"
#include "base/shell_word.h"

namespace kutils::cli {
namespace {

bool writes(const OptionUse& use, bool lines) {
  const auto fits = [lines](const io::Endpoint& at) { return at.is_lines() == lines; };
  return fits(use.job.out) || std::any_of(use.job.more_outputs.begin(), use.job.more_outputs.end(),
                                          [&](const flow::MoreOutput& more) { return fits(more.at); });
}

bool reads_topic(const OptionUse& use) { return use.job.in.is_topic(); }
bool reads_lines(const OptionUse& use) { return use.has_input && use.job.in.is_lines(); }
bool writes_lines(const OptionUse& use) { return writes(use, true); }
bool has_lines(const OptionUse& use) { return reads_lines(use) || writes_lines(use); }
bool writes_topic(const OptionUse& use) {
  return writes(use, false) || (use.job.on_error && !use.job.on_error->topic.empty());
}
bool is_in_group(const OptionUse& use) {
  return reads_topic(use) && (use.job.out.is_topic() || use.job.group_is_explicit);
}
bool has_default_group(const OptionUse& use) { return is_in_group(use) && !use.job.group_is_explicit; }
bool reads_cells(const OptionUse& use) {
  const std::string_view format = use.in.name();
  return reads_lines(use) && (format == "csv" || format == "tsv" || format == "re");
}
bool writes_envelopes(const OptionUse& use) {
  return writes_lines(use) && use.out.name() == "envelope" && use.out.output_template.empty();
}
bool writes_json(const OptionUse& use) {
  const std::string_view format = use.out.name();
  return writes_lines(use) && (format == "json" || format == "envelope") && use.out.output_template.empty();
}
bool writes_table(const OptionUse& use) {
  return writes_lines(use) && use.out.name() == "table" && use.out.output_template.empty();
}
bool shows_metadata(const OptionUse& use) {
  return writes(use, false) || use.out.name() == "envelope" || !use.out.output_template.empty();
}
bool reads_time(const OptionUse& use) { return use.time_is_read; }

struct Rule {
  std::vector<const char*> options;
  bool (*works)(const OptionUse&);
  const char* why;
  const char* instead;
  bool wants_envelopes = false;  // which the hint's command then writes
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = {
      {{"-g"},
       reads_topic,
       "a group remembers how far a topic was read, and IN is lines",
       "leave it out; records are grouped by --by EXPR, of ktable and kwindow"},
      {{"--accept-change", "--instance", "--stay", "--commit-interval", "--on-gap"},
       is_in_group,
       "it applies to a consumer group, and none is used here",
       "leave it out; from a topic to lines, -g NAME makes a group"},
      {{"--group-prefix"},
       has_default_group,
       "it is put in front of a group's default name, and this run uses none",
       "leave it out; -g takes the whole name"},
      {{"--partitions", "--replication", "--no-create"},
       writes_topic,
       "it applies to topics that are created, and none is written",
       "leave it out"},
      {{"-I", "--encoding"},
       reads_lines,
       "it is the format of lines read, and IN is a topic",
       "leave it out"},
      {{"--csv-strings"}, reads_cells, "no cells are read", "it goes with -I csv, tsv and re:REGEX"},
      {{"-O", "-f"}, writes_lines, "it is the format of lines written, and OUT is a topic", "leave it out"},
      {{"--pretty"}, writes_json, "no JSON is written as lines", "it goes with -O json and -J, to lines"},
      {{"--sort"}, writes_table, "no table is written as lines", "it goes with -O table, to lines"},
      {{"--local"}, reads_topic, "it applies to times in a topic, and IN is lines", "leave it out"},
      {{"--embed"}, writes_envelopes, "no envelopes are written", "it goes with -J, to lines"},
      {{"-J", "-0", "-K", "-Z"},
       has_lines,
       "it applies to lines, and none are read or written",
       "leave it out"},
      {{"--key"},
       shows_key,
       "the lines that are written show no key",
       "write to a topic, or envelopes, which have it: ",
       true},
      {{"--time", "--header"},
       shows_metadata,
       "the lines that are written show neither time nor headers",
       "write to a topic, or envelopes, which have them: ",
       true},
      {{"--time-unit"},
       reads_time,
       "it is the unit of numbers that --time EXPR gives, and there is no --time EXPR",
       "leave it out"},
  };
  return all;
}

}  // namespace

namespace {

// The command without the option, or with what says the same here.
Correction without(const std::string& option, const Rule& rule, const std::set<std::string>& given,
                   const OptionUse& use) {
  Correction meant;
  meant.before = std::string(rule.instead) + ": ";
  meant.drop = {option};
  const std::string_view in = use.in.name(), out = use.out.name();
  if (option == "-I" && in == "text" && given.count("--value-codec") == 0) {
    meant.before = "values that are text are read by: ";
    meant.add = {{"--value-codec", "text"}};
  } else if (option == "-O" && !use.job.in.is_topic() && use.job.tool == "kwrite") {
    meant.before = "the format of the input is: ";
    meant.add = {{"-I", std::string(out)}};
  } else if (option == "-O") {
    // What goes with it is idle, too.
    for (const char* with : {"--sort", "--pretty"})
      if (given.count(with) > 0) meant.drop.emplace_back(with);
    if (given.count("-e") > 0 && given.count("-b") == 0 && given.count("-X") == 0 && given.count("-F") == 0) {
      meant.before = "OUT is written, then shown: ";
      meant.after = " && kread -e -O " + std::string(out) + " " +
                    (use.out.sort_by.empty() ? shell_word(use.job.out.name)
                                             : "--sort " + shell_word(use.out.sort_by) + " " +
                                                   shell_word("table:" + use.job.out.name));
    }
  }
  return meant;
}

}  // namespace

bool shows_key(const OptionUse& use) { return shows_metadata(use) || use.out.key_separator.has_value(); }

void refuse_idle_options(const std::set<std::string>& given, const OptionUse& use) {
  for (const Rule& rule : rules()) {
    for (const char* option : rule.options) {
      if (given.count(option) == 0 || rule.works(use)) continue;
      const std::string message = std::string(option) + " does nothing here: " + rule.why;
      if (!rule.wants_envelopes && std::string_view(rule.instead) != "leave it out")
        throw usage_error(message, rule.instead);
      if (!rule.wants_envelopes) throw CorrectedError(message, without(option, rule, given, use));
      // -J is for both ends: lines of plain JSON are no envelopes.
      Correction meant;
      meant.before = rule.instead;
      meant.add = {reads_lines(use) ? std::pair<std::string, std::string>{"-O", "envelope"}
                                    : std::pair<std::string, std::string>{"-J", ""}};
      meant.drop = {"-O"};
      throw CorrectedError(message, meant);
    }
  }
}

}  // namespace kutils::cli
