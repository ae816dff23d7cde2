// The shared options as data: names, help, and what each one sets.
#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "base/correction.h"
#include "base/duration.h"
#include "base/word_list.h"
#include "cli/functions_option.h"
#include "cli/shared_options.h"
#include "cli/time_unit.h"
#include "data/codec.h"
#include "io/line_format.h"
#include "io/paced_source.h"

namespace kutils::cli {
namespace {

std::pair<std::string, std::string> split_assignment(const std::string& option, const std::string& text,
                                                     const std::string& example) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw usage_error(option + ": '" + text + "' is not " + example, "write " + option + " " + example);
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
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

std::string all_codecs() {
  std::string out;
  for (const CodecLink& link : codec_links()) out.append(out.empty() ? "" : " ").append(link.name);
  return out;
}

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
             .help = "token that --http requires, except for /healthz; or $KUTILS_HTTP_TOKEN",
             .by_default = "none; whoever reaches ADDR is answered",
             .example = "--http 8080 --http-token \"$(cat token)\"",
             .group = Group::general,
             .is_secret = true,
             .set = [&token](const std::string& text) { token = checked_token("--http-token", text); }});
}

std::string http_token_from_environment() {
  const char* token = std::getenv("KUTILS_HTTP_TOKEN");
  return checked_token("$KUTILS_HTTP_TOKEN", token ? token : "");
}

std::pair<Millis, Millis> parse_commit_interval(const std::string& text) {
  const size_t colon = text.find(':');
  const Millis low = parse_duration_option("--commit-interval", text.substr(0, colon));
  if (colon == std::string::npos) return {low, std::max(low, Millis(500))};
  const Millis high = parse_duration_option("--commit-interval", text.substr(colon + 1));
  if (high < low) throw usage_error("--commit-interval: '" + text + "': MAX is below MIN");
  return {low, high};
}

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

