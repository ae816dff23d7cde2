// kquery TABLE [KEY...]: read a table or windows, from the state of a stopped tool or from a live one.
#include <thread>

#include "base/clock.h"
#include "base/correction.h"
#include "base/log.h"
#include "cli/shared_options.h"
#include "cli/tool.h"
#include "io/line_sink.h"
#include "kafka/cluster_admin.h"
#include "kquery/group_check.h"
#include "kquery/running_group.h"
#include "kquery/stored_table.h"
#include "serve/http.h"
#include "serve/live_tables.h"

namespace {

using namespace kutils;

class QueryTool final : public cli::Tool {
 public:
  cli::ToolInfo info() const override {
    return {"kquery",
            "Read a table or windows: of a running ktable or kwindow, or its state on disk.",
            {{"TABLE", true, "the topic that the tool writes, or its group"},
             {.name = "KEY",
              .help = "rows of these keys; a key of several parts is a JSON list",
              .is_many = true}},
            {{"kquery totals /home"}, {"kquery --at -1h per_uri /home"}}};
  }
  void declare(cli::OptionTable& table) override {
    const auto text = [&table](const char* names, const char* metavar, const char* help,
                               const char* by_default, const char* example, std::string& to) {
      table.add({.names = names,
                 .metavar = metavar,
                 .help = help,
                 .by_default = by_default,
                 .example = example,
                 .in_short_help = true,
                 .set = [&to](const std::string& value) { to = value; }});
    };
    table.add({.names = "--prefix",
               .metavar = "TEXT",
               .help = "rows whose key begins with TEXT",
               .by_default = "all rows",
               .example = "--prefix /p",
               .in_short_help = true,
               .may_be_empty = true,
               .set = [this](const std::string& value) { query_.prefix = value; }});
    text("--from", "TIME", "windows that begin at this time or later", "all windows", "--from -10m", from_);
    text("--until", "TIME", "windows that begin before this time", "all windows", "--from -10m --until -5m",
         until_);
    text("--at", "WHEN", "windows that hold a time: now, current (stream time), TIME", "all windows",
         "--at -1h", at_);
    text("--delta", "D", "the change since D before --at (current)", "none", "--delta 5m", delta_);
    table.add({.names = "-g",
               .metavar = "GROUP",
               .help = "the group whose state it is",
               .by_default = "the group whose OUT is TABLE",
               .example = "-g totals",
               .in_short_help = true,
               .set = [this](const std::string& value) { group_ = value; }});
    table.add(
        {.names = "--http",
         .metavar = "ADDR",
         .help = "ask the running tool that was started with this --http",
         .by_default = "the running instances that the group names, else the state on this machine",
         .example = "--http 8080",
         .in_short_help = true,
         .set = [this](const std::string& value) { http_ = serve::parse_http_address("--http", value); }});
    cli::declare_http_token(table, token_);
    text("--state-dir", "DIR", "read the state in it, ask no running tool",
         "$KUTILS_STATE_DIR, else $XDG_STATE_HOME/kutils, else ~/.local/state/kutils",
         "--state-dir /var/lib/kutils", state_dir_);
    table.add({.names = "--partial",
               .help = "print what is here or answers, and note the rest",
               .example = "kquery --partial totals",
               .in_short_help = true,
               .set = [this](const std::string&) { partial_ = true; }});
    cluster_.declare(table);
    table.add({.names = "-O",
               .metavar = "FORMAT",
               .help = "lines written: json envelope csv tsv text table",
               .by_default = "json",
               .example = "-O csv",
               .in_short_help = true,
               .set = [this](const std::string& value) { format_ = io::parse_line_format(value, "-O"); },
               .choices = {"json", "envelope", "csv", "tsv", "text", "table"}});
    table.add({.names = "--sort",
               .metavar = "COLUMN",
               .help = "-O table: sort rows by it; -COLUMN: the largest first",
               .by_default = "the order in which they are found",
               .example = "-O table --sort -n",
               .set = [this](const std::string& value) { sort_by_ = value; }});
    table.add({.names = "-q",
               .help = "suppress notes, not errors",
               .example = "kquery -q totals",
               .group = cli::Group::general,
               .set = [this](const std::string&) { quiet_ = true; }});
    table.add({.names = "-v",
               .help = "say which state was read, and as of when",
               .example = "kquery -v totals /home",
               .group = cli::Group::general,
               .set = [this](const std::string&) { verbose_ = true; }});
  }
  void setup(const cli::Operands& operands) override {
    table_ = operands.get("TABLE");
    query_.keys = operands.rest();
    io::check_output_format(format_);
    if (!sort_by_.empty() && format_.name() != "table")
      throw CorrectedError("--sort does nothing here: no table is printed", {.add = {{"-O", "table"}}});
    format_.sort_by = sort_by_;
    now_ms_ = SystemClock().wall_ms();
    flow::set_range(query_, from_, until_, now_ms_);
    flow::set_at(query_, at_, now_ms_);
    flow::set_delta(query_, delta_);
    if (!query_.keys.empty() && query_.prefix)
      throw usage_error("a KEY and --prefix cannot be combined", "give one of them");
    if (http_ && (group_ || !state_dir_.empty() || cluster_.given() || partial_))
      throw usage_error(
          "--http asks a running tool; -g, --state-dir, --partial, -b, -X and -F are about a stopped one's state");
    if (http_ && format_.name() == "envelope") refuse_envelope();
    if (token_.empty()) token_ = cli::http_token_from_environment();
    asks_running_ = state_dir_.empty();
    if (state_dir_.empty()) state_dir_ = cli::default_state_dir();
    if (!http_) client_ = cluster_.config();
  }
  ExitCode run() override {
    StderrLog log("kquery", quiet_);
    if (http_) return ask(log);
    connect();
    if (const auto group = running_group()) return ask_group(*group, log);
    const auto table = kquery::StoredTable::find(state_dir_, table_, group_);
    flow::TableQuery query(table->description(), query_);
    if (verbose_) log.note(table->origin(now_ms_));
    const GroupCheck check = look_at_group(*table, log);
    const auto out = io::make_line_sink(1, false, "standard output", format_);
    try {
      table->run(query, now_ms_, [&](MaybeBytes key, std::string_view json, int64_t timestamp) {
        Output row;
        row.key = key;
        row.value = json;
        row.timestamp = timestamp;
        if (auto refused = out->write(nullptr, row)) throw Error(ExitCode::bad_record, refused->message);
        return true;
      });
      out->flush();
      out->close();
    } catch (const io::ReaderGone&) {
      return kReaderGone;
    }
    const std::vector<std::string> missing = query.missing();
    if (!missing.empty() && !check.absent.empty() && !partial_)
      throw usage_error("no row here has the key '" + missing.front() + "': it may be in " +
                            name_of(check.absent) + " of group '" + table->group() + "', which " +
                            (check.absent.size() == 1 ? "is" : "are") + " not in " + state_dir_,
                        kElsewhere);
    return say_missing(missing, query.found_any(), log);
  }

