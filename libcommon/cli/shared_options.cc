// The job that the shared options make.
#include "cli/shared_options.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <set>

#include "base/correction.h"
#include "base/log.h"
#include "base/murmur2.h"
#include "base/shell_word.h"
#include "base/word_list.h"
#include "cli/completed_hint.h"
#include "cli/explain.h"
#include "cli/given_command.h"
#include "cli/idle_options.h"
#include "io/read_as_utc.h"
#include "serve/run_views.h"

namespace kutils::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// A tool that reads what it writes never ends, or doubles its topic.
void refuse_same_topic(const io::Endpoint& in, const std::string& topic, const std::string& as) {
  if (topic.empty() || !io::names_topic(in, topic)) return;
  const std::string reads = in.kind == io::EndpointKind::topic_pattern
                                ? "'" + in.name + "' matches " + as + " '" + topic + "'"
                                : "'" + topic + "' is both IN and " + as;
  throw usage_error(reads + ": the tool would read what it writes", "write to another topic");
}

// A pipe does not tell how the program in front of it ended.
bool is_behind_program(const io::Endpoint& in) {
  struct stat info {};
  return in.kind == io::EndpointKind::stdio && ::fstat(STDIN_FILENO, &info) == 0 &&
         (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode));
}

// Rows on a terminal would be glued to the progress line; and what reads a pipe mostly prints to the
// terminal, too.
bool rows_reach_terminal(const io::Endpoint& out) {
  if (out.kind != io::EndpointKind::stdio) return false;
  struct stat info {};
  return isatty(STDOUT_FILENO) == 1 || (::fstat(STDOUT_FILENO, &info) == 0 && S_ISFIFO(info.st_mode));
}

}  // namespace

std::string default_state_dir() {
  if (std::string dir = environment("KUTILS_STATE_DIR"); !dir.empty()) return dir;
  if (std::string dir = environment("XDG_STATE_HOME"); !dir.empty()) return dir + "/kutils";
  if (std::string home = environment("HOME"); !home.empty()) return home + "/.local/state/kutils";
  return "/var/tmp/kutils";
}

namespace {

// A progress line would stand where somebody types.
bool is_typed(const io::Endpoint& in, bool reads_lines) {
  return reads_lines && in.kind == io::EndpointKind::stdio && isatty(STDIN_FILENO) == 1;
}

}  // namespace

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

void SharedOptions::name_cluster(flow::Job& job, const std::string& topic) const {
  if (!job.client.brokers().empty()) return;
  job.client = client_config();
  if (job.client.brokers().empty() && !explains_)
    throw usage_error("no brokers are given, and '" + topic + "' is a topic",
                      "give -b HOST:PORT or set $KUTILS_BROKERS; " +
                          (access(topic.c_str(), F_OK) == 0 ? "the file of that name here is: ./" + topic
                                                            : std::string("a file is ./NAME")));
}

void SharedOptions::set_group(flow::Job& job) const {
  if (!shares_.groups || job.group_is_explicit || !job.in.is_topic() || !job.out.is_topic()) return;
  if (job.in.kind == io::EndpointKind::topic_pattern || job.in.topics.size() > 1) {
    throw CorrectedError(
        "IN '" + job.in.name + "' is several topics: the group needs a name",
        {.before = "name it by -g NAME: ", .add = {{"-g", job.tool.substr(1) + "-" + job.out.name}}});
  }
  job.group = group_prefix_ + default_group(job.tool, job.in, job.out);
}

namespace {

// REQUIRES: the job is complete.
void serve_over_http(flow::Job& job, const std::string& address, const serve::HttpAccess& access) {
  serve::RunAbout about{job.tool, job.group, KUTILS_VERSION, explain(job, {}), {}};
  for (const flow::Setting& setting : job.settings) about.settings.emplace_back(setting.name, setting.value);
  job.make_observer = [about = std::move(about), access, at = serve::parse_http_address("--http", address),
                       state_dir = job.state_dir](const Clock& clock, Log& log) {
    auto views = std::make_shared<serve::RunViews>(at, about, clock, access, state_dir);
    log.note("http://" + serve::to_string(views->address()) + "/metrics");
    if (access.token.empty() && !serve::is_loopback_host(at.host))
      log.note("--http: whoever reaches this address can read the rows; --http-token asks for a token");
    return views;
  };
}

}  // namespace

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
  job.in_is_pipe = is_behind_program(job.in);
  if (job.in.table) job.settings.push_back({"IN is", "a table"});
  if (job.out.is_topic()) refuse_same_topic(job.in, job.out.name, "OUT");
  if (job.on_error) refuse_same_topic(job.in, job.on_error->topic, "the topic of dead letters");
  refuse_idle_range(job);
  job.quiet = quiet_;
  job.progress = progress_.value_or(!quiet_ && isatty(STDERR_FILENO) == 1 && !rows_reach_terminal(job.out) &&
                                    !is_typed(job.in, shares_.reads_lines));
  if (job.state_dir.empty()) job.state_dir = default_state_dir();
  if (job.instance.empty()) job.instance = environment("KUTILS_INSTANCE");
  if (!cluster_.properties.empty() || !cluster_.files.empty()) job.client = client_config();
  for (const io::Endpoint* at : {&job.in, &job.out})
    if (at->is_topic()) name_cluster(job, at->name);
  if (job.on_error && !job.on_error->topic.empty()) name_cluster(job, job.on_error->topic);
  if (job.in.is_topic()) {
    const int64_t now_ms = SystemClock().wall_ms();
    io::parse_range(job.range, now_ms);  // what is wrong is found now
    for (const std::string& text : io::read_as_utc(job.range, now_ms)) StderrLog(tool, quiet_).note(text);
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
      throw usage_error("-j cannot be used with -c or -m: each worker counts for itself",
                        "leave one of the two out");
  }
  if (http_.empty() &&
      (!http_access_.hosts.empty() || http_access_.advertised || given_.count("--http-token") > 0))
    throw usage_error("--http-host, --http-advertise and --http-token do nothing without --http",
                      "add --http ADDR");
  if (!http_.empty()) {
    if (http_access_.token.empty()) http_access_.token = http_token_from_environment();
    serve::parse_http_address("--http", http_);  // what is wrong is found now
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
  job.named_outputs = nullptr;
  job.changes_keys = job.counts_silence = job.close_at_end = false;
  job.rekeyed = place_->rekeyed;
  job.has_sources_apart = place_->reads_internal_topic && place_->pipe.topology.subs().back().keeps_sources();
  if (job.in.table && !shares_.tables)
    throw usage_error("table:" + job.in.name + ": " + tool + " does not read tables",
                      "for the stream of its changes write " + job.in.name);
  if ((value_codec_ || key_codec_) && (job.in.is_lines() || job.out.is_lines()))
    throw usage_error(std::string(value_codec_ ? "--value-codec" : "--key-codec") +
                          " applies to topics at the ends of a pipe, and " +
                          (job.in.is_lines() ? "IN '" + job.in.name : "OUT '" + job.out.name) + "' is lines",
                      "kwrite and kread bring lines to topics and back");
  set_warnings(tool);
  expressions_.value_codec = place_->value_codec;
  set_codecs(job);
  return job;
}

