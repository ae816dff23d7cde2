// koffset VERB GROUP ...: a group's offsets listed, shown, set, reset, exported, imported, deleted; with state.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/clock.h"
#include "base/correction.h"
#include "base/log.h"
#include "base/read_line.h"
#include "base/shell_word.h"
#include "cli/rows.h"
#include "cli/shared_options.h"
#include "cli/tool.h"
#include "cli/verbs.h"
#include "data/json_fields.h"
#include "data/json_write.h"
#include "flow/membership/fingerprint_settings.h"
#include "flow/membership/origins.h"
#include "flow/membership/reset_mark.h"
#include "flow/transaction/forget_commits.h"
#include "io/endpoint.h"
#include "io/range.h"
#include "io/read_as_utc.h"
#include "kafka/partition_reader.h"
#include "koffset/group_assets.h"
#include "koffset/group_reset.h"

namespace {

using namespace kutils;

constexpr Millis kConnectLimit{5'000};
constexpr auto kReaderGone = static_cast<ExitCode>(128 + 13);  // as one that SIGPIPE ended

enum class Verb { list, show, commit, reset, save, load, remove };
constexpr std::pair<const char*, Verb> kVerbs[] = {
    {"list", Verb::list},   {"show", Verb::show},   {"commit", Verb::commit}, {"reset", Verb::reset},
    {"export", Verb::save}, {"import", Verb::load}, {"delete", Verb::remove},
};

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}
std::string json_list(const std::vector<std::string>& values) {
  std::string text = "[";
  for (const std::string& value : values) text += (text.size() > 1 ? "," : "") + value;
  return text + "]";
}

// A line of kafka-consumer-groups --export, TOPIC,PARTITION,OFFSET, also behind a group's name; cells may be quoted.
std::optional<kafka::PartitionOffset> offset_of_csv(const std::string& line) {
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == ',') {
      cells.emplace_back();
    } else if (c != '"' && c != '\r') {
      cells.back() += c;
    }
  }
  const auto number = [](const std::string& cell, auto& value) {
    const char* const end = cell.data() + cell.size();
    return std::from_chars(cell.data(), end, value).ptr == end && !cell.empty();
  };
  for (const size_t first : {1, 0}) {
    kafka::PartitionOffset out;
    if (cells.size() < first + 3 || !number(cells[first + 1], out.at.partition) ||
        !number(cells[first + 2], out.offset))
      continue;
    out.at.topic = cells[first];
    return out;
  }
  return std::nullopt;
}