 private:
  using GroupCheck = kquery::GroupCheck;

  static std::string name_of(const std::vector<int32_t>& partitions) {
    std::string names = partitions.size() == 1 ? "partition" : "partitions";
    for (size_t i = 0; i < partitions.size(); ++i)
      names += (i == 0 ? " " : ", ") + std::to_string(partitions[i]);
    return names;
  }

  static void refuse_envelope() {
    throw usage_error("-O envelope: a running tool answers with values, which have no key of their own",
                      "leave out -O, or stop the tool and ask its state");
  }

  // Without an answer of the brokers the state on this machine is asked all the same.
  void connect() {
    no_brokers_ = "no brokers are given (-b, $KUTILS_BROKERS)";
    if (client_.brokers().empty()) return;
    admin_ = kafka::make_cluster_admin(client_);
    try {
      kquery::connect_briefly(*admin_);
      no_brokers_.clear();
    } catch (const Error& error) {
      no_brokers_ = error.what();
    }
  }

  std::optional<std::string> running_group() const {
    if (!asks_running_ || !no_brokers_.empty() || admin_->is_in_memory()) return std::nullopt;
    try {
      return kquery::find_running_group(*admin_, table_, group_);
    } catch (const kafka::KafkaError&) {
      return std::nullopt;  // as where nobody answers, or where the group may not be looked at
    }
  }

