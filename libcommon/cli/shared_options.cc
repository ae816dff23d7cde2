#include "cli/shared_options.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>

#include "base/duration.h"
#include "base/log.h"
#include "base/murmur2.h"
#include "base/time_format.h"
#include "cli/functions_option.h"
#include "cli/idle_options.h"
#include "cli/time_unit.h"
#include "io/line_sink.h"
#include "io/line_source.h"
#include "serve/run_views.h"

namespace kutils::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::pair<std::string, std::string> split_assignment(const std::string& option, const std::string& text,
                                                     const std::string& example) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw usage_error(option + ": '" + text + "' is not " + example, "write " + option + " " + example);
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

// A tool that reads what it writes never ends, or doubles its topic.
void refuse_same_topic(const io::Endpoint& in, const std::string& topic, const std::string& as) {
  if (topic.empty() || !io::names_topic(in, topic)) return;
  const std::string reads = in.kind == io::EndpointKind::topic_pattern
                                ? "'" + in.name + "' matches " + as + " '" + topic + "'"
                                : "'" + topic + "' is both IN and " + as;
  throw usage_error(reads + ": the tool would read what it writes", "write to another topic");
}

std::vector<std::string> format_names(bool read) {
  std::vector<std::string> names;
  for (const io::LineFormatInfo& format : io::line_formats()) {
    if (read ? format.make_parser != nullptr : format.make_writer != nullptr) names.emplace_back(format.name);
  }
  return names;
}

std::vector<std::string> codec_names() {
  std::vector<std::string> names;
  for (const CodecLink& link : codec_links()) names.emplace_back(link.name);
  return names;
}

std::vector<std::string> policy_names() {
  std::vector<std::string> names;
  for (const OnErrorPolicy& policy : on_error_policies()) names.emplace_back(policy.name);
  return names;
}

// Rows on a terminal would be glued to the progress line; and what reads a pipe mostly prints to the
// terminal, too.
bool rows_reach_terminal(const io::Endpoint& out) {
  if (out.kind != io::EndpointKind::stdio) return false;
  struct stat info {};
  return isatty(STDOUT_FILENO) == 1 || (::fstat(STDOUT_FILENO, &info) == 0 && S_ISFIFO(info.st_mode));
}

// A time of day that is taken for UTC is off by hours, and nothing else would tell.
void say_zone(const io::Range& range, Log& log) {
  const int64_t now_ms = SystemClock().wall_ms();
  if (range.zone == Zone::local || local_zone_is_utc(now_ms)) return;
  for (const auto& [option, text] : {std::pair{"--since", range.since}, {"--until", range.until}}) {
    if (text.empty() || !depends_on_zone(text)) continue;
    if (const auto ms = parse_time_ms(text, now_ms))
      log.note(std::string(option) + " " + text + " is read as UTC, " + format_iso_ms(*ms) +
               "; for this machine's time add --local");
  }
}

}  // namespace

std::string default_state_dir() {
  if (std::string dir = environment("KUTILS_STATE_DIR"); !dir.empty()) return dir;
  if (std::string dir = environment("XDG_STATE_HOME"); !dir.empty()) return dir + "/kutils";
  if (std::string home = environment("HOME"); !home.empty()) return home + "/.local/state/kutils";
  return "/var/tmp/kutils";
}

namespace {
std::string checked_token(const std::string& name, const std::string& token) {
  for (const char c : token)
    if (c <= ' ' || c > '~')
      throw usage_error(name + ": a token is printable ASCII without spaces",
                        "as openssl rand -hex 16 gives");
  return token;
}
}  // namespace

void declare_http_token(OptionTable& table, std::string& token) {
  table.add({.names = "--http-token",
             .metavar = "TOKEN",
             .help = "what --http asks for but for /health; or $KUTILS_HTTP_TOKEN",
             .group = Group::general,
             .is_secret = true,
             .set = [&token](const std::string& text) { token = checked_token("--http-token", text); }});
}

std::string http_token_from_environment() {
  return checked_token("$KUTILS_HTTP_TOKEN", environment("KUTILS_HTTP_TOKEN"));
}

std::pair<Millis, Millis> parse_commit_interval(const std::string& text) {
  const size_t colon = text.find(':');
  const Millis low = parse_duration_option("--commit-interval", text.substr(0, colon));
  if (colon == std::string::npos) return {low, std::max(low, Millis(500))};
  const Millis high = parse_duration_option("--commit-interval", text.substr(colon + 1));
  if (high < low) throw usage_error("--commit-interval: '" + text + "': MAX is below MIN");
  return {low, high};
}