class OffsetTool final : public cli::Tool {
 public:
  cli::ToolInfo info() const override {
    return {"koffset",
            "Offsets of groups, with their state: show, commit, reset, export, import.",
            {{"VERB", true, "list | show | commit | reset | export | import | delete"},
             {.name = "ARG",
              .help = "GROUP [TOPIC]...; commit GROUP TOPIC[:P]=WHERE..; import GROUP FILE",
              .is_many = true}},
            {{"koffset reset -o @-2h billing", "the plan; --execute does it"}, {"koffset show billing"}}};
  }
  void declare(cli::OptionTable& table) override {
    table.add({.names = "--execute",
               .help = "commit, reset, import, delete: do it; else the plan is printed",
               .example = "koffset reset --execute -o beginning billing",
               .in_short_help = true,
               .set = [this](const std::string&) { given("--execute"), executes_ = true; }});
    table.add({.names = "-o",
               .metavar = "WHERE",
               .help = "reset: beginning end N +N -N @TIME, as kread -o begins",
               .by_default = "none",
               .example = "koffset reset -o beginning billing",
               .in_short_help = true,
               .set = [this](const std::string& text) { given("-o"), range_.from = text; }});
    table.add({.names = "--since",
               .metavar = "TIME",
               .help = "reset: to a time: 1h (an hour ago), 09:30, yesterday, ISO",
               .by_default = "none",
               .example = "koffset reset --since 2h billing",
               .in_short_help = true,
               .set = [this](const std::string& text) { given("--since"), range_.since = text; }});
    table.add({.names = "--tail",
               .metavar = "N",
               .help = "reset: to the last N records, over all partitions",
               .by_default = "none",
               .example = "koffset reset --tail 100 billing",
               .set = [this](const std::string& text) {
                 given("--tail");
                 range_.tail = cli::parse_number("--tail", text, 0, INT64_MAX);
               }});
    table.add({.names = "--local",
               .help = "times without a zone are this machine's, not UTC",
               .example = "koffset reset --local --since 09:00 billing",
               .set = [this](const std::string&) { range_.zone = Zone::local; }});
    table.add({.names = "-p",
               .metavar = "LIST",
               .help = "reset: these partitions only: 0,2,5-7",
               .by_default = "all partitions",
               .example = "koffset reset -o beginning -p 0 billing",
               .joined = cli::joined_by_comma,
               .set = [this](const std::string& text) {
                 given("-p"), range_.partitions = io::parse_partitions(text);
               }});
    table.add({.names = "--state-dir",
               .metavar = "DIR",
               .help = "where the state of this machine lies; see also $KUTILS_STATE_DIR",
               .by_default = "$KUTILS_STATE_DIR, else $XDG_STATE_HOME/kutils, else ~/.local/state/kutils",
               .example = "--state-dir /var/lib/kutils",
               .set = [this](const std::string& text) { state_dir_ = text; }});
    rows_.declare(table);
    cluster_.declare(table);
    table.add({.names = "-q",
               .help = "no notes",
               .example = "koffset reset -q --since 2h billing",
               .group = cli::Group::general,
               .set = [this](const std::string&) { quiet_ = true; }});
  }

  void setup(const cli::Operands& operands) override {
    const std::string& verb = operands.get("VERB");
    arguments_ = operands.rest();
    std::vector<std::string> verbs;
    bool is_verb = false;
    for (const auto& [name, value] : kVerbs) {
      verbs.emplace_back(name);
      if (verb != name) continue;
      verb_ = value;
      is_verb = true;
    }
    if (!is_verb) cli::refuse_verb("koffset", verb, verbs, arguments_, "show");
    refuse_idle_options(verb);
    if (verb_ != Verb::list) {
      if (arguments_.empty())
        throw usage_error("koffset " + verb + ": GROUP is missing", "koffset list shows all");
      group_ = arguments_.front();
      if (group_.empty()) throw usage_error("the group's name is empty", "koffset list shows all");
      arguments_.erase(arguments_.begin());
    }
    if (verb_ == Verb::commit) {
      if (arguments_.empty())
        throw usage_error("koffset commit takes GROUP TOPIC[:PARTITION]=WHERE...",
                          "koffset commit billing orders:0=17 clicks=end");
      for (const std::string& text : arguments_) places_.push_back(parse_place(text));
    }
    if (verb_ == Verb::load && arguments_.size() != 1)
      throw usage_error("koffset import takes GROUP FILE", "FILE is what koffset export wrote, - is stdin");
    if (verb_ == Verb::load && access(arguments_[0].c_str(), R_OK) != 0 && access(group_.c_str(), R_OK) == 0)
      throw CorrectedError("cannot read " + arguments_[0],
                           {.before = "GROUP comes first: ", .operands = {{verb, arguments_[0], group_}}});
    if (verb_ == Verb::reset && says_where() && io::parse_range(range_, clock_.wall_ms()).to)
      throw usage_error("-o " + range_.from + " is a range, and a group has one offset in each partition",
                        "give where it is to begin");
    if (state_dir_.empty()) state_dir_ = cli::default_state_dir();
    client_ = cluster_.config_with_brokers();
  }

