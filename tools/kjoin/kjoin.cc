// kjoin LEFT RIGHT [OUT]: records and rows of two topics that belong together.
#include "kjoin/kjoin.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/correction.h"
#include "base/duration.h"
#include "base/log.h"
#include "cli/grouping_options.h"
#include "cli/stream_tool.h"
#include "flow/join/foreign_join.h"
#include "flow/join/input_check.h"
#include "flow/join/join_key.h"
#include "flow/join/join_stage.h"
#include "flow/join/lookup_tables.h"
#include "flow/join/rekey_stage.h"
#include "flow/tasks/state_support.h"
#include "kjoin/on_sides.h"
#include "kjoin/select_list.h"
#include "kmap/map_stage.h"

namespace kutils {
namespace {

// Far enough from the end of 64 bits that no sum of these overflows.
constexpr int64_t kMostMs = int64_t{10000} * 365 * 86400 * 1000;

// `--on user --on id`
std::string one_for_each_side(const std::vector<std::string>& values) {
  const bool are_two =
      values.size() == 2 && values[0].find('=') == values[0].npos && values[1].find('=') == values[1].npos;
  return are_two ? values[0] + "=" + values[1] : std::string();
}

class JoinTool final : public cli::StreamTool {
 public:
  JoinTool()
      : StreamTool({.reads_lines = false,
                    .writes_lines = false,
                    .codecs = false,
                    .shapes = false,
                    .tables = true,
                    .emits_json = true}) {}
  cli::ToolInfo info() const override {
    return {"kjoin",
            "Join two streams, a stream with a table, or two tables.",
            {{"LEFT", true, "a topic; table:TOPIC: the newest value of each key"},
             {"RIGHT", true, "a topic; table:TOPIC; table:./FILE.csv, .tsv or .ndjson"},
             {.name = "OUT", .required = true, .help = "a topic", .suggested_topic = "joined"}},
            {{"kjoin clicks table:users enriched"},
             {"kjoin --anti --within 3d --on id orders dispatches undispatched"}}};
  }
  void declare(cli::OptionTable& table) override {
    const auto text = [&table](const char* names, const char* metavar, const char* help,
                               const char* by_default, const char* example, std::string& to, bool short_help,
                               decltype(cli::Option::joined) joined = nullptr) {
      table.add({.names = names,
                 .metavar = metavar,
                 .help = help,
                 .by_default = by_default,
                 .example = example,
                 .in_short_help = short_help,
                 .joined = joined,
                 .set = [&to](const std::string& value) { to = value; }});
    };
    const auto flag = [&table](const char* names, const char* help, const char* example, bool& to,
                               bool short_help) {
      table.add({.names = names,
                 .help = help,
                 .example = example,
                 .in_short_help = short_help,
                 .set = [&to](const std::string&) { to = true; }});
    };
    text("--on", "EXPR", "join by this, not by record key; A=B: one for each side", "the record key",
         "--on 'customer=id'", on_, true, one_for_each_side);
    text("--within", "D", "streams: pairs whose times are at most D apart",
         "streams need it, or --before and --after", "--within 10m", within_, true);
    text("--before", "D", "RIGHT's record at most D before LEFT's", "as --within, else 0s", "--before 1m",
         before_, false);
    text("--after", "D", "RIGHT's record at most D after LEFT's", "as --within, else 0s", "--after 10m",
         after_, false);
    text("-w,--window", "D", "in place of --within: both in the same window of this length", "none", "-w 10s",
         window_, false);
    text("--grace", "D", "how much longer a record waits for late ones", "0s", "--within 10m --grace 1m",
         grace_, false);
    flag("--left", "also records of LEFT without a match", "kjoin --left clicks table:users enriched", left_,
         true);
    flag("--outer", "also records of either side without a match",
         "kjoin --outer --within 1h orders dispatches out", outer_, false);
    flag("--anti", "only records of LEFT without a match",
         "kjoin --anti --within 3d orders dispatches undispatched", anti_, true);
    text("--where", "EXPR", "only pairs for which this is true; left.x, right.y", "all pairs",
         "--where 'left.amount > right.amount'", where_, false, cli::joined_by_and);
    text("--select", "LIST", "the output's fields, as kmap's: 'left.id, right.name'",
         "left and right, each as an object", "--select 'left.id, right.name'", select_, true,
         cli::joined_by_comma);
    flag("--merge", "one flat object of both sides' fields", "kjoin --merge clicks table:users enriched",
         merge_, false);
    text("--prefix", "TEXT", "--merge: put before the names of the right's fields", "none",
         "--merge --prefix user_", prefix_, false);
    text("--table-grace", "D", "late records meet the row of their time, up to D back", "the row of now",
         "--table-grace 5m", table_grace_, false);
    flag("--global", "the whole table in each process, whatever its partitions",
         "kjoin --global --on user clicks table:users enriched", global_, false);
    text("--reload", "D", "table:./FILE: check each D whether it has changed", "the file is read once",
         "--reload 1m", reload_, false);
    text("--max-ahead", "D", "streams: a time further ahead of the clock is an error; 24h, or none", "24h",
         "--max-ahead none", max_ahead_, false);
    text("--idle", "D", "streams: after D without records, time advances by itself",
         "time stands still while no record comes", "--idle 1m", idle_, false);
    text("--max-wait", "D", "how long to wait for an input at its end; 1s", "1s", "--max-wait 10s", max_wait_,
         false);
    flag("--trust-partitioning", "do not check that equal keys are in equal partitions",
         "kjoin --trust-partitioning clicks table:users enriched", trusts_partitions_, false);
    flag("--close-at-end", "with -e: at the end, what still waits has no match",
         "kjoin -e --close-at-end --left --within 1h orders dispatches out", close_at_end_, false);
    grouping_.declare(table, {});
    shared_.declare(table);
  }