std::string default_group(const std::string& tool, const io::Endpoint& in, const io::Endpoint& out) {
  // It names topics of the state (GROUP-repartition): Kafka allows them 249 characters, as IN and OUT.
  const auto shortened = [](const std::string& name) {
    return name.size() <= 60 ? name : name.substr(0, 60) + "-";
  };
  const std::string both = in.name + std::string(1, '\0') + out.name;
  char hash[16];
  std::snprintf(hash, sizeof hash, "%08x", static_cast<unsigned>(murmur2(both)));
  return tool + "." + shortened(in.name) + "." + shortened(out.name) + "." + std::string(hash).substr(0, 6);
}

void SharedOptions::become_stage(PipePlace place) { place_ = std::move(place); }

void SharedOptions::declare(OptionTable& table) {
  OptionTable own;
  declare_output(own);
  if (!place_) {
    if (shares_.reads_lines || shares_.writes_lines) declare_lines(own);
    declare_reading(own);
    declare_cluster(own);
    declare_delivery(own);
    declare_general(own);
  }
  for (Option option : own.options()) {
    if (option.set)
      option.set = [this, name = option.names, set = std::move(option.set)](const std::string& text) {
        given_.insert(name);
        set(text);
      };
    table.add(std::move(option));
  }
}

void SharedOptions::declare_general(OptionTable& table) {
  table.add({.names = "--http",
             .metavar = "ADDR",
             .help = "serve /metrics, /health, /table/OUT; PORT or HOST:PORT",
             .group = Group::general,
             .set = [this](const std::string& text) { http_ = text; }});
  declare_http_token(table, http_access_.token);
  table.add({.names = "--http-host",
             .metavar = "NAME",
             .help = "a name by which --http may be asked, beside this machine's own",
             .group = Group::general,
             .set = [this](const std::string& text) {
               if (!serve::is_host(text))
                 throw usage_error("--http-host: '" + text + "' is no name of a host",
                                   "as tables.example.org");
               http_access_.hosts.push_back(text);
             }});
  table.add({.names = "--explain",
             .help = "print what would be read, done and written, and do nothing",
             .group = Group::general,
             .set = [this](const std::string&) { explains_ = true; }});
  table.add({.names = "--dot",
             .help = "--explain as a graph for dot(1)",
             .group = Group::general,
             .set = [this](const std::string&) { as_graph_ = true; }});
  table.add({.names = "-q",
             .help = "suppress notes, not errors",
             .group = Group::general,
             .set = [this](const std::string&) { quiet_ = true; }});
  table.add({.names = "-v",
             .help = "verbose; -vv for more",
             .group = Group::general,
             .set = [this](const std::string&) { ++job_.verbose; }});
  table.add({.names = "--progress",
             .help = "show progress on stderr; default: on a terminal, if no rows go there or to a pipe",
             .group = Group::general,
             .set = [this](const std::string&) { progress_ = true; }});
  table.add({.names = "--no-progress",
             .help = "show no progress",
             .group = Group::general,
             .set = [this](const std::string&) { progress_ = false; }});
}

void SharedOptions::declare_output(OptionTable& table) {
  const Group group = Group::output;
  if (shares_.shapes && shares_.sets_key) {
    table.add({.names = "--key",
               .metavar = "EXPR",
               .help = "key of what is written, made from the record read",
               .group = group,
               .in_short_help = true,
               .set = [this](const std::string& text) { shape_.key = text; }});
  }
  if (shares_.shapes) {
    table.add(
        {.names = "--time",
         .metavar = "EXPR",
         .help = "time of what is written: epoch ms, ISO string (UTC without zone), timestamp; or 'wall'",
         .group = group,
         .set = [this](const std::string& text) { shape_.time = text; }});
    table.add({.names = "--time-unit",
               .metavar = "UNIT",
               .help = "what a number given by --time counts: ns us ms s",
               .group = group,
               .set = [this](const std::string& text) { shape_.time_unit_ns = parse_time_unit(text); },
               .choices = {"ns", "us", "ms", "s"}});
    table.add({.names = "--header",
               .metavar = "NAME=EXPR",
               .help = "a header of what is written; null removes it",
               .group = group,
               .set = [this](const std::string& text) {
                 shape_.headers.push_back(split_assignment("--header", text, "NAME=EXPR"));
               }});
  }
  if (shares_.keep_null) {
    table.add({.names = "--keep-null",
               .help = "pass on records without a value; else: dropped, counted",
               .group = group,
               .in_short_help = true,
               .set = [this](const std::string&) { keep_null_ = true; }});
  }
  if (shares_.expressions) {
    table.add({.names = "--arg",
               .metavar = "NAME=TEXT",
               .help = "_arg.NAME in expressions: a string",
               .group = group,
               .in_short_help = true,
               .set = [this](const std::string& text) {
                 auto argument = split_assignment("--arg", text, "NAME=TEXT");
                 for (const auto& [name, value] : expressions_.args)
                   if (name == argument.first)
                     throw usage_error("--arg " + name + " is given twice, as '" + value + "' and as '" +
                                       argument.second + "'");
                 expressions_.args.push_back(std::move(argument));
               }});
    table.add({.names = "--trust-json",
               .help = "do not check a value behind the last field needed",
               .group = group,
               .set = [this](const std::string&) { expressions_.trust_json = true; }});
    if (shares_.seeds)
      table.add({.names = "--seed",
                 .metavar = "N",
                 .help = "make random() repeat",
                 .group = group,
                 .set = [this](const std::string& text) {
                   expressions_.random_seed =
                       static_cast<uint64_t>(parse_number("--seed", text, 1, INT64_MAX));
                 }});
  }
  if (shares_.expressions) table.add(functions_option(shares_.aggregates));
  if (!shares_.codecs) return;
  table.add({.names = "--value-codec",
             .metavar = "CODEC",
             .help = "how values are encoded: json, json+base64, IN:OUT",
             .group = group,
             .set = [this](const std::string& text) { value_codec_ = text; },
             .choices = codec_names()});
  table.add({.names = "--key-codec",
             .metavar = "CODEC",
             .help = "how keys are encoded",
             .group = group,
             .set = [this](const std::string& text) { key_codec_ = text; },
             .choices = codec_names()});
}