void SharedOptions::declare_output(OptionTable& table) {
  const Group group = Group::output;
  if (shares_.shapes && shares_.sets_key) {
    table.add({.names = "--key",
               .metavar = "EXPR",
               .help = "key of the record written, made from the record read",
               .by_default = "the key of the record read",
               .example = "--key 'string(customer)'",
               .group = group,
               .in_short_help = shares_.writes_topics,
               .joined = joined_as_list,
               .joined_means = "a key of both: ",
               .set = [this](const std::string& text) { shape_.key = text; }});
  }
  if (shares_.shapes) {
    table.add(
        {.names = "--time",
         .metavar = "EXPR",
         .help = "time of the record written: epoch ms, ISO string (UTC without zone), timestamp; or 'wall'",
         .by_default = "the time of the record read",
         .example = "--time 'timestamp(at)'",
         .group = group,
         .set = [this](const std::string& text) { shape_.time = text; }});
    table.add({.names = "--time-unit",
               .metavar = "UNIT",
               .help = "what a number given by --time counts: ns us ms s",
               .by_default = "ms",
               .example = "--time sent --time-unit s",
               .group = group,
               .set = [this](const std::string& text) { shape_.time_unit_ns = parse_time_unit(text); },
               .choices = {"ns", "us", "ms", "s"}});
    table.add({.names = "--header",
               .metavar = "NAME=EXPR",
               .help = "a header of the record written; null removes it",
               .by_default = "the headers of the record read",
               .example = "--header 'source=\"shop\"'",
               .group = group,
               .is_list = true,
               .set = [this](const std::string& text) {
                 shape_.headers.push_back(split_assignment("--header", text, "NAME=EXPR"));
               }});
  }
  if (shares_.keep_null) {
    table.add({.names = "--keep-null",
               .help = "pass on records without a value; default: drop, count them",
               .example = "kfilter --keep-null 'number >= 100' clicks popular",
               .group = group,
               .in_short_help = true,
               .set = [this](const std::string&) { keep_null_ = true; }});
  }
  if (shares_.expressions) {
    table.add({.names = "--arg",
               .metavar = "NAME=TEXT",
               .help = "_arg.NAME in expressions: a string",
               .by_default = "none",
               .example = "--arg least=100",
               .group = group,
               .in_short_help = !shares_.writes_topics && !shares_.shapes,  // kexpr's
               .is_list = true,
               .set = [this](const std::string& text) {
                 auto argument = split_assignment("--arg", text, "NAME=TEXT");
                 for (const auto& [name, value] : expressions_.args)
                   if (name == argument.first)
                     throw usage_error("--arg " + name + " is given twice, as '" + value + "' and as '" +
                                       argument.second + "'");
                 expressions_.args.push_back(std::move(argument));
               }});
    table.add({.names = "--trust-json",
               .help = "do not check JSON behind the last field that is needed",
               .example = "kfilter --trust-json 'number >= 100' clicks popular",
               .group = group,
               .set = [this](const std::string&) { expressions_.trust_json = true; }});
    if (shares_.seeds)
      table.add({.names = "--seed",
                 .metavar = "N",
                 .help = "seed of random(): equal seeds give equal numbers",
                 .by_default = "other numbers in each run",
                 .example = "--seed 42",
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
             .help = "how values are encoded: " + all_codecs() + "; json by default; json+base64, IN:OUT",
             .by_default = "json",
             .example = "--value-codec json+base64",
             .group = group,
             .set =
                 [this](const std::string& text) {
                   parse_codec_pair(text,
                                    "--value-codec");  // what is wrong is said before brokers are asked for
                   value_codec_ = text;
                 },
             .choices = codec_names()});
  table.add({.names = "--key-codec",
             .metavar = "CODEC",
             .help = "how keys are encoded, the same; a key's text by default",
             .by_default = "a key's text where it is UTF-8, else bytes",
             .example = "--key-codec i64",
             .group = group,
             .set =
                 [this](const std::string& text) {
                   parse_codec_pair(text,
                                    "--key-codec");  // what is wrong is said before brokers are asked for
                   key_codec_ = text;
                 },
             .choices = codec_names()});
}

void SharedOptions::declare_lines(OptionTable& table) {
  const Group group = Group::lines;
  if (shares_.reads_lines) {
    table.add({.names = "-I",
               .metavar = "FORMAT",
               .help = "lines read: json envelope csv tsv text re:REGEX",
               .by_default = "json",
               .example = "-I csv",
               .group = group,
               .in_short_help = !shares_.reads_topics,
               .set = [this](const std::string& text) { lines_.in = text; },
               .choices = format_names(true)});
    table.add({.names = "--csv-strings",
               .help = "cells of CSV stay strings, also numbers",
               .example = "-I csv --csv-strings",
               .group = group,
               .set = [this](const std::string&) { lines_.csv_strings = true; }});
    table.add({.names = "--encoding",
               .metavar = "NAME",
               .help = "encoding of lines read: utf-8, or latin1, converted to UTF-8",
               .by_default = "utf-8",
               .example = "-I csv --encoding latin1",
               .group = group,
               .set =
                   [this](const std::string& text) {
                     if (text != "utf-8" && text != "latin1")
                       throw usage_error("--encoding " + text + ": there is no such encoding",
                                         "utf-8 or latin1; others: iconv -t UTF-8 | ...");
                     lines_.latin1 = text == "latin1";
                   },
               .choices = {"utf-8", "latin1"}});
    table.add({.names = "--rate",
               .metavar = "N",
               .help = "read at most N lines a second",
               .by_default = "as fast as possible",
               .example = "--rate 100",
               .group = group,
               .set = [this](const std::string& text) { lines_.rate = io::parse_rate(text); }});
  }
  if (shares_.writes_lines) {
    table.add({.names = "-O",
               .metavar = "FORMAT",
               .help = "lines written: json envelope csv tsv text table hex",
               .by_default = "json",
               .example = "-O table",
               .group = group,
               .in_short_help = !shares_.writes_topics,
               .set = [this](const std::string& text) { lines_.out = text; },
               .choices = format_names(false)});
    table.add({.names = "-f",
               .metavar = "FORMAT",
               .help = "lines written by kcat's %k %s %o ... and %{EXPR}",
               .by_default = "the value and a newline",
               .example = "-f '%k %T %s\\n'",
               .group = group,
               .in_short_help = !shares_.writes_topics && shares_.reads_topics && shares_.shapes,
               .set = [this](const std::string& text) { lines_.format = text; }});
    table.add({.names = "--pretty",
               .help = "JSON over several lines, indented",
               .example = "kread -e --pretty clicks",
               .group = group,
               .set = [this](const std::string&) { lines_.pretty = true; }});
    if (shares_.tables || shares_.aggregates)
      table.add({.names = "--sort",
                 .metavar = "COLUMN",
                 .help = "-O table: sort rows by it; -COLUMN: the largest first",
                 .by_default = "the order in which rows come",
                 .example = "-O table --sort -n",
                 .group = group,
                 .set = [this](const std::string& text) { lines_.sort_by = text; }});
    table.add({.names = "--embed",
               .help = "in envelopes the JSON value as 'value', not as text",
               .example = "-J --embed",
               .group = group,
               .set = [this](const std::string&) { lines_.embed = true; }});
  }
  table.add({.names = "-J",
             .help = "lines are kcat's JSON envelopes: key, headers, time",
             .example = "kread -e -J clicks",
             .group = group,
             .in_short_help = true,
             .set = [this](const std::string&) { lines_.envelope = true; }});
  table.add({.names = "-K",
             .metavar = "SEP",
             .help = "lines are KEY SEP VALUE",
             .by_default = "lines have no key",
             .example = "-K :",
             .group = group,
             .set = [this](const std::string& text) { lines_.key_separator = text; }});
  table.add({.names = "-Z",
             .metavar = "TEXT",
             .help = "text that stands for NULL in lines",
             .by_default = "null is written; no text is read as NULL",
             .example = "-K : -Z NULL",
             .group = group,
             .may_be_empty = true,
             .set = [this](const std::string& text) {
               // kcat's has no value
               if (has_word("-e -q -v -J -0", text))
                 throw CorrectedError("-Z has no value: '" + text + "' is an option",
                                      {.add = {{"-Z", "NULL"}, {text, ""}}});
               lines_.null_marker = text;
             }});
  table.add({.names = "-0",
             .help = "lines end with a NUL byte",
             .example = "kread -e -0 clicks | xargs -0 -n 1 echo",
             .group = group,
             .set = [this](const std::string&) { lines_.nul_ended = true; }});
}

void SharedOptions::declare_reading(OptionTable& table) {
  const Group group = Group::reading;
  if (shares_.reads_topics) {
    table.add({.names = "-o",
               .metavar = "WHERE",
               .help = "where to begin: beginning end stored N -N A:B @T:T",
               .by_default = "stored, where a group has read before, else beginning",
               .example = "-o -2h:",
               .group = group,
               .in_short_help = true,
               .joined = io::start_and_end,
               .accepts_joined = true,
               .set = [this](const std::string& text) { job_.range.from = text; }});
    table.add({.names = "--since",
               .metavar = "TIME",
               .help = "begin at a time: 1h (an hour ago), 09:30, yesterday, ISO",
               .by_default = "the beginning",
               .example = "--since 2h",
               .group = group,
               .set = [this](const std::string& text) { job_.range.since = text; }});
    table.add({.names = "--until",
               .metavar = "TIME",
               .help = "end at a time",
               .by_default = "no end",
               .example = "--until 2026-11-20T08:00Z",
               .group = group,
               .set = [this](const std::string& text) { job_.range.until = text; }});
    table.add({.names = "--local",
               .help = "times without a zone are in this machine's, not in UTC",
               .example = "--local --since 09:00",
               .group = group,
               .set = [this](const std::string&) { job_.range.zone = Zone::local; }});
    table.add({.names = "--tail",
               .metavar = "N",
               .help = "the last N records, over all partitions",
               .by_default = "all records",
               .example = "--tail 10",
               .group = group,
               .set = [this](const std::string& text) {
                 job_.range.tail = parse_number("--tail", text, 0, INT64_MAX);
               }});
    table.add(
        {.names = "-p",
         .metavar = "LIST",
         .help = "these partitions only: 0,2,5-7",
         .by_default = "all partitions",
         .example = "-p 0,1",
         .group = group,
         .joined = joined_by_comma,
         .set = [this](const std::string& text) { job_.range.partitions = io::parse_partitions(text); }});
    table.add({.names = "-e",
               .help = "stop at the end offsets that were captured at startup",
               .example = "kread -e clicks",
               .group = group,
               .in_short_help = true,
               .set = [this](const std::string&) { job_.range.exit_at_end = true; }});
  }
  table.add(
      {.names = "-c",
       .metavar = "N",
       .help = "end after N records read",
       .by_default = "no limit",
       .example = "-c 10",
       .group = group,
       .in_short_help = !shares_.aggregates,
       .set = [this](const std::string& text) { job_.max_input = parse_number("-c", text, 0, INT64_MAX); }});
  table.add(
      {.names = "-m",
       .metavar = "N",
       .help = "end after N records written; between topics, with the record that wrote the Nth",
       .by_default = "no limit",
       .example = "-m 10",
       .group = group,
       .set = [this](const std::string& text) { job_.max_output = parse_number("-m", text, 0, INT64_MAX); }});
  table.add({.names = "--exit-status",
             .help = "exit code 1 if no record was written",
             .example = "kfilter -e --exit-status 'number >= 100' clicks",
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
               .by_default = "TOOL.IN.OUT.HASH between topics, else no group",
               .example = "-g popular-2",
               .group = group,
               .in_short_help = true,
               .set = [this](const std::string& text) {
                 job_.group = text;
                 job_.group_is_explicit = true;
               }});
    table.add({.names = "--group-prefix",
               .metavar = "TEXT",
               .help = "prefix of the default group name",
               .by_default = "none",
               .example = "--group-prefix test.",
               .group = group,
               .may_be_empty = true,
               .set = [this](const std::string& text) { group_prefix_ = text; }});
    table.add({.names = "--accept-change",
               .help = "continue though the group stores another configuration",
               .example = "kfilter --accept-change -g step 'number >= 150' clicks popular",
               .group = group,
               .set = [this](const std::string&) { job_.accept_change = true; }});
    table.add({.names = "--instance",
               .metavar = "NAME",
               .help = "name of this process in its group; or $KUTILS_INSTANCE",
               .by_default = "a name that is made once and kept in the state directory",
               .example = "--instance worker-1",
               .group = group,
               .set = [this](const std::string& text) { job_.instance = text; }});
    if (shares_.writes_topics) {
      table.add({.names = "-j",
                 .metavar = "N",
                 .help = "number of worker threads, between topics",
                 .by_default = std::to_string(job_.workers),
                 .example = "-j 4",
                 .group = group,
                 .set = [this](const std::string& text) {
                   job_.workers = static_cast<int>(parse_number("-j", text, 1, 256));
                 }});
    }
    table.add({.names = "--stay",
               .help = "keep this process's partitions for it over a restart",
               .example = "kfilter --stay 'number >= 100' clicks popular",
               .group = group,
               .set = [this](const std::string&) { job_.stay = true; }});
    table.add({.names = "--state-dir",
               .metavar = "DIR",
               .help = "where this machine keeps state; or $KUTILS_STATE_DIR",
               .by_default = "$KUTILS_STATE_DIR, else $XDG_STATE_HOME/kutils, else ~/.local/state/kutils",
               .example = "--state-dir /var/lib/kutils",
               .group = group,
               .set = [this](const std::string& text) { job_.state_dir = text; }});
  }
  if (shares_.writes_topics) {
    table.add({.names = "--partitions",
               .metavar = "N",
               .help = "partitions of a topic that does not exist yet",
               .by_default = "as many as IN has; from lines the brokers' default",
               .example = "--partitions 12",
               .group = group,
               .set = [this](const std::string& text) {
                 job_.partitions = static_cast<int32_t>(parse_number("--partitions", text, 1, 100'000));
               }});
    table.add({.names = "--replication",
               .metavar = "N",
               .help = "replication factor of topics that are created",
               .by_default = "the brokers' default",
               .example = "--replication 1",
               .group = group,
               .set = [this](const std::string& text) {
                 job_.replication = static_cast<int16_t>(parse_number("--replication", text, 1, 1'000));
               }});
    table.add({.names = "--no-create",
               .help = "do not create topics",
               .example = "kfilter --no-create 'number >= 100' clicks popular",
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
               .by_default = "exactly-once",
               .example = "--delivery at-least-once",
               .group = group,
               .set =
                   [this](const std::string& text) {
                     if (text != "exactly-once" && text != "at-least-once") {
                       throw usage_error("--delivery: '" + text + "' is not exactly-once or at-least-once",
                                         text.starts_with("exactly") || text == "eos"
                                             ? "write: --delivery exactly-once"
                                             : "write: --delivery at-least-once");
                     }
                     job_.delivery = text == "exactly-once" ? flow::Delivery::exactly_once
                                                            : flow::Delivery::at_least_once;
                     job_.delivery_is_explicit = true;
                   },
               .choices = {"exactly-once", "at-least-once"}});
    table.add({.names = "--commit-interval",
               .metavar = "MIN[:MAX]",
               .help = "how long a transaction lasts, MAX while there is lag; default 10ms:500ms",
               .by_default = format_duration(job_.commit_min) + ":" + format_duration(job_.commit_max),
               .example = "--commit-interval 100ms:1s",
               .group = group,
               .set = [this](const std::string& text) {
                 std::tie(job_.commit_min, job_.commit_max) = parse_commit_interval(text);
               }});
    table.add({.names = "--on-gap",
               .metavar = "WHAT",
               .help = "records that retention deleted unread: fail or skip",
               .by_default = "fail",
               .example = "--on-gap skip",
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
             .help = "records that fail: fail, skip, report, dead-letter:TOPIC",
             .by_default = "fail to topics, report to lines",
             .example = "--on-error dead-letter:bad",
             .group = group,
             .in_short_help = shares_.writes_topics,
             .set = [this](const std::string& text) { job_.on_error = parse_on_error(text); },
             .choices = policy_names()});
}

void SharedOptions::declare_general(OptionTable& table) {
  table.add({.names = "--http",
             .metavar = "ADDR",
             .help = "serve /metrics, /healthz, /table/OUT; PORT or HOST:PORT",
             .by_default = "nothing is served",
             .example = "--http 8080",
             .group = Group::general,
             .set = [this](const std::string& text) { http_ = text; }});
  declare_http_token(table, http_access_.token);
  table.add({.names = "--http-host",
             .metavar = "NAME",
             .help = "host name that --http answers to, besides this machine's own",
             .by_default = "none",
             .example = "--http 0.0.0.0:8080 --http-host tables.example.org",
             .group = Group::general,
             .is_list = true,
             .set = [this](const std::string& text) {
               if (!serve::is_host(text))
                 throw usage_error("--http-host: '" + text + "' is not the name of a host",
                                   "as tables.example.org");
               http_access_.hosts.push_back(text);
             }});
  table.add({.names = "--http-advertise",
             .metavar = "HOST[:PORT]",
             .help = "where kquery reaches --http, if not at its address",
             .by_default = "the address of --http",
             .example = "--http 0.0.0.0:8080 --http-advertise 10.0.3.7",
             .group = Group::general,
             .set = [this](const std::string& text) {
               http_access_.advertised = serve::parse_advertised("--http-advertise", text);
             }});
  table.add({.names = "--explain",
             .help = "print what would be read, done and written, and do nothing",
             .example = "kfilter --explain 'number >= 100' clicks popular",
             .group = Group::general,
             .set = [this](const std::string&) { explains_ = true; }});
  table.add({.names = "--dot",
             .help = "--explain as a graph for dot(1)",
             .example = "--explain --dot",
             .group = Group::general,
             .set = [this](const std::string&) { as_graph_ = true; }});
  table.add({.names = "-q",
             .help = "suppress notes, not errors",
             .example = "kcp -q -e clicks ./clicks.ndjson",
             .group = Group::general,
             .set = [this](const std::string&) { quiet_ = true; }});
  table.add({.names = "-v",
             .help = "verbose; -vv for more",
             .example = "kread -v -e clicks",
             .group = Group::general,
             .set = [this](const std::string&) { ++job_.verbose; }});
  table.add({.names = "--progress",
             .help = "show progress on stderr; default: on a terminal, if no rows go there or to a pipe",
             .example = "kread -e --progress clicks >clicks.ndjson",
             .group = Group::general,
             .set = [this](const std::string&) { progress_ = true; }});
  table.add({.names = "--no-progress",
             .help = "show no progress",
             .example = "kfilter --no-progress 'number >= 100' clicks popular",
             .group = Group::general,
             .set = [this](const std::string&) { progress_ = false; }});
}

}  // namespace kutils::cli