  void setup(const cli::Operands& operands) override {
    job_ = shared_.make_job("kjoin", operands.find("LEFT"), operands.find("OUT"));
    right_ = io::parse_endpoint("RIGHT", *operands.find("RIGHT"));
    judge_operands();
    refuse_names_of_topics();
    flow::JoinOptions options;
    options.right_topic = right_.name;
    options.is_self = is_self();
    set_type(options);
    set_times(options);
    if (!prefix_.empty() && !merge_)
      throw usage_error("--prefix does nothing here: it is about the field names of --merge",
                        "add --merge, or leave it out");
    if (merge_ && !select_.empty())
      throw usage_error("--merge and --select both say what the output is", "leave one of the two out");
    options.format = {where_, merge_, prefix_, shared_.expressions(), left_out_};
    options.counts = counts_;
    add_settings(options);
    judge_on();
    if (is_lookup()) {
      look_up(options);
    } else if (on_.empty()) {
      add_join(options);
      if (!is_self()) job_.topology.add_copartitioned(right_.name, right_.table);
    } else {
      join_on(options);
    }
    if (!select_.empty()) add_select();
    // Else there is nothing to look at, and lines need no broker.
    if (right_.is_topic())
      parts_.push_back(flow::make_input_check(
          {job_.in.name, right_.name, job_.in.table && !is_lookup(), right_.table && right_.is_topic(),
           on_.empty() && !is_behind_internal_topic(), on_.empty() || right_.table,
           !trusts_partitions_ && !is_lookup() && !is_self() &&
               (on_.empty() || (!is_streams() && !is_tables()))}));
    job_.counts_silence = options.idle.has_value();
    job_.close_at_end = close_at_end_;
    shared_.shape(job_);
    grouping_.refuse_idle_cache(job_);
    job_.cache_bytes = grouping_.cache_bytes();
    if (job_.stateful()) flow::give_state(job_);
  }
  std::vector<std::string> last_notes() const override {
    std::vector<std::string> notes;
    note_without_key(flow::Side::left, job_.in, notes);
    if (!is_self()) note_without_key(flow::Side::right, right_, notes);
    note_too_early(notes);
    if (*left_out_ > 0)
      notes.push_back("--merge: both sides had a field of one name with different values " +
                      std::to_string(*left_out_) + (*left_out_ == 1 ? " time" : " times") +
                      ", and the left's was kept; --prefix r_ keeps both");
    return notes;
  }

 private:
  bool is_streams() const { return !job_.in.table && !right_.table; }
  // Of an earlier stage: its keys lie where murmur2 puts them.
  bool is_behind_internal_topic() const { return shared_.place() && shared_.place()->reads_internal_topic; }
  // One topic, which is read once.
  bool is_self() const { return is_streams() && job_.in.name == right_.name; }
  // The rows are in each process, not in the state of partitions.
  bool is_lookup() const { return right_.table && (global_ || right_.is_lines()); }
  bool is_tables() const { return job_.in.table && right_.table; }