void SharedOptions::set_warnings(const std::string& tool) {
  expressions_.comparisons = std::make_shared<expr::ComparisonLog>();
  expressions_.warn = [log = std::make_shared<StderrLog>(tool, quiet_),
                       said = std::make_shared<std::set<std::string>>(),
                       one_by_one = std::make_shared<std::mutex>()](const std::string& text) {
    const std::scoped_lock lock(*one_by_one);  // -j: workers see records, too
    if (said->insert(text).second) log->note(text);
  };
}

namespace {

// `kcp IN - | TOOL --rate N ... - OUT`: what chooses records of the topic is of kcp, which reads it.
Correction paced_through_pipe(const flow::Job& job, const GivenCommand& given) {
  constexpr std::string_view kOfLines = "-m --exit-status",
                             kOfGroups =
                                 "-g --group-prefix --accept-change --instance "
                                 "-j --stay --delivery --commit-interval --on-gap";
  const std::string in = given_operand(given.info(), given.operands(), "IN").value_or(job.in.name);
  Correction reads{.before = "", .tool = "kcp", .operands = {{in, "-"}}};
  Correction paces{.replaced = std::pair(in, std::string("-"))};
  for (const GivenCommand::Word& word : given.words()) {
    if (word.option == nullptr) continue;
    const std::string name = split_names(word.option->names).front();
    const bool chooses = word.option->group == Group::reading && !has_word(kOfLines, name);
    const bool is_of_group = has_word(kOfGroups, name);
    const bool is_of_cluster = word.option->group == Group::cluster && !is_of_group;
    if (!chooses && !is_of_cluster && name != "-g") reads.drop.push_back(name);
    if (chooses || is_of_group || (is_of_cluster && !job.out.is_topic())) paces.drop.push_back(name);
  }
  if (job.tool != "kcp" && !given.has("-J")) paces.add = {{"-I", "envelope"}};
  paces.before = "to pace a topic, read it through a pipe: " + given.hint(reads) + " | ";
  return paces;
}

}  // namespace

// Lines are read from their beginning to their end, and are not what a group remembers: what says otherwise
// would be passed over in silence.
void SharedOptions::refuse_idle_range(const flow::Job& job) const {
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
          std::string(option) + " chooses what to read of a topic, and IN '" + job.in.name + "' is lines",
          "leave it out; head, tail and -c take a part of lines");
  }
  if (lines_.rate && job.in.is_topic()) {
    const std::string what = "--rate is for lines, and IN is the topic '" + job.in.name + "'";
    if (given_command_ == nullptr) throw usage_error(what);
    throw CorrectedError(what, paced_through_pipe(job, *given_command_));
  }
  if (job.delivery_is_explicit && job.delivery == flow::Delivery::exactly_once &&
      (job.in.is_lines() || job.out.is_lines()))
    throw usage_error("--delivery exactly-once works from topic to topic only",
                      "leave it out; kwrite --atomic writes all lines or none");
}

void SharedOptions::add_output(flow::Job& job, const std::string& operand) const {
  flow::MoreOutput more;
  more.at = io::parse_endpoint("OUT", operand);
  if (more.at.kind == io::EndpointKind::stdio && job.out.kind == io::EndpointKind::stdio) {
    throw usage_error("OUT and another output are both standard output",
                      "write one of them to a ./FILE or a topic");
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
  if (!place_ && job.max_input && job.topology.has_internal_topic() && job.in.is_topic() &&
      job.out.is_topic())
    throw usage_error(
        "-c: the first N records of " + job.in.name + " would wait in the internal topic until the next run",
        "-e and --until TIME also process the records in the internal topic; as lines: kread -c N " +
            shell_word(job.in.name) + " | " + job.tool + " ...");
  if (as_graph_ && !explains_)
    throw usage_error("--dot does nothing without --explain", job.tool + " --explain --dot ...");
  if (shape_.key) job.changes_keys = true;
  if (!place_ && !http_.empty()) serve_over_http(job, http_, http_access_);
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