void SharedOptions::declare_lines(OptionTable& table) {
  const Group group = Group::lines;
  if (shares_.reads_lines) {
    table.add({.names = "-I",
               .metavar = "FORMAT",
               .help = "lines read: json envelope csv tsv text re:REGEX",
               .group = group,
               .in_short_help = !shares_.reads_topics,
               .set = [this](const std::string& text) { lines_.in = text; },
               .choices = format_names(true)});
    table.add({.names = "--csv-strings",
               .help = "cells of CSV stay strings, also numbers",
               .group = group,
               .set = [this](const std::string&) { lines_.csv_strings = true; }});
    table.add({.names = "--encoding",
               .metavar = "NAME",
               .help = "of lines read: utf-8, or latin1 made into UTF-8",
               .group = group,
               .set =
                   [this](const std::string& text) {
                     if (text != "utf-8" && text != "latin1")
                       throw usage_error("--encoding " + text + ": there is no such encoding",
                                         "utf-8 or latin1; others: iconv -t UTF-8 | ...");
                     lines_.latin1 = text == "latin1";
                   },
               .choices = {"utf-8", "latin1"}});
  }
  if (shares_.writes_lines) {
    table.add({.names = "-O",
               .metavar = "FORMAT",
               .help = "lines written: json envelope csv tsv text table",
               .group = group,
               .in_short_help = !shares_.writes_topics,
               .set = [this](const std::string& text) { lines_.out = text; },
               .choices = format_names(false)});
    table.add({.names = "-f",
               .metavar = "FORMAT",
               .help = "lines written by kcat's %k %s %o ... and %{EXPR}",
               .group = group,
               .set = [this](const std::string& text) { lines_.format = text; }});
    table.add({.names = "--pretty",
               .help = "JSON over several lines, indented",
               .group = group,
               .in_short_help = !shares_.writes_topics && shares_.reads_topics && shares_.shapes,
               .set = [this](const std::string&) { lines_.pretty = true; }});
    if (shares_.tables)
      table.add({.names = "--sort",
                 .metavar = "COLUMN",
                 .help = "-O table: sort rows by it; -COLUMN: the largest first",
                 .group = group,
                 .set = [this](const std::string& text) { lines_.sort_by = text; }});
    table.add({.names = "--embed",
               .help = "in envelopes the JSON value as 'value', not as text",
               .group = group,
               .set = [this](const std::string&) { lines_.embed = true; }});
  }
  table.add({.names = "-J",
             .help = "lines are kcat's JSON envelopes: key, headers, time",
             .group = group,
             .in_short_help = true,
             .set = [this](const std::string&) { lines_.envelope = true; }});
  table.add({.names = "-K",
             .metavar = "SEP",
             .help = "lines are KEY SEP VALUE",
             .group = group,
             .set = [this](const std::string& text) { lines_.key_separator = text; }});
  table.add({.names = "-Z",
             .metavar = "TEXT",
             .help = "stands for NULL in lines",
             .group = group,
             .may_be_empty = true,
             .set = [this](const std::string& text) { lines_.null_marker = text; }});
  table.add(
      {.names = "-0", .help = "lines end with a NUL byte", .group = group, .set = [this](const std::string&) {
         lines_.nul_ended = true;
       }});
}