  // `name`: a group stores what it was started with, and another command needs another one. `advice`: in a pipe, whose
  // command is another.
  std::string hint(const std::string& before, const std::string& name,
                   const std::pair<std::string, std::string>& option, const std::vector<std::string>& drop,
                   const std::string& advice) const {
    const std::string command =
        shared_.hint({.before = before, .add = {option, {"-g", job_.out.name + name}}, .drop = drop});
    return command.empty() ? "; " + advice : "\n  " + command;
  }
  // Such records match nothing: said where it is about more than single ones. An EXPR may well be null for many.
  void note_without_key(flow::Side side, const io::Endpoint& at, std::vector<std::string>& notes) const {
    const uint64_t records = counts_->records[static_cast<size_t>(side)];
    const uint64_t without = counts_->without_key[static_cast<size_t>(side)];
    if (without == 0 || (on_.empty() ? without * 100 <= records : without < records)) return;
    const std::string of =
        std::to_string(without) + " of " + std::to_string(records) + " records of " + at.name;
    if (!on_.empty()) {
      notes.push_back("--on '" + on_ + "' is null in " + of + ", which match nothing");
      return;
    }
    notes.push_back(of + " have no key and match nothing" +
                    hint("to join by a field: ", "-on", {"--on", "EXPR"}, {}, "--on EXPR joins by a field"));
  }
  // Both are read in order of time. Where most records are of this kind, the rows were written later than they.
  void note_too_early(std::vector<std::string>& notes) const {
    const uint64_t early = counts_->too_early, records = counts_->records[0];
    if (early == 0 || (counts_->matched > 0 && early * 2 < records)) return;
    notes.push_back(std::to_string(early) + " of " + std::to_string(records) + " records of " + job_.in.name +
                    " came before the row of their key in " + right_.name +
                    ", in order of time, and did not match it" +
                    hint("to look up the rows as they are now: ", "-global", {"--global", ""},
                         {"--table-grace", "--max-wait"}, "--global looks up the rows as they are now"));
  }

  void judge_operands() const {
    for (const auto& [name, at] : {std::pair<std::string, const io::Endpoint*>{"LEFT", &job_.in},
                                   {"RIGHT", &right_},
                                   {"OUT", &job_.out}}) {
      if (name == "RIGHT" && at->kind == io::EndpointKind::file && at->table) continue;
      // A pipe of lines whose rows lie in a file needs no broker.
      if (shared_.place() && right_.kind == io::EndpointKind::file && right_.table) continue;
      if (name == "RIGHT" && at->kind == io::EndpointKind::file)
        throw usage_error("RIGHT '" + at->name + "' is a file, and a file can only be a table",
                          "table:" + at->name + " looks its rows up");
      if (at->is_lines())
        throw usage_error(
            name + " '" + at->name + "' is lines, and kjoin joins topics",
            name == "OUT" ? "write to a topic, and read that with kread" : "kwrite brings lines to a topic");
      if (name == "LEFT" && takes_several_topics()) continue;
      if (at->kind == io::EndpointKind::topic_pattern || at->topics.size() > 1)
        throw usage_error(name + " '" + at->name + "' is several topics",
                          "a join has one topic on each side");
    }
    judge_lookup();
    judge_stage();
    if (job_.in.name == right_.name && !is_streams())
      throw usage_error(
          "LEFT and RIGHT are the same topic, '" + right_.name + "', which is read as a table",
          "two streams may be one topic: leave table: out and add --within D;\nelse copy it with "
          "kcp, and read the copy on one side");
    if (is_self() && merge_ && prefix_.empty())
      throw usage_error("--merge: LEFT and RIGHT are the same topic, so that both sides have the same fields",
                        "add --prefix r_ for the names of the right's fields, or --select");
    if (right_.name == job_.out.name)
      throw usage_error("'" + right_.name + "' is both RIGHT and OUT: the tool would read what it writes",
                        "write to another topic");
    if (job_.in.table && !right_.table)
      throw usage_error(
          "LEFT 'table:" + job_.in.name + "' is a table and RIGHT a stream: the stream must be LEFT",
          shared_.place() ? "read '" + right_.name + "' as IN, and table:" + job_.in.name + " as RIGHT"
                          : "kjoin " + right_.name + " table:" + job_.in.name + " " + job_.out.name);
  }