  ExitCode run() override {
    if (quiet_) log_.emplace("koffset", true);
    tell_zone(range_);
    for (const Assignment& place : places_) tell_zone(range_of(place));
    admin_ = kafka::make_cluster_admin(client_);
    admin_->connect(kConnectLimit);
    if (admin_->is_in_memory())
      throw usage_error("the in-memory broker cannot list its groups", "the lag of one group: klag GROUP");
    if (verb_ == Verb::list) return list();
    assets_ = koffset::assets_of(*admin_, state_dir_, group_);
    if (!assets_.is_known() && verb_ != Verb::commit && verb_ != Verb::load) refuse_unknown();
    switch (verb_) {
      case Verb::show:
        return show();
      case Verb::commit:
        return commit();
      case Verb::reset:
        return reset();
      case Verb::save:
        return save();
      case Verb::load:
        return load();
      case Verb::remove:
        return remove();
      case Verb::list:
        break;
    }
    return ExitCode::ok;
  }

 private:
  // TOPIC[:PARTITION]=WHERE
  struct Assignment {
    std::string topic;
    std::vector<int32_t> partitions;  // empty: all
    std::string where;
  };

  void given(const char* option) { given_.insert(option); }
  bool says_where() const { return !range_.from.empty() || !range_.since.empty() || range_.tail; }

  void refuse_idle_options(const std::string& verb) const {
    for (const char* option : {"-o", "--since", "--tail", "-p"})
      if (given_.count(option) > 0 && verb_ != Verb::reset)
        throw usage_error("koffset " + verb + " has no option " + option, "koffset --help-all lists all");
    if (executes_ && (verb_ == Verb::list || verb_ == Verb::show || verb_ == Verb::save))
      throw usage_error("koffset " + verb + " changes nothing: --execute does nothing here", "leave it out");
  }

  Assignment parse_place(const std::string& text) const {
    const size_t equals = text.find('=');
    const auto bad = [&](const std::string& why) {
      return usage_error("'" + text + "': " + why,
                         "TOPIC[:PARTITION]=WHERE: orders:0=17, clicks=end, 'clicks=@-2h'");
    };
    if (equals == std::string::npos) throw bad("'=WHERE' is missing");
    Assignment out;
    out.where = text.substr(equals + 1);
    const size_t colon = std::min(text.find(':'), equals);
    out.topic = text.substr(0, colon);
    if (colon < equals) out.partitions = io::parse_partitions(text.substr(colon + 1, equals - colon - 1));
    if (!io::is_topic_name(out.topic)) throw bad("'" + out.topic + "' cannot be a topic's name");
    if (out.where.empty()) throw bad("WHERE is missing");
    if (io::parse_range(range_of(out), clock_.wall_ms()).to)
      throw bad("WHERE is a range, and a group has one offset in each partition");
    return out;
  }
  io::Range range_of(const Assignment& place) const {
    io::Range range;
    range.from = place.where;
    range.zone = range_.zone;
    return range;
  }

  void tell_zone(const io::Range& range) {
    for (const std::string& text : io::read_as_utc(range, clock_.wall_ms())) log_->note(text);
  }

  [[noreturn]] void refuse_unknown() {
    std::vector<std::string> names;
    for (const auto& group : admin_->groups()) names.push_back(group.name);
    cli::refuse_group("there is no group '" + group_ + "'", group_, names);
  }

  // Of these topics only, where operands name some. Throws where the group has committed nothing of one.
  std::vector<kafka::PartitionOffset> chosen_offsets() const {
    if (arguments_.empty()) return assets_.offsets;
    std::vector<kafka::PartitionOffset> out;
    for (const std::string& topic : arguments_) {
      const size_t before = out.size();
      for (const auto& one : assets_.offsets)
        if (one.at.topic == topic) out.push_back(one);
      if (out.size() == before)
        throw usage_error("group '" + group_ + "' has committed nothing of '" + topic + "'",
                          "koffset show " + shell_word(group_) + " lists its topics");
    }
    return out;
  }

  // --- looking