void SharedOptions::declare_reading(OptionTable& table) {
  const Group group = Group::reading;
  if (shares_.reads_topics) {
    table.add({.names = "-o",
               .metavar = "WHERE",
               .help = "begin at: beginning end stored N -N A:B @TIME:TIME",
               .group = group,
               .in_short_help = true,
               .set = [this](const std::string& text) { job_.range.from = text; }});
    table.add({.names = "--since",
               .metavar = "TIME",
               .help = "begin at a time: 1h ago, 09:30, today, yesterday, ISO",
               .group = group,
               .set = [this](const std::string& text) { job_.range.since = text; }});
    table.add({.names = "--until",
               .metavar = "TIME",
               .help = "end at a time",
               .group = group,
               .set = [this](const std::string& text) { job_.range.until = text; }});
    table.add({.names = "--local",
               .help = "times without a zone are this machine's, not UTC",
               .group = group,
               .set = [this](const std::string&) { job_.range.zone = Zone::local; }});
    table.add({.names = "--tail",
               .metavar = "N",
               .help = "the last N records, over all partitions",
               .group = group,
               .set = [this](const std::string& text) {
                 job_.range.tail = parse_number("--tail", text, 0, INT64_MAX);
               }});
    table.add(
        {.names = "-p",
         .metavar = "LIST",
         .help = "these partitions only: 0,2,5-7",
         .group = group,
         .set = [this](const std::string& text) { job_.range.partitions = io::parse_partitions(text); }});
    table.add({.names = "-e",
               .help = "stop at the end offsets that were captured at startup",
               .group = group,
               .in_short_help = true,
               .set = [this](const std::string&) { job_.range.exit_at_end = true; }});
  }
  table.add(
      {.names = "-c",
       .metavar = "N",
       .help = "end after N records read",
       .group = group,
       .in_short_help = true,
       .set = [this](const std::string& text) { job_.max_input = parse_number("-c", text, 0, INT64_MAX); }});
  table.add(
      {.names = "-m",
       .metavar = "N",
       .help = "end after N records written; between topics, with the record that wrote the Nth",
       .group = group,
       .set = [this](const std::string& text) { job_.max_output = parse_number("-m", text, 0, INT64_MAX); }});
  table.add({.names = "--exit-status",
             .help = "exit code 1 if no record was written",
             .group = group,
             .set = [this](const std::string&) { job_.exit_status = true; }});
}