  // In a pipe: it reads what an earlier stage has made.
  bool is_behind() const { return shared_.place() && !shared_.place()->is_first; }
  // Of a pipe, whose IN may be several; LEFT is what the stage before made of them.
  bool takes_several_topics() const {
    return is_behind() && (is_lookup() || shared_.place()->reads_internal_topic || !on_.empty());
  }
  void judge_stage() const {
    if (!is_behind() || is_lookup()) return;
    if (job_.in.name == right_.name)
      throw usage_error("RIGHT '" + right_.name + "' is also IN, which the stages before this one take",
                        "copy it with kcp, and name the copy as RIGHT");
    if (!on_.empty() && is_streams())
      throw usage_error("--on: only the first stage of a pipe brings two streams under another key",
                        "make it the first stage; or bring either topic under that key with kgroupby before "
                        "the pipe, and leave --on out");
    if (!on_.empty() && is_tables())
      throw usage_error("--on: two tables join by a foreign key only in the first stage of a pipe",
                        "make it the first stage, or end the pipe before it");
    if (job_.rekeyed && on_.empty())
      throw usage_error(
          "an earlier stage changed the keys, or grouped by another value, and equal keys are not together here",
          right_.table ? "add --on _key, or --global for a small table"
                       : "bring IN under that key with kgroupby before the pipe, or end the "
                         "pipe before this stage");
  }

  void judge_lookup() const {
    if (global_ && !right_.table)
      throw usage_error("--global is about a table, and RIGHT '" + right_.name + "' is a stream",
                        "table:" + right_.name);
    if (global_ && right_.is_lines())
      throw usage_error("--global does nothing here: all rows of a file are in each process anyway",
                        "leave it out");
    if (!reload_.empty() && !right_.is_lines())
      throw usage_error("--reload is about a file, and RIGHT '" + right_.name +
                            "' is a topic, of which new rows are read anyway",
                        "leave it out");
    if (!is_lookup()) return;
    if (job_.in.table)
      throw usage_error("LEFT 'table:" + job_.in.name + "' is a table, and " +
                            (right_.is_lines() ? "a file" : "a --global table") +
                            " is looked up for the records of a stream",
                        right_.is_lines() ? "kwrite brings the file to a topic, and two topics join as tables"
                                          : "leave --global out: two tables join by their keys");
    for (const auto& [option, text] :
         {std::pair<const char*, const std::string*>{"--table-grace", &table_grace_},
          {"--max-wait", &max_wait_}})
      if (!text->empty())
        throw usage_error(
            std::string(option) + " does nothing here: a record meets the rows as they are when it comes",
            right_.is_lines() ? "leave it out" : "leave it out, or leave --global out");
  }

  void set_type(flow::JoinOptions& options) const {
    if (left_ && outer_)
      throw usage_error("--left and --outer contradict each other", "leave one of the two out");
    if (left_ && anti_)
      throw usage_error("--anti writes only records of LEFT without a match, --left the pairs, too",
                        "leave one of the two out");
    if (outer_ && !is_streams() && !is_tables())
      throw usage_error("--outer: of a stream and a table, rows that no record matches are never written",
                        "use --left, or table: on both sides");
    if (outer_ && is_tables() && !where_.empty())
      throw usage_error(
          "--outer with --where: two rows of one key that do not match would be two results of that key",
          "use --left, or kfilter behind the join");
    options.type = {!anti_, left_ || outer_ || anti_, outer_};
  }

  static int64_t milliseconds(const char* option, const std::string& text) {
    if (text.empty()) return 0;
    const int64_t ms = parse_duration_option(option, text).count();
    if (ms > kMostMs) throw usage_error(std::string(option) + ": '" + text + "' is more than 10,000 years");
    return ms;
  }

  // A line of a hint: the command with RIGHT as a table.
  std::string with_table() const {
    const std::string line = shared_.hint(
        {.before = "where RIGHT is a table: ", .replaced = std::pair(right_.name, "table:" + right_.name)});
    return is_self() || line.empty() ? "" : line + "\n";
  }