  cli::Row group_row(const koffset::GroupAssets& assets) const {
    std::set<std::string> topics;
    for (const auto& one : assets.offsets)
      if (!assets.is_internal(one.at.topic)) topics.insert(one.at.topic);
    cli::Row row;
    row.text("group", assets.group)
        .text("state", assets.description.state)
        .number("members", static_cast<int64_t>(assets.description.members.size()));
    const std::string kept = assets.reset_began ? "reset interrupted" : assets.has_state() ? "yes" : "no";
    if (rows_.for_people()) {
      return row.text("tool", assets.tool()).text("stateful", kept).text("topics", joined(topics));
    }
    if (assets.tool().empty()) {
      row.null("tool");
    } else {
      row.text("tool", assets.tool());
    }
    std::vector<std::string> names;
    for (const std::string& topic : topics) append_json_string(topic, names.emplace_back());
    return row.flag("stateful", assets.has_state())
        .flag("reset_interrupted", assets.reset_began)
        .raw("topics", json_list(names));
  }

  ExitCode list() {
    std::vector<std::string> names;
    const auto all = admin_->groups();
    for (const std::string& name : arguments_) {
      const size_t before = names.size();
      if (name.starts_with("^")) {
        const auto matches = io::topic_pattern(io::parse_endpoint("GROUP", name));
        for (const auto& group : all)
          if (matches(group.name)) names.push_back(group.name);
      } else if (std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.name == name; })) {
        names.push_back(name);
      }
      if (names.size() > before) continue;
      group_ = name;
      refuse_unknown();
    }
    if (arguments_.empty())
      for (const auto& group : all) names.push_back(group.name);
    for (const std::string& name : names) rows_.add(group_row(koffset::assets_of(*admin_, state_dir_, name)));
    return print();
  }

  cli::Row offset_row(const kafka::PartitionOffset& one,
                      const std::map<kafka::TopicPartition, kafka::Watermarks>& marks) const {
    cli::Row row;
    row.text("topic", one.at.topic)
        .number("partition", int64_t{one.at.partition})
        .number("committed", one.offset);
    const auto at = marks.find(one.at);
    if (at == marks.end()) return row.null("begin").null("end").null("lag");
    return row.number("begin", at->second.low)
        .number("end", at->second.high)
        .number("lag", std::max<int64_t>(0, at->second.high - std::max(one.offset, at->second.low)));
  }

  std::map<kafka::TopicPartition, kafka::Watermarks> marks_of(
      const std::vector<kafka::PartitionOffset>& offsets) {
    // A topic may be gone, and its offsets not yet.
    std::set<std::string> there;
    for (const auto& topic : admin_->topics()) there.insert(topic.name);
    std::vector<kafka::TopicPartition> all;
    for (const auto& one : offsets)
      if (there.count(one.at.topic) > 0) all.push_back(one.at);
    return admin_->all_watermarks(all);
  }

  ExitCode show() {
    const auto offsets = chosen_offsets();
    const auto marks = marks_of(offsets);
    if (rows_.for_people()) {
      rows_.add(group_row(assets_));
      for (const auto& [name, value] : assets_.settings)
        rows_.add(cli::Row().text("setting", name).text("value", value));
      for (const auto& member : assets_.description.members)
        rows_.add(cli::Row()
                      .text("member", member.instance_id.empty() ? member.client_id : member.instance_id)
                      .text("host", member.host)
                      .number("partitions", static_cast<int64_t>(member.partitions.size())));
      for (const auto& one : offsets) rows_.add(offset_row(one, marks));
      return print();
    }
    cli::Row row = group_row(assets_), settings;
    std::vector<std::string> members, places;
    for (const auto& [name, value] : assets_.settings) settings.text(name, value);
    for (const auto& member : assets_.description.members) {
      std::vector<std::string> partitions;
      for (const auto& at : member.partitions)
        partitions.push_back(
            cli::Row().text("topic", at.topic).number("partition", int64_t{at.partition}).json());
      members.push_back(
          cli::Row()
              .text("member", member.instance_id.empty() ? member.client_id : member.instance_id)
              .text("host", member.host)
              .raw("partitions", json_list(partitions))
              .json());
    }
    for (const auto& one : offsets) places.push_back(offset_row(one, marks).json());
    rows_.add(row.raw("settings", settings.json())
                  .raw("instances", json_list(members))
                  .raw("offsets", json_list(places)));
    return print();
  }

  ExitCode save() {
    rows_.prefer_json();
    for (const auto& one : chosen_offsets()) {
      if (flow::is_reset_mark(one.metadata)) refuse_interrupted();
      const std::string_view metadata = std::string_view(one.metadata).substr(0, one.metadata.find('\x01'));
      rows_.add(cli::Row()
                    .text("group", group_)
                    .text("topic", one.at.topic)
                    .number("partition", int64_t{one.at.partition})
                    .number("offset", one.offset)
                    .text("metadata", metadata));
    }
    return print();
  }

  // --- changing

  void refuse_interrupted() const {
    throw usage_error("a reset of group '" + group_ + "' was interrupted",
                      "finish it: koffset reset --execute " + shell_word(group_));
  }
  void refuse_stateful(const std::string& what) const {
    if (assets_.reset_began) refuse_interrupted();
    if (!assets_.has_state()) return;
    throw usage_error(
        "group '" + group_ + "' has state, which belongs to the offsets that it has committed: " + what,
        "koffset reset " + shell_word(group_) +
            " deletes both; then start its tool again, with -o to begin elsewhere than at the beginning");
  }

  // Prints the plan. nullopt: it is to be done.
  std::optional<ExitCode> plan_only(bool any) {
    const ExitCode printed = print();
    if (printed != ExitCode::ok) return printed;
    if (!any) {
      log_->note("there is nothing to do");
      return ExitCode::ok;
    }
    if (executes_) return std::nullopt;
    log_->note("this is the plan; nothing was changed. --execute does it");
    return ExitCode::ok;
  }

  // What the group is to stand at: planned, and with --execute committed.
  ExitCode set_offsets(const std::vector<kafka::PartitionOffset>& wanted) {
    koffset::refuse_running(assets_);
    const auto marks = marks_of(wanted);
    std::vector<kafka::PartitionOffset> changed;
    for (const auto& one : wanted) {
      const auto at = marks.find(one.at);
      const std::string place = one.at.topic + " [" + std::to_string(one.at.partition) + "]";
      if (at == marks.end())
        throw usage_error("there is no " + place,
                          "ktopic describe " + shell_word(one.at.topic) + " lists partitions");
      if (one.offset > at->second.high)
        throw usage_error("offset " + std::to_string(one.offset) + " is beyond the end of " + place + ", " +
                              std::to_string(at->second.high),
                          "was the topic recreated? For the end write TOPIC=end");
      const auto before = std::find_if(assets_.offsets.begin(), assets_.offsets.end(),
                                       [&](const auto& known) { return known.at == one.at; });
      const bool is_known = before != assets_.offsets.end();
      if (is_known && before->offset == one.offset) continue;
      cli::Row row;
      row.text("topic", one.at.topic).number("partition", int64_t{one.at.partition});
      row.number("committed", is_known ? std::optional<int64_t>(before->offset) : std::nullopt);
      row.number("becomes", one.offset);
      row.number("lag", at->second.high - std::max(one.offset, at->second.low));
      rows_.add(row);
      changed.push_back(one);
      // A tool goes on with what it was started for; the rest of it (a mark of the last record) is of the old
      // place.
      if (changed.back().metadata.empty() && is_known) changed.back().metadata = before->metadata;
      std::string& metadata = changed.back().metadata;
      metadata = metadata.substr(0, metadata.find('\x01'));
    }
    if (const auto code = plan_only(!changed.empty())) return *code;
    admin_->commit(group_, changed);
    return ExitCode::ok;
  }

  std::vector<kafka::PartitionOffset> resolved(const io::Range& range,
                                               const std::vector<kafka::TopicPartition>& partitions) {
    std::vector<kafka::PartitionOffset> out;
    for (const auto& one : io::resolve_range(*admin_, range, partitions, clock_.wall_ms(),
                                             [this] { return kafka::make_partition_reader(client_); }))
      out.push_back({one.at, one.from, {}});
    return out;
  }

  ExitCode commit() {
    refuse_stateful("koffset commit would separate the two");
    std::map<kafka::TopicPartition, int64_t> wanted;
    for (const Assignment& place : places_) {
      const auto topic = admin_->find_topic(place.topic);
      if (!topic) throw usage_error("there is no topic '" + place.topic + "'", "ktopic list shows all");
      std::vector<kafka::TopicPartition> partitions;
      for (int32_t p = 0; p < topic->partitions; ++p)
        if (place.partitions.empty() ||
            std::find(place.partitions.begin(), place.partitions.end(), p) != place.partitions.end())
          partitions.push_back({place.topic, p});
      if (partitions.size() < place.partitions.size())
        throw usage_error("topic '" + place.topic + "' has " + std::to_string(topic->partitions) +
                          " partitions only");
      for (const auto& one : resolved(range_of(place), partitions)) wanted[one.at] = one.offset;
    }
    std::vector<kafka::PartitionOffset> list;
    for (const auto& [at, offset] : wanted) list.push_back({at, offset, {}});
    return set_offsets(list);
  }

  ExitCode load() {
    refuse_stateful("koffset import would separate the two");
    const std::string& path = arguments_.front();
    std::ifstream file;
    if (path != "-") {
      file.open(path);
      if (!file) throw usage_error("cannot read " + path);
    }
    std::istream& in = path == "-" ? std::cin : file;
    FieldSet names;
    const size_t topic = names.slot("topic"), partition = names.slot("partition"),
                 offset = names.slot("offset"), metadata = names.slot("metadata");
    FieldReader reader(names);
    std::map<kafka::TopicPartition, kafka::PartitionOffset> wanted;
    int64_t number = 0;
    for (std::string line; read_line(in, line, path);) {
      ++number;
      if (line.empty()) continue;
      kafka::PartitionOffset one;
      if (line.front() == '{') {
        const auto error = reader.read(line);
        if (!error && reader[topic].type == JsonType::string && reader[partition].type == JsonType::integer &&
            reader[partition].integer <= INT32_MAX && reader[offset].type == JsonType::integer)
          one = {{std::string(reader[topic].string), static_cast<int32_t>(reader[partition].integer)},
                 reader[offset].integer,
                 {}};
        if (reader[metadata].type == JsonType::string) one.metadata = std::string(reader[metadata].string);
      } else if (auto read = offset_of_csv(line)) {
        one = std::move(*read);
      } else if (number == 1 && line.find("topic,partition,offset") != line.npos) {
        continue;  // names of the columns
      }
      if (one.at.topic.empty() || one.at.partition < 0 || one.offset < 0)
        throw usage_error(
            path + ", line " + std::to_string(number) + ": no topic, partition and offset",
            "a line is JSON, as koffset export writes it: {\"topic\":\"orders\",\"partition\":0,\"offset\":17}, "
            "or CSV as kafka-consumer-groups has it: orders,0,17");
      if (!wanted.emplace(one.at, one).second)
        throw usage_error(path + ", line " + std::to_string(number) + ": " + one.at.topic + " [" +
                          std::to_string(one.at.partition) + "] again");
    }
    // What could not be read is no end: half of a file would set half of the offsets.
    if (in.bad())
      throw usage_error("cannot read " + path + " beyond line " + std::to_string(number),
                        "nothing was changed; FILE is what koffset export wrote");
    std::vector<kafka::PartitionOffset> list;
    for (const auto& [at, one] : wanted) list.push_back(one);
    return set_offsets(list);
  }

  ExitCode reset() {
    if (assets_.has_state()) return reset_state();
    if (!says_where())
      throw usage_error("reset: the new offset is missing",
                        "give -o beginning, -o end, -o @-2h, --since TIME or --tail N");
    std::vector<kafka::TopicPartition> partitions;
    for (const auto& one : chosen_offsets())
      if (range_.partitions.empty() || std::find(range_.partitions.begin(), range_.partitions.end(),
                                                 one.at.partition) != range_.partitions.end())
        partitions.push_back(one.at);
    return set_offsets(resolved(range_, partitions));
  }

  ExitCode reset_state() {
    koffset::refuse_running(assets_);
    if (!arguments_.empty() || !range_.partitions.empty())
      throw usage_error("group '" + group_ + "' has state: it is reset as a whole",
                        "leave out topics and -p: koffset reset " + shell_word(group_));
    if (says_where() && (range_.tail || !range_.since.empty() ||
                         io::parse_range(range_, clock_.wall_ms()).from.kind != io::Place::Kind::beginning)) {
      const std::string where = range_.tail             ? "--tail " + std::to_string(*range_.tail)
                                : !range_.since.empty() ? "--since " + shell_word(range_.since)
                                                        : "-o " + shell_word(range_.from);
      throw usage_error(
          "group '" + group_ +
              "' has state: the reset deletes it, and the tool's next run says where to begin",
          "koffset reset --execute " + shell_word(group_) + "; then start the tool with " + where);
    }
    const auto steps = koffset::reset_steps(assets_, *admin_, state_dir_);
    for (const auto& step : steps)
      if (!step.what.empty()) rows_.add(cli::Row().text("delete", step.what).text("name", step.name));
    if (const auto code = plan_only(true)) return *code;
    for (const auto& step : steps) {
      log_->note(step.what.empty() ? "marking the group's offsets, so that its tool does not start"
                                   : "deleting " + step.what + " " + step.name);
      step.run();
    }
    log_->note("the group has no offsets and no state now; its output topics keep their records");
    return ExitCode::ok;
  }

  ExitCode remove() {
    if (assets_.has_state()) return reset_state();
    koffset::refuse_running(assets_);
    const auto chosen = chosen_offsets();
    const auto marks = marks_of(chosen);
    std::set<std::string> topics;
    std::vector<kafka::TopicPartition> partitions;
    for (const auto& one : chosen) {
      rows_.add(offset_row(one, marks));
      topics.insert(one.at.topic);
      partitions.push_back(one.at);
    }
    if (const auto code = plan_only(true)) return *code;
    if (arguments_.empty()) {
      admin_->delete_group(group_);
    } else {
      forget_all_begun(topics);
      admin_->delete_offsets(group_, partitions);
    }
    flow::forget_commits(state_dir_, group_, assets_.cluster, topics);
    return ExitCode::ok;
  }

  // Those that stay say that the group had an offset of each partition: its tool would take the others for lost.
  void forget_all_begun(const std::set<std::string>& topics) {
    std::vector<kafka::PartitionOffset> changed;
    for (kafka::PartitionOffset one : assets_.offsets) {
      if (topics.count(one.at.topic) > 0 || !flow::is_all_begun(one.metadata)) continue;
      one.metadata = flow::without_all_begun(std::move(one.metadata));
      changed.push_back(std::move(one));
    }
    if (!changed.empty()) admin_->commit(group_, changed);
  }

  ExitCode print() { return rows_.print() ? ExitCode::ok : kReaderGone; }

  Verb verb_ = Verb::list;
  std::string group_;
  std::vector<std::string> arguments_;
  std::vector<Assignment> places_;
  std::set<std::string> given_;
  bool executes_ = false, quiet_ = false;
  io::Range range_;
  std::string state_dir_;
  const SystemClock clock_{};
  std::optional<StderrLog> log_{std::in_place, "koffset", false};
  cli::Rows rows_;
  cli::ClusterOptions cluster_;
  kafka::ClientConfig client_;
  std::unique_ptr<kafka::ClusterAdmin> admin_;
  koffset::GroupAssets assets_;
};

}  // namespace

int main(int argc, char** argv) {
  OffsetTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