  kquery::Parameters parameters() const {
    kquery::Parameters out;
    for (const auto& [name, value] : {std::pair<const char*, const std::string&>{"from", from_},
                                      {"until", until_},
                                      {"at", at_},
                                      {"delta", delta_}})
      if (!value.empty()) out.emplace_back(name, value);
    if (query_.prefix) out.emplace_back("prefix", *query_.prefix);
    return out;
  }

  // Each key is asked of its owner; nothing is printed before all have answered.
  ExitCode ask_group(const std::string& group, Log& log) {
    if (format_.name() == "envelope") refuse_envelope();
    const SystemClock clock;
    kquery::RunningGroup running(
        group, table_,
        {[&] { return admin_->all_committed(group, false); },
         [&](const serve::HttpAddress& at, const std::string& path, const kquery::Parameters& question) {
           return serve::http_get(at, path, question, token_);
         },
         clock, [](Millis wait) { std::this_thread::sleep_for(wait); }},
        kOwnerLimit);
    std::string lines;
    std::vector<std::string> missing, unreached;
    const auto take = [&](const kquery::Parameters& question, const std::string* name) {
      const auto rows = running.ask(question);
      lines += rows.lines;
      unreached.insert(unreached.end(), rows.unreached.begin(), rows.unreached.end());
      if (name && rows.any_missing && rows.unreached.empty()) missing.push_back(*name);
    };
    for (const std::string& key : query_.keys) {
      kquery::Parameters question = parameters();
      question.emplace_back("key", key);
      take(question, &key);
    }
    if (query_.keys.empty()) take(parameters(), query_.prefix ? &*query_.prefix : nullptr);
    std::sort(unreached.begin(), unreached.end());
    unreached.erase(std::unique(unreached.begin(), unreached.end()), unreached.end());
    if (!unreached.empty()) {
      std::string text = "not all instances of group '" + group + "' that have the answer can be reached";
      for (const std::string& line : unreached) text += "\n  " + line;
      if (!partial_) throw Error(ExitCode::connection, text, kUnreached);
      log.note(text);
    }
    if (verbose_) log.note("asked the running instances of group '" + group + "'");
    if (!print(lines)) return kReaderGone;
    return say_missing(missing, !lines.empty(), log);
  }

  // JSON objects, a line each. False: the reader of the output is gone.
  bool print(const std::string& lines) const {
    const auto out = io::make_line_sink(1, false, "standard output", format_);
    try {
      for (size_t from = 0; from < lines.size();) {
        const size_t end = lines.find('\n', from);
        Output row;
        row.value = std::string_view(lines).substr(from, end - from);
        if (auto refused = out->write(nullptr, row)) throw Error(ExitCode::bad_record, refused->message);
        from = end + 1;
      }
      out->flush();
      out->close();
    } catch (const io::ReaderGone&) {
      return false;
    }
    return true;
  }

  // Refuses to answer from an old copy of the group's state, unless --partial is given.
  GroupCheck look_at_group(const kquery::StoredTable& table, Log& log) const {
    const GroupCheck check = no_brokers_.empty() ? kquery::check_group(table, *admin_)
                                                 : kquery::check_without_brokers(table, no_brokers_);
    if (!check.unknown.empty())
      log.note(table.origin(now_ms_) +
               "; it is not known whether the group has committed more since: " + check.unknown);
    std::string lines;
    for (const std::string& line : check.behind) lines += "\n  " + line;
    if (!lines.empty()) {
      const std::string text = "the state of group '" + table.group() + "' in " + state_dir_ +
                               " is an old copy: another instance has continued it" + lines;
      if (!partial_) throw usage_error(text, kElsewhere);
      log.note(text);
    }
    if (!check.absent.empty()) {
      const std::string text =
          name_of(check.absent) + " of group '" + table.group() + "' " +
          (check.absent.size() == 1 ? "is" : "are") + " not in " + state_dir_ + ": another instance has " +
          (check.absent.size() == 1 ? "it, or it was" : "them, or they were") + " deleted";
      // A key lies in one partition only.
      if (partial_) log.note(text);
      if (!partial_ && query_.keys.empty()) throw usage_error(text, kElsewhere);
    }
    return check;
  }