  // `--where 'clicks.user == users.user'`
  void refuse_names_of_topics() const {
    if (is_self()) return;
    for (const auto& [option, text] :
         {std::pair<const char*, const std::string*>{"--where", &where_}, {"--select", &select_}}) {
      const std::string meant = with_sides(*text, job_.in.name, right_.name);
      if (meant != *text)
        throw CorrectedError(
            std::string(option) + ": the sides are left and right, whatever their topics are called",
            {.add = {{option, meant}}});
    }
  }

  void set_times(flow::JoinOptions& options) {
    if (!max_wait_.empty()) job_.max_wait = Millis(milliseconds("--max-wait", max_wait_));
    if (!is_streams()) {
      for (const auto& [option, text] : {std::pair<const char*, const std::string*>{"--within", &within_},
                                         {"--before", &before_},
                                         {"--after", &after_},
                                         {"-w", &window_},
                                         {"--grace", &grace_},
                                         {"--max-ahead", &max_ahead_},
                                         {"--idle", &idle_}})
        if (!text->empty())
          throw CorrectedError(std::string(option) + " is about two streams, and " +
                                   (is_tables() ? "both sides are tables" : "RIGHT is a table"),
                               {.before = "leave table: out, or: ", .drop = {option}});
      if (close_at_end_)
        throw usage_error("--close-at-end does nothing here: with a table nothing waits for a match",
                          "leave it out");
      if (!table_grace_.empty() && is_tables())
        throw usage_error("--table-grace is about a stream and a table, and both sides are tables",
                          "leave it out");
      options.table_grace = milliseconds("--table-grace", table_grace_);
      return;
    }
    if (!table_grace_.empty())
      throw usage_error("--table-grace: neither side is a table", "table:TOPIC says which one is");
    const bool apart = !before_.empty() || !after_.empty();
    const int ways = (within_.empty() ? 0 : 1) + (apart ? 1 : 0) + (window_.empty() ? 0 : 1);
    if (ways == 0)
      throw CorrectedError(
          "--within D is missing: how far apart in time may the records of two streams match?",
          {.before = with_table() + "of two streams, in windows by -w D, or within five minutes: ",
           .add = {{"--within", "5m"}}});
    if (ways > 1)
      throw usage_error("--within, --before and --after, and -w each say which times match",
                        "leave all but one of the three out");
    if (!within_.empty()) options.span.before = options.span.after = milliseconds("--within", within_);
    if (apart) options.span = {milliseconds("--before", before_), milliseconds("--after", after_), 0};
    if (!window_.empty()) {
      options.span.tumbling = milliseconds("-w", window_);
      if (options.span.tumbling == 0) throw usage_error("-w: a window needs a length", "for example -w 10s");
    }
    options.grace = milliseconds("--grace", grace_);
    if (!idle_.empty()) options.idle = milliseconds("--idle", idle_);
    if (max_ahead_ != "none")
      options.max_ahead = max_ahead_.empty() ? 86'400'000 : milliseconds("--max-ahead", max_ahead_);
    if (close_at_end_ && !job_.range.exit_at_end && job_.range.until.empty())
      throw usage_error("--close-at-end: the inputs have no end", "add -e or --until");
  }

  // By their meaning, not by their spelling.
  void add_settings(const flow::JoinOptions& options) {
    const auto span = [](int64_t ms) {
      return ms == 0 ? "" : format_duration(std::chrono::milliseconds(ms));
    };
    const flow::JoinResult result(options.format);  // what is wrong with the expressions is found now
    for (const auto& [name, value] :
         {std::pair<const char*, std::string>{"RIGHT", (right_.table ? "table:" : "") + right_.name},
          {"--left", left_ ? "yes" : ""},
          {"--outer", outer_ ? "yes" : ""},
          {"--anti", anti_ ? "yes" : ""},
          {"--before", is_streams() && window_.empty()
                           ? format_duration(std::chrono::milliseconds(options.span.before))
                           : ""},
          {"--after", is_streams() && window_.empty()
                          ? format_duration(std::chrono::milliseconds(options.span.after))
                          : ""},
          {"-w", span(options.span.tumbling)},
          {"--grace", span(options.grace)},
          {"--table-grace", span(options.table_grace)},
          {"--idle", options.idle ? format_duration(std::chrono::milliseconds(*options.idle)) : ""},
          {"--where", result.canonical_where()},
          {"--merge", merge_ ? "yes" : ""},
          {"--prefix", prefix_},
          {"--global", global_ ? "yes" : ""}})
      if (!value.empty()) job_.settings.push_back({name, value});
  }