void SharedOptions::declare_cluster(OptionTable& table) {
  const Group group = Group::cluster;
  if (!shares_.reads_topics && !shares_.writes_topics) return;
  cluster_.declare(table);
  if (shares_.groups) {
    table.add({.names = "-g",
               .metavar = "NAME",
               .help = "group: names offsets, state, transactions",
               .group = group,
               .in_short_help = true,
               .set = [this](const std::string& text) {
                 job_.group = text;
                 job_.group_is_explicit = true;
               }});
    table.add({.names = "--group-prefix",
               .metavar = "TEXT",
               .help = "stands in front of the default group name",
               .group = group,
               .may_be_empty = true,
               .set = [this](const std::string& text) { group_prefix_ = text; }});
    table.add({.names = "--accept-change",
               .help = "continue though the group stores another configuration",
               .group = group,
               .set = [this](const std::string&) { job_.accept_change = true; }});
    table.add({.names = "--instance",
               .metavar = "NAME",
               .help = "name of this process in its group; or $KUTILS_INSTANCE",
               .group = group,
               .set = [this](const std::string& text) { job_.instance = text; }});
    if (shares_.writes_topics) {
      table.add({.names = "-j",
                 .metavar = "N",
                 .help = "number of worker threads, between topics",
                 .group = group,
                 .set = [this](const std::string& text) {
                   job_.workers = static_cast<int>(parse_number("-j", text, 1, 256));
                 }});
    }
    table.add({.names = "--stay",
               .help = "keep this process's partitions for it over a restart",
               .group = group,
               .set = [this](const std::string&) { job_.stay = true; }});
    table.add({.names = "--state-dir",
               .metavar = "DIR",
               .help = "where this machine keeps state; or $KUTILS_STATE_DIR",
               .group = group,
               .set = [this](const std::string& text) { job_.state_dir = text; }});
  }
  if (shares_.writes_topics) {
    table.add({.names = "--partitions",
               .metavar = "N",
               .help = "partitions of a topic that does not exist yet",
               .group = group,
               .set = [this](const std::string& text) {
                 job_.partitions = static_cast<int32_t>(parse_number("--partitions", text, 1, 100'000));
               }});
    table.add({.names = "--replication",
               .metavar = "N",
               .help = "replication factor of topics that are created",
               .group = group,
               .set = [this](const std::string& text) {
                 job_.replication = static_cast<int16_t>(parse_number("--replication", text, 1, 1'000));
               }});
    table.add({.names = "--no-create",
               .help = "do not create topics",
               .group = group,
               .set = [this](const std::string&) { job_.create_topics = false; }});
  }
}

void SharedOptions::declare_delivery(OptionTable& table) {
  const Group group = Group::delivery;
  if (shares_.groups) {
    table.add({.names = "--delivery",
               .metavar = "HOW",
               .help = "exactly-once (topic to topic) or at-least-once",
               .group = group,
               .set =
                   [this](const std::string& text) {
                     if (text != "exactly-once" && text != "at-least-once") {
                       throw usage_error("--delivery: '" + text + "' is not exactly-once or at-least-once");
                     }
                     job_.delivery = text == "exactly-once" ? flow::Delivery::exactly_once
                                                            : flow::Delivery::at_least_once;
                     job_.delivery_is_explicit = true;
                   },
               .choices = {"exactly-once", "at-least-once"}});
    table.add({.names = "--commit-interval",
               .metavar = "MIN[:MAX]",
               .help = "how long a transaction lasts, MAX while there is lag; default 10ms:500ms",
               .group = group,
               .set = [this](const std::string& text) {
                 std::tie(job_.commit_min, job_.commit_max) = parse_commit_interval(text);
               }});
    table.add({.names = "--on-gap",
               .metavar = "WHAT",
               .help = "records that retention deleted unread: fail or skip",
               .group = group,
               .set =
                   [this](const std::string& text) {
                     if (text != "fail" && text != "skip")
                       throw usage_error("--on-gap: '" + text + "' is not fail or skip");
                     job_.accept_gap = text == "skip";
                   },
               .choices = {"fail", "skip"}});
  }
  table.add({.names = "--on-error",
             .metavar = "WHAT",
             .help = "bad records: fail, skip, report or dead-letter:TOPIC",
             .group = group,
             .in_short_help = true,
             .set = [this](const std::string& text) { job_.on_error = parse_on_error(text); },
             .choices = policy_names()});
}

void SharedOptions::name_cluster(flow::Job& job, const std::string& topic) const {
  if (!job.client.brokers().empty()) return;
  job.client = client_config();
  if (job.client.brokers().empty() && !explains_)
    throw usage_error("which brokers? '" + topic + "' is a topic",
                      "give -b HOST:PORT or set $KUTILS_BROKERS; a file is ./NAME");
}

void SharedOptions::set_group(flow::Job& job) const {
  if (!shares_.groups || job.group_is_explicit || !job.in.is_topic() || !job.out.is_topic()) return;
  if (job.in.kind == io::EndpointKind::topic_pattern || job.in.topics.size() > 1) {
    throw usage_error("IN '" + job.in.name + "' is several topics: the group needs a name", "add -g NAME");
  }
  job.group = group_prefix_ + default_group(job.tool, job.in, job.out);
}

flow::Job SharedOptions::make_job(const std::string& tool, const std::optional<std::string>& in,
                                  const std::optional<std::string>& out) {
  if (place_) return make_stage_job(tool);
  flow::Job job = job_;
  job.tool = tool;
  job.in = io::parse_endpoint("IN", in.value_or("-"));
  job.out = io::parse_endpoint("OUT", out.value_or("-"));
  for (const io::Endpoint* at : {&job.in, &job.out}) {
    if (!at->table || shares_.tables) continue;
    throw usage_error("table:" + at->name + ": " + tool + " does not read tables",
                      "for the stream of its changes write " + at->name);
  }
  if (job.in.table) job.settings.push_back({"IN is", "a table"});
  if (job.out.is_topic()) refuse_same_topic(job.in, job.out.name, "OUT");
  if (job.on_error) refuse_same_topic(job.in, job.on_error->topic, "the topic of dead letters");
  refuse_idle_range(job);
  job.quiet = quiet_;
  job.progress = progress_.value_or(!quiet_ && isatty(STDERR_FILENO) == 1 && !rows_reach_terminal(job.out));
  if (job.state_dir.empty()) job.state_dir = default_state_dir();
  if (job.instance.empty()) job.instance = environment("KUTILS_INSTANCE");
  if (!cluster_.properties.empty() || !cluster_.files.empty()) job.client = client_config();
  for (const io::Endpoint* at : {&job.in, &job.out})
    if (at->is_topic()) name_cluster(job, at->name);
  if (job.on_error && !job.on_error->topic.empty()) name_cluster(job, job.on_error->topic);
  if (job.in.is_topic()) {
    io::parse_range(job.range, SystemClock().wall_ms());  // what is wrong is found now
    StderrLog log(tool, quiet_);
    say_zone(job.range, log);
  }
  set_group(job);
  if (job.range.from == "stored" && job.in.is_topic() && job.group.empty())
    throw usage_error("-o stored: offsets are stored by groups, and none is named",
                      "give -g NAME, or -o beginning");
  if (job.workers > 1) {
    if (!job.in.is_topic() || !job.out.is_topic()) {
      throw usage_error("-j " + std::to_string(job.workers) + ": several workers share topics, and " +
                            (job.in.is_topic() ? "OUT '" + job.out.name : "IN '" + job.in.name) + "' is none",
                        "leave -j out");
    }
    if (job.max_input || job.max_output)
      throw usage_error("-j does not go with -c or -m: each worker counts for itself",
                        "leave one of the two out");
  }
  if (http_.empty() && (!http_access_.hosts.empty() || given_.count("--http-token") > 0))
    throw usage_error("--http-host and --http-token do nothing without --http", "add --http ADDR");
  if (!http_.empty()) {
    if (http_access_.token.empty()) http_access_.token = http_token_from_environment();
    job.make_observer = [access = http_access_, at = serve::parse_http_address("--http", http_), name = tool,
                         group = job.group](const Clock& clock, Log& log) {
      auto views = std::make_shared<serve::RunViews>(at, name, group, clock, access);
      log.note("http://" + serve::to_string(views->address()) + "/metrics");
      if (access.token.empty() && !serve::is_loopback_host(at.host))
        log.note("--http: whoever reaches this address can read the rows; --http-token asks for a token");
      return views;
    };
  }
  set_warnings(tool);
  parse_formats();
  refuse_idle_codecs(job);
  set_codecs(job);
  set_markers(job);
  set_lines(job);
  return job;
}

flow::Job SharedOptions::make_stage_job(const std::string& tool) {
  flow::Job job = place_->pipe;
  job.tool = tool;
  job.settings.clear();
  job.topology = {};
  job.more_outputs.clear();
  job.changes_keys = job.counts_silence = job.close_at_end = false;
  job.rekeyed = place_->rekeyed;
  job.in.table &= place_->is_first;
  if (job.in.table && !shares_.tables)
    throw usage_error("table:" + job.in.name + ": " + tool + " does not read tables",
                      "for the stream of its changes write " + job.in.name);
  if ((value_codec_ || key_codec_) && (job.in.is_lines() || job.out.is_lines()))
    throw usage_error(std::string(value_codec_ ? "--value-codec" : "--key-codec") +
                          ": in a pipe codecs are of topics, and " +
                          (job.in.is_lines() ? "IN '" + job.in.name : "OUT '" + job.out.name) + "' is lines",
                      "kwrite and kread bring lines to topics and back");
  set_warnings(tool);
  expressions_.value_codec = place_->value_codec;
  set_codecs(job);
  return job;
}

void SharedOptions::set_warnings(const std::string& tool) {
  expressions_.warn = [log = std::make_shared<StderrLog>(tool, quiet_),
                       said = std::make_shared<std::set<std::string>>()](const std::string& text) {
    if (said->insert(text).second) log->note(text);
  };
}

// Lines are read from their beginning to their end, and are not what a group remembers: what says otherwise
// would be passed over in silence.
void SharedOptions::refuse_idle_range(const flow::Job& job) {
  if (job.in.is_lines()) {
    const io::Range& range = job.range;
    const char* option = !range.from.empty()         ? "-o"
                         : !range.since.empty()      ? "--since"
                         : !range.until.empty()      ? "--until"
                         : range.tail                ? "--tail"
                         : !range.partitions.empty() ? "-p"
                                                     : nullptr;
    if (option)
      throw usage_error(
          std::string(option) + " says what to read of a topic, and IN '" + job.in.name + "' is lines",
          "leave it out; head, tail and -c take a part of lines");
  }
  if (job.delivery_is_explicit && job.delivery == flow::Delivery::exactly_once &&
      (job.in.is_lines() || job.out.is_lines()))
    throw usage_error("--delivery exactly-once: that is done from topic to topic only",
                      "leave it out; kwrite --atomic writes all lines or none");
}

// A tool that passes bytes on has nothing to decode, but where lines show it.
void SharedOptions::refuse_idle_codecs(const flow::Job& job) const {
  if (shares_.expressions || shares_.shapes || (!value_codec_ && !key_codec_)) return;
  const bool in_shows = job.in.is_lines() && in_format_.name() != "envelope";
  const bool out_shows =
      job.out.is_lines() && (out_format_.name() != "envelope" || !out_format_.output_template.empty());
  if (in_shows || out_shows) return;
  throw usage_error(
      std::string(value_codec_ ? "--value-codec" : "--key-codec") + " does nothing here: " + job.tool +
          " copies bytes as they are",
      "to change how they are encoded: kmap --value-codec IN:OUT '*' IN OUT, kfilter --key-codec IN:OUT true IN OUT");
}

// Within a tool a record's bytes are encoded; lines show the decoded form (io/line_format.h).
void SharedOptions::set_codecs(const flow::Job& job) {
  // A line of text is a string to expressions, also one that looks like JSON.
  if (!place_ && !value_codec_ && job.in.is_lines() && in_format_.name() == "text")
    expressions_.value_codec = "text";
  if (value_codec_) {
    const CodecPair pair = parse_codec_pair(*value_codec_, "--value-codec");
    expressions_.value_codec = pair.in.name();
    in_format_.value_codec = pair.in;
    out_format_.value_codec = pair.out;
    if (!(pair.in == pair.out)) shape_.kept_value_codec = pair;
    if (!(Codec() == pair.out)) shape_.made_value_codec = CodecPair{Codec(), pair.out};  // from JSON
  }
  if (key_codec_) {
    const CodecPair pair = parse_codec_pair(*key_codec_, "--key-codec");
    expressions_.key_codec = pair.in.name();
    in_format_.key_codec = pair.in;
    out_format_.key_codec = pair.out;
    if (!(pair.in == pair.out)) shape_.kept_key_codec = pair;
    if (!pair.out.is_identity())
      shape_.made_key_codec = CodecPair{Codec::parse("raw", "--key-codec"), pair.out};  // from its text
  }
  shape_.makes_values = shares_.emits_json;
  shape_.makes_keys = shares_.aggregates;
  shape_.options = expressions_;
  shape_.sees_output = shares_.shapes_see_output;
}

void SharedOptions::parse_formats() {
  const bool envelope = lines_.envelope || shares_.envelope_lines;
  const auto parse = [&](const std::string& text, const char* option) {
    if (lines_.envelope && !text.empty() && text != "envelope") {
      throw usage_error(std::string("-J and ") + option + " " + text + " contradict each other about lines",
                        "-J is envelopes both ways; -I and -O are for one way");
    }
    io::LineFormat format = io::parse_line_format(!text.empty() ? text
                                                  : envelope    ? "envelope"
                                                                : "json",
                                                  option);
    format.nul_ended = lines_.nul_ended;
    return format;
  };
  in_format_ = parse(lines_.in, "-I");
  in_format_.csv_strings = lines_.csv_strings;
  in_format_.latin1 = lines_.latin1;
  in_format_.check_json = shares_.checks_json && !value_codec_;
  out_format_ = parse(lines_.out, "-O");
  out_format_.embed = lines_.embed;
  out_format_.sort_by = lines_.sort_by;
  out_format_.dress = {lines_.pretty, lines_.colour};
  if (lines_.format) {
    if (!lines_.out.empty() || lines_.envelope)
      throw usage_error("-f and " + std::string(lines_.envelope ? "-J" : "-O") +
                        " contradict each other about lines");
    out_format_.output_template = *lines_.format;
  }
}

namespace {

// The expressions of -f. A template asks for them in order, once per record: the first one, or a step back,
// is a new record.
class Template {
 public:
  explicit Template(const expr::Options& options) : expressions_(options) {
    io_.add = [this](std::string_view text) { return expressions_.add(text, "-f"); };
    io_.append = [this](const Record& record, size_t handle, std::string& out) {
      return append(record, handle, out);
    };
  }
  const io::TemplateExpressions& io() const { return io_; }

 private:
  std::optional<RecordError> append(const Record& record, size_t handle, std::string& out) {
    if (!last_ || handle <= *last_) {
      last_.reset();
      if (auto error = expressions_.bind(record)) return error;
    }
    last_ = handle;
    Result<expr::Value> value = expressions_.get(handle);
    if (!value) return std::move(value.error());
    return expr::append_text(*value, out);
  }

  expr::Expressions expressions_;
  std::optional<size_t> last_;
  io::TemplateExpressions io_;
};

}  // namespace

std::function<std::unique_ptr<io::Sink>()> SharedOptions::line_opener(const flow::Job& job,
                                                                      const io::Endpoint& out) const {
  const bool rows_have_keys = shares_.aggregates || job.in.table;
  const bool goes_on = job.in.is_topic() && !job.range.exit_at_end && !job.max_input && !job.max_output &&
                       job.range.until.empty();
  io::LineFormat format = out_format_;
  const char* terminal = std::getenv("TERM");
  format.newest_rows = rows_have_keys;
  format.live = rows_have_keys && format.name() == "table" && out.kind == io::EndpointKind::stdio &&
                isatty(STDOUT_FILENO) == 1 && terminal && std::string_view(terminal) != "dumb";
  if (!format.sort_by.empty() && !format.live && goes_on)
    throw usage_error(
        "--sort: the rows have no end, and only on a terminal are they drawn again in their order",
        "add -e, or leave it out: rows are then appended as they come");
  if (format.output_template.empty()) {
    io::check_output_format(format);
    return [out, format] { return io::open_line_sink(out, format); };
  }
  // Shared by the sinks made with it, which run in one thread; lives as long as the job that opens them.
  auto expressions = std::make_shared<Template>(expressions_);
  format.expressions = &expressions->io();
  io::check_output_format(format);
  return [out, format, expressions] { return io::open_line_sink(out, format); };
}

// -K and -Z hold for each side that can take them; one of them must.
void SharedOptions::set_markers(const flow::Job& job) {
  const bool in_takes_key = job.in.is_lines() && in_format_.info->takes_key_separator;
  const bool out_takes_key =
      job.out.is_lines() && out_format_.info->takes_key_separator && out_format_.output_template.empty();
  if (lines_.key_separator) {
    const std::string separator = io::unescape_option(*lines_.key_separator, "-K");
    // Where neither takes it, the format's own check says why.
    if (in_takes_key || !out_takes_key) in_format_.key_separator = separator;
    if (out_takes_key || !in_takes_key) out_format_.key_separator = separator;
  }
  const bool in_takes_null = job.in.is_lines() && in_format_.info->takes_null_marker;
  const bool out_takes_null =
      job.out.is_lines() && (out_format_.info->takes_null_marker || !out_format_.output_template.empty());
  if (lines_.null_marker) {
    const std::string marker = io::unescape_option(*lines_.null_marker, "-Z");
    if (in_takes_null || !out_takes_null) in_format_.null_marker = marker;
    if (out_takes_null || !in_takes_null) out_format_.null_marker = marker;
  }
}

void SharedOptions::set_lines(flow::Job& job) const {
  if (job.in.is_lines()) {
    io::check_input_format(in_format_);
    job.open_lines_in = [in = job.in, format = in_format_, tool = job.tool, quiet = quiet_] {
      // Not for kgen, which opens something else.
      if (in.kind == io::EndpointKind::stdio && isatty(STDIN_FILENO) == 1)
        StderrLog(tool, quiet).note("reading from the terminal; Ctrl-D ends it");
      return io::open_line_source(in, format);
    };
  }
  if (job.out.is_lines()) job.open_lines_out = line_opener(job, job.out);
  if (job.in.is_lines() && job.out.is_lines()) io::refuse_same_file(job.in, job.out);
}

void SharedOptions::add_output(flow::Job& job, const std::string& operand) const {
  flow::MoreOutput more;
  more.at = io::parse_endpoint("OUT", operand);
  if (more.at.kind == io::EndpointKind::stdio && job.out.kind == io::EndpointKind::stdio) {
    throw usage_error("stdout is OUT and another output, too");
  }
  if (more.at.is_topic()) {
    refuse_same_topic(job.in, more.at.name, "an output");
    name_cluster(job, more.at.name);
  }
  if (more.at.is_lines()) {
    io::refuse_same_file(job.in, more.at);
    more.open_lines = line_opener(job, more.at);
  }
  job.more_outputs.push_back(std::move(more));
}

bool SharedOptions::output_shows_keys(const flow::Job& job) const {
  return place_ ? place_->shows_keys : shows_key({job, in_format_, out_format_});
}

void SharedOptions::refuse_given(const std::set<std::string>& besides, const std::string& why,
                                 const std::string& instead) const {
  for (const std::string& option : given_)
    if (besides.count(option) == 0) throw usage_error(option + " does nothing here: " + why, instead);
}

void SharedOptions::shape(flow::Job& job) const {
  if (keep_null_) job.settings.push_back({"--keep-null", "yes"});
  for (const auto& [option, text] : {std::pair{"--value-codec", value_codec_}, {"--key-codec", key_codec_}}) {
    if (!text) continue;
    const CodecPair pair = parse_codec_pair(*text, option);
    job.settings.push_back({option, pair.in.name() + ":" + pair.out.name()});
  }
  for (const auto& [name, text] : expressions_.args) job.settings.push_back({"--arg " + name, text});
  if (!shape_.empty()) {
    const ShapedStage checked(shape_, nullptr, nullptr);
    for (auto& [name, value] : checked.canonical()) job.settings.push_back({name, value});
  }
  if (as_graph_ && !explains_)
    throw usage_error("--dot does nothing without --explain", job.tool + " --explain --dot ...");
  if (place_ && shape_.key) job.changes_keys = true;
  if (!place_)
    refuse_idle_options(given_, {job, in_format_, out_format_, shares_.reads_lines || shares_.reads_topics,
                                 shape_.time && !shape_.uses_wall_clock()});
  if (shape_.empty()) return;
  flow::StageFactory& make = job.topology.last().make;
  make = [plan = shape_, inner = make](const flow::StageContext& context) -> std::unique_ptr<flow::Stage> {
    return std::make_unique<ShapedStage>(plan, inner(context), context.clock);
  };
}

}  // namespace kutils::cli