  ExitCode say_missing(const std::vector<std::string>& missing, bool found_any, Log& log) const {
    const bool asks_windows = !from_.empty() || !until_.empty() || !at_.empty() || !delta_.empty();
    const bool is_empty = asks_windows && !query_.names_rows() && !found_any;
    if (is_empty) log.note("no window in the time asked for");
    for (const std::string& key : missing) {
      log.note((query_.prefix ? "no row has a key that begins with '" : "no row has the key '") + key + "'" +
               (asks_windows ? " in the time asked for" : ""));
      if (key.find_first_of("=<>") != key.npos)
        log.note("KEY is the text of a key, not a condition; rows are chosen by: kquery " + table_ +
                 " | kfilter EXPR");
    }
    if (asks_windows && (is_empty || !missing.empty()))
      log.note(
          "closed windows are kept for as long as kwindow --expires says; by default they are deleted at once");
    return missing.empty() && !is_empty ? ExitCode::ok : ExitCode::answer_is_no;
  }

  ExitCode ask(Log& log) const {
    kquery::Parameters question = parameters();
    for (const std::string& key : query_.keys) question.emplace_back("key", key);
    const serve::HttpReply reply = serve::http_get(*http_, "/table/" + table_, question, token_);
    if (reply.status == serve::LiveTables::kElsewhere) {
      const auto elsewhere = serve::parse_elsewhere(reply.body);
      throw usage_error(serve::to_string(*http_) + ": this process does not have " +
                            (elsewhere ? "all of " + name_of(elsewhere->partitions) + " of " +
                                             elsewhere->topic + ", where a row of the key is if there is one"
                                       : "the partition of the key"),
                        "leave out --http: with brokers (-b) kquery asks the instance that has it");
    }
    if (reply.type != serve::LiveTables::kLines) {
      std::string said = reply.body;
      while (!said.empty() && said.back() == '\n') said.pop_back();
      if (reply.status == 401)
        throw usage_error(serve::to_string(*http_) + ": the token is missing or wrong",
                          "give the running tool's with --http-token TOKEN or $KUTILS_HTTP_TOKEN");
      const size_t hint = said.find('\n');
      if (reply.status == 503)
        throw Error(ExitCode::connection, serve::to_string(*http_) + ": " + said.substr(0, hint),
                    hint == std::string::npos ? "" : said.substr(hint + 1));
      throw usage_error(serve::to_string(*http_) + ": " + said.substr(0, hint),
                        hint == std::string::npos ? "" : said.substr(hint + 1));
    }
    if (!print(reply.body)) return kReaderGone;
    if (reply.status == 200) return say_missing({}, !reply.body.empty(), log);
    // Which of several it was, the reply does not tell.
    if (query_.keys.size() == 1 || query_.prefix)
      return say_missing({query_.prefix ? *query_.prefix : query_.keys.front()}, false, log);
    log.note("some of the keys have no row");
    return ExitCode::answer_is_no;
  }

  static constexpr const char* kElsewhere =
      "ask where the tool runs, or ran last: kquery there. An instance that was started with --http ADDR is found "
      "and\nasked while it runs. Started here with -e, the tool "
      "brings\nits copy up to date. --partial answers from the rows that are here";
  static constexpr const char* kUnreached =
      "an instance is found by what it says of itself: --http HOST:PORT, --http-advertise (without a HOST it answers "
      "on\nits own machine only). --partial answers without what cannot be reached";
  static constexpr Millis kOwnerLimit{10'000};  // a partition that moves is back within it
  static constexpr ExitCode kReaderGone =
      static_cast<ExitCode>(128 + 13);  // as a coreutil that SIGPIPE ended
  std::optional<serve::HttpAddress> http_;
  std::string table_, sort_by_, from_, until_, at_, delta_, state_dir_, token_;
  std::optional<std::string> group_;
  io::LineFormat format_;
  flow::Query query_;
  int64_t now_ms_ = 0;
  cli::ClusterOptions cluster_;
  kafka::ClientConfig client_;
  std::unique_ptr<kafka::ClusterAdmin> admin_;
  std::string no_brokers_;     // why they are not asked; empty: they are
  bool asks_running_ = false;  // no state on this machine was named
  bool quiet_ = false, verbose_ = false, partial_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  QueryTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