  void add_join(const flow::JoinOptions& options) {
    const bool streams = is_streams(), tables = is_tables();
    const std::function<int64_t(int64_t)> next_close = [](int64_t time) { return time + 1; };
    job_.topology.add(
        {"kjoin",
         [options, streams, tables](const flow::StageContext& context) -> std::unique_ptr<flow::Stage> {
           if (tables) return flow::make_table_join(options, *context.store);
           if (!streams) return flow::make_stream_table_join(options, *context.store);
           flow::JoinOptions here = options;
           if (here.sides_in_headers) {
             here.sources = context.input_partitions;
             here.source_topics = context.input_topics;
           }
           return flow::make_stream_join(here, *context.store, context.clock);
         },
         true, streams ? next_close : nullptr});
  }

  // No internal topic: any record of LEFT finds its row in any process.
  void look_up(flow::JoinOptions options) {
    std::string left = on_, right = on_;
    if (const auto equals = place_of_equals(on_)) {
      left = side_of_on(on_.substr(0, *equals));
      right = side_of_on(on_.substr(*equals + 1));
    } else if (!right_.is_lines()) {
      right = "_key";
    }
    if (!right_.is_lines() && !on_.empty() && right != "_key")
      throw usage_error("--on: a table has its rows by their own key: its side is _key",
                        "--on '" + left + "=_key', or kgroupby gives the topic another key");
    options.on = left;
    flow::JoinKey(left, shared_.expressions());  // what is wrong with the expression is found now
    std::shared_ptr<flow::LookupTable> table;
    if (right_.is_lines()) {
      if (on_.empty())
        throw usage_error(
            "--on is missing: which column of the file '" + right_.name + "' is the key?",
            "give --on LEFT=RIGHT, for example --on _key=id, or --on id where both sides have that name");
      table = flow::make_file_table(
          {right_.name, format_of_file(), right, shared_.expressions(), reload_every()});
    } else {
      table = flow::make_global_table(right_);
    }
    if (!on_.empty()) job_.settings.push_back({"--on", on_});
    parts_.push_back(table);
    job_.topology.add({"kjoin", [options, table](const flow::StageContext&) {
                         return flow::make_lookup_join(options, table);
                       }});
  }

  // `left.id = right.id`: each side's expression sees its own record. With one '=' a record may have a field called left, so
  // that this is only a note.
  void judge_on() const {
    const std::optional<SqlCondition> sql = sql_condition(on_, job_.in.name, right_.name);
    if (!sql || (!sql->compares && !sql->names_sides)) return;
    const std::string right = is_streams() || right_.is_lines() ? sql->right : "_key";
    const std::string write = "write: --on " + (sql->left == right ? right : sql->left + "=" + right);
    if (sql->compares)
      throw usage_error(
          "--on: '" + on_ + "' is a condition, and --on names a key on each side, in its own record", write);
    if (right != sql->right)
      throw usage_error(
          "--on: a table is looked up by its own key, so its side is _key; each side's expression sees its own record",
          write);
    StderrLog("kjoin", shared_.quiet())
        .note("--on: each side's expression sees the fields of its own record, with nothing in front; if '" +
              on_ + "' names the sides, " + write);
  }

  std::string side_of_on(const std::string& text) const {
    const size_t from = text.find_first_not_of(' ');
    if (from == std::string::npos)
      throw usage_error("--on: '" + on_ + "' lacks a side",
                        "write LEFTEXPR=RIGHTEXPR, or one expression for both");
    return text.substr(from, text.find_last_not_of(' ') + 1 - from);
  }

  io::LineFormat format_of_file() const {
    for (const auto& [ending, format] : {std::pair{".csv", "csv"},
                                         {".tsv", "tsv"},
                                         {".ndjson", "json"},
                                         {".jsonl", "json"},
                                         {".json", "json"}})
      if (right_.name.ends_with(ending)) return io::parse_line_format(format, "RIGHT");
    throw usage_error(
        "RIGHT '" + right_.name + "': the name does not tell the format of the file",
        "a look-up table is .csv or .tsv, with the columns' names in the first line, or .ndjson");
  }

  std::optional<Millis> reload_every() const {
    if (reload_.empty()) return std::nullopt;
    const Millis every(milliseconds("--reload", reload_));
    if (every.count() == 0)
      throw usage_error("--reload 0: the time between two looks must be above 0", "for example --reload 10s");
    return every;
  }

  // Records get their key in front of an internal topic: of two streams both sides', of a stream and a table LEFT's,
  // whose expression names the row of the table.
  void join_on(flow::JoinOptions options) {
    flow::JoinKeys keys{right_.name, on_, on_, is_self(), is_streams() && !is_self(), shared_.expressions()};
    if (const auto equals = place_of_equals(on_)) {
      keys.left = side_of_on(on_.substr(0, *equals));
      keys.right = side_of_on(on_.substr(*equals + 1));
      if (!is_streams() && keys.right != "_key")
        throw usage_error("--on: a table has its rows by their own key: its side is _key",
                          "--on '" + keys.left + "=_key', or kgroupby gives the topic another key");
    }
    job_.settings.push_back({"--on", on_});
    if (is_tables()) return join_foreign(options, keys.left);
    flow::make_join_rekey(keys);  // what is wrong with the expressions is found now
    job_.topology.add({"key", [keys](const flow::StageContext&) { return flow::make_join_rekey(keys); }});
    job_.topology.add_internal_topic();
    options.sides_in_headers = true;
    add_join(options);
    // Else a backlog's results, and what is looked up by a record's time, would follow the order of fetching.
    job_.topology.last().follows_order = true;
    if (is_streams()) {
      if (!is_self()) job_.in.topics = {job_.in.name, right_.name};
    } else {
      job_.topology.add_copartitioned(right_.name, true);
    }
  }

  // A field of LEFT's rows names the row of RIGHT (foreign_join.h).
  void join_foreign(flow::JoinOptions options, const std::string& expression) {
    if (outer_)
      throw usage_error(
          "--outer with --on: a row of RIGHT that no row of LEFT names would have no key in OUT",
          "use --left, or join the other way round with --anti");
    options.on = expression;
    options.left_topic = job_.in.name;
    flow::JoinKey(options.on, options.format.options);  // what is wrong with the expression is found now
    if (max_wait_.empty()) job_.max_wait = Millis(0);   // the last result is the same in any order
    job_.topology.add({"kjoin asks by foreign key; rows go on to sub-topology 3",
                       [options](const flow::StageContext& context) {
                         return flow::make_foreign_asking(options, *context.store);
                       },
                       true});
    job_.topology.add_internal_topic();
    job_.topology.add({"kjoin answers",
                       [options](const flow::StageContext& context) {
                         return flow::make_foreign_answering(options, *context.store);
                       },
                       true});
    job_.topology.add_copartitioned(right_.name, true);
    job_.topology.add_internal_topic();
    job_.topology.add({"kjoin",
                       [options](const flow::StageContext& context) {
                         return flow::make_foreign_joining(options, *context.store);
                       },
                       true});
  }

  // What stands behind the join; it passes deletions on.
  void add_select() {
    MapPlan plan{.list = null_where_missing(select_, "--select"),
                 .what = "--select",
                 .options = shared_.expressions(),
                 .keep_null = true};
    job_.settings.push_back({"--select", MapStage(plan).canonical()});
    job_.topology.add(
        {"kjoin --select", [plan](const flow::StageContext&) { return std::make_unique<MapStage>(plan); }});
  }

  io::Endpoint right_;
  const std::shared_ptr<std::atomic<uint64_t>> left_out_ =
      std::make_shared<std::atomic<uint64_t>>(0);  // by --merge
  const std::shared_ptr<flow::MatchCounts> counts_ = std::make_shared<flow::MatchCounts>();
  std::string on_, within_, before_, after_, window_, grace_, where_, select_, prefix_, table_grace_,
      max_ahead_, idle_, max_wait_, reload_;
  bool left_ = false, outer_ = false, anti_ = false, merge_ = false, close_at_end_ = false, global_ = false,
       trusts_partitions_ = false;
  cli::GroupingOptions grouping_;  // --cache
};

}  // namespace

std::unique_ptr<cli::StreamTool> make_kjoin() { return std::make_unique<JoinTool>(); }

}  // namespace kutils
