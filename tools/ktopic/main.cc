// ktopic VERB ...: topics listed, described, made, changed, trimmed and deleted.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <set>
#include <utility>

#include "base/clock.h"
#include "base/correction.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/nearest_name.h"
#include "base/shell_word.h"
#include "cli/rows.h"
#include "cli/shared_options.h"
#include "cli/tool.h"
#include "cli/verbs.h"
#include "io/endpoint.h"
#include "io/range.h"
#include "io/read_as_utc.h"
#include "kafka/cluster_admin.h"
#include "kafka/partition_reader.h"
#include "ktopic/topic_kind.h"

namespace {

using namespace kutils;

constexpr Millis kConnectLimit{5'000};
constexpr auto kReaderGone = static_cast<ExitCode>(128 + 13);  // as one that SIGPIPE ended
constexpr int64_t kMostPartitions = 1'000'000;

enum class Verb { list, describe, create, alter, grow, trim, remove };
constexpr std::pair<const char*, Verb> kVerbs[] = {
    {"list", Verb::list}, {"describe", Verb::describe}, {"create", Verb::create}, {"alter", Verb::alter},
    {"grow", Verb::grow}, {"trim", Verb::trim},         {"delete", Verb::remove},
};

// retention.ms=7d: a setting in milliseconds takes a duration.
std::string setting_value(const std::string& name, const std::string& value) {
  if (!name.ends_with(".ms") || value.find_first_not_of("-0123456789") == std::string::npos) return value;
  if (const auto duration = parse_duration(value))
    return std::to_string(std::chrono::duration_cast<Millis>(*duration).count());
  return value;
}

std::string people_ms(const std::string& text) {
  int64_t ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), ms);
  if (error != std::errc() || end != text.data() + text.size()) return text;
  if (ms < 0) return "unlimited";
  return format_duration(Millis(ms));
}

class TopicTool final : public cli::Tool {
 public:
  cli::ToolInfo info() const override {
    return {"ktopic",
            "Topics: list, describe, create, alter, grow, trim, delete.",
            {{"VERB", true, "list | describe | create | alter | grow N | trim | delete"},
             {.name = "TOPIC", .help = "names, or '^REGEX'; grow takes N first", .is_many = true}},
            {{"ktopic list"}, {"ktopic trim --since 7d clicks", "the plan; --execute does it"}}};
  }
  void declare(cli::OptionTable& table) override {
    table.add({.names = "--execute",
               .help = "alter, grow, trim, delete: do it; else the plan is printed",
               .example = "ktopic delete --execute orders",
               .in_short_help = true,
               .set = [this](const std::string&) { given("--execute"), executes_ = true; }});
    table.add({.names = "--config",
               .metavar = "NAME=VALUE",
               .help = "create, alter: a setting; retention.ms=7d",
               .by_default = "the brokers' settings",
               .example = "ktopic create --config retention.ms=7d orders",
               .in_short_help = true,
               .is_list = true,
               .set = [this](const std::string& text) { given("--config"), add_setting(text); }});
    table.add({.names = "--unset",
               .metavar = "NAME",
               .help = "alter: back to the brokers' default",
               .by_default = "none",
               .example = "ktopic alter --unset retention.ms clicks",
               .in_short_help = true,
               .is_list = true,
               .set = [this](const std::string& text) { given("--unset"), unset_.push_back(text); }});
    table.add({.names = "--partitions",
               .metavar = "N",
               .help = "create: partitions; default: the brokers'",
               .by_default = "the brokers'",
               .example = "ktopic create --partitions 12 orders",
               .in_short_help = true,
               .set = [this](const std::string& text) {
                 given("--partitions");
                 partitions_ =
                     static_cast<int32_t>(cli::parse_number("--partitions", text, 1, kMostPartitions));
               }});
    table.add({.names = "--replication",
               .metavar = "N",
               .help = "create: replicas of each partition; default: the brokers'",
               .by_default = "the brokers'",
               .example = "ktopic create --replication 1 orders",
               .set = [this](const std::string& text) {
                 given("--replication");
                 replication_ = static_cast<int16_t>(cli::parse_number("--replication", text, 1, 1000));
               }});
    table.add({.names = "--if-missing",
               .help = "create: no error if the topic exists already",
               .example = "ktopic create --if-missing orders",
               .set = [this](const std::string&) { given("--if-missing"), if_missing_ = true; }});
    table.add({.names = "-o",
               .metavar = "WHERE",
               .help = "trim: delete records before this position, as kread -o takes it",
               .by_default = "none",
               .example = "ktopic trim -o 100 clicks",
               .in_short_help = true,
               .set = [this](const std::string& text) { given("-o"), range_.from = text; }});
    table.add({.names = "--since",
               .metavar = "TIME",
               .help = "trim: delete records before a time: 7d, yesterday, ISO",
               .by_default = "none",
               .example = "ktopic trim --since 7d clicks",
               .in_short_help = true,
               .set = [this](const std::string& text) { given("--since"), range_.since = text; }});
    table.add({.names = "--tail",
               .metavar = "N",
               .help = "trim: keep the last N records, over all partitions",
               .by_default = "none",
               .example = "ktopic trim --tail 1000 clicks",
               .set = [this](const std::string& text) {
                 given("--tail");
                 range_.tail = cli::parse_number("--tail", text, 0, INT64_MAX);
               }});
    table.add({.names = "--local",
               .help = "trim: times without a zone are this machine's, not UTC",
               .example = "ktopic trim --local --since 09:00 clicks",
               .set = [this](const std::string&) { given("--local"), range_.zone = Zone::local; }});
    table.add({.names = "-p",
               .metavar = "LIST",
               .help = "trim: these partitions only: 0,2,5-7",
               .by_default = "all partitions",
               .example = "ktopic trim -o 100 -p 0 clicks",
               .joined = cli::joined_by_comma,
               .set = [this](const std::string& text) {
                 given("-p"), range_.partitions = io::parse_partitions(text);
               }});
    table.add({.names = "--all",
               .help = "describe: all settings, not only those that are the topic's own",
               .example = "ktopic describe --all clicks",
               .set = [this](const std::string&) { given("--all"), all_settings_ = true; }});
    rows_.declare(table);
    cluster_.declare(table);
  }

  void setup(const cli::Operands& operands) override {
    const std::string& verb = operands.get("VERB");
    names_ = operands.rest();
    std::vector<std::string> verbs;
    for (const auto& [name, value] : kVerbs) {
      verbs.emplace_back(name);
      if (verb == name) verb_ = value;
    }
    if (std::find(verbs.begin(), verbs.end(), verb) == verbs.end())
      cli::refuse_verb("ktopic", verb, verbs, names_, "describe",
                       !range_.from.empty() || !range_.since.empty() || range_.tail,
                       !settings_.empty() || !unset_.empty());
    // rpk's `ktopic create -p 3`
    if (verb_ == Verb::create && given_.count("-p") > 0 && given_.count("--partitions") == 0 &&
        range_.partitions.size() == 1)
      throw CorrectedError("ktopic create has no option -p",
                           {.before = "the number of partitions is: ",
                            .add = {{"--partitions", std::to_string(range_.partitions.front())}},
                            .drop = {"-p"}});
    refuse_short_settings();
    refuse_idle_options(verb);
    if (verb_ == Verb::grow) {
      if (names_.size() < 2) throw usage_error("ktopic grow takes N TOPIC...", "ktopic grow 8 clicks");
      refuse_number_behind_names();
      partitions_ = static_cast<int32_t>(cli::parse_number("N", names_[0], 1, kMostPartitions));
      names_.erase(names_.begin());
    }
    if (names_.empty() && verb_ != Verb::list)
      throw usage_error("ktopic " + verb + " takes TOPIC...", "ktopic list shows all");
    for (const std::string& name : names_) check_name(verb, name);
    refuse_number_of_partitions();
    if (verb_ == Verb::alter && settings_.empty() && unset_.empty())
      throw usage_error("ktopic alter: nothing to change", "give --config NAME=VALUE or --unset NAME");
    if (verb_ == Verb::trim) check_range();
    client_ = cluster_.config_with_brokers();
  }

  ExitCode run() override {
    admin_ = kafka::make_cluster_admin(client_);
    admin_->connect(kConnectLimit);
    if (admin_->is_in_memory() && verb_ != Verb::list && verb_ != Verb::describe)
      throw usage_error("the in-memory broker supports list and describe only",
                        "topics of it are created by their first use");
    switch (verb_) {
      case Verb::list:
        return list();
      case Verb::describe:
        return describe();
      case Verb::create:
        return create();
      case Verb::alter:
        return alter();
      case Verb::grow:
        return grow();
      case Verb::trim:
        return trim();
      case Verb::remove:
        return remove();
    }
    return ExitCode::ok;
  }

 private:
  struct Option {
    const char* name;
    std::set<Verb> verbs;
  };

  void given(const char* option) { given_.insert(option); }

  void add_setting(const std::string& text) {
    const size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw usage_error("--config " + text + ": not NAME=VALUE", "--config retention.ms=7d");
    const std::string name = text.substr(0, equals);
    if (settings_.count(name) != 0)
      throw usage_error(
          "--config " + name + " is given twice: " + settings_[name] + ", " + text.substr(equals + 1),
          "leave one of the two out");
    settings_[name] = setting_value(name, text.substr(equals + 1));
  }

  // Kafka's names of a topic's settings have a dot in them, but for one.
  void refuse_short_settings() const {
    constexpr std::pair<const char*, const char*> kWhole[] = {{"retention", "retention.ms"},
                                                              {"cleanup", "cleanup.policy"},
                                                              {"policy", "cleanup.policy"},
                                                              {"compression", "compression.type"}};
    Correction meant;
    std::string wrong;
    for (const auto& [name, value] : settings_) {
      std::string ours = name;
      std::replace(ours.begin(), ours.end(), '_', '.');
      for (const auto& [theirs, whole] : kWhole)
        if (ours == theirs) ours = whole;
      if (ours != name) wrong = name;
      meant.add.emplace_back("--config", ours + "=" + value);
    }
    if (!wrong.empty())
      throw CorrectedError("--config " + wrong + ": Kafka has no setting of this name", meant);
  }

  void refuse_idle_options(const std::string& verb) const {
    const Option kOptions[] = {
        {"--execute", {Verb::alter, Verb::grow, Verb::trim, Verb::remove}},
        {"--config", {Verb::create, Verb::alter}},
        {"--unset", {Verb::alter}},
        {"--partitions", {Verb::create}},
        {"--replication", {Verb::create}},
        {"--if-missing", {Verb::create}},
        {"-o", {Verb::trim}},
        {"--since", {Verb::trim}},
        {"--tail", {Verb::trim}},
        {"--local", {Verb::trim}},
        {"-p", {Verb::trim}},
        {"--all", {Verb::describe}},
    };
    for (const Option& option : kOptions) {
      if (given_.count(option.name) == 0 || option.verbs.count(verb_) > 0) continue;
      throw usage_error("ktopic " + verb + " has no option " + option.name, "ktopic --help-all lists all");
    }
  }

  void check_name(const std::string& verb, const std::string& name) const {
    if (name.starts_with("^") && verb_ != Verb::create) {
      io::parse_endpoint("TOPIC", name);
    } else if (!io::is_topic_name(name)) {
      // `ktopic alter clicks retention.ms=7d`
      if ((verb_ == Verb::alter || verb_ == Verb::create) && name.find('=') != std::string::npos) {
        std::vector<std::string> others{verb};
        for (const std::string& one : names_)
          if (one != name) others.push_back(one);
        if (others.size() == 1) others.emplace_back("TOPIC");
        throw CorrectedError(
            "ktopic " + verb + ": '" + name + "' is not a topic",
            {.before = "a setting is an option: ", .add = {{"--config", name}}, .operands = others});
      }
      if (name.find_first_of("*?") != std::string::npos && verb_ != Verb::create)
        throw usage_error(
            "ktopic " + verb + ": '" + name + "' is not a topic",
            "several topics are a regular expression that begins with ^: " + io::pattern_of_glob(name));
      throw usage_error("ktopic " + verb + ": '" + name + "' cannot be a topic's name",
                        "letters, digits, '.', '_' and '-', at most 249 of them");
    }
  }

  // `ktopic create clicks 3`
  void refuse_number_of_partitions() const {
    const auto is_number = [](const std::string& name) {
      return name.find_first_not_of("0123456789") == std::string::npos;
    };
    if (verb_ != Verb::create || names_.size() != 2 || is_number(names_[0]) || !is_number(names_[1])) return;
    throw CorrectedError("ktopic create: '" + names_[1] + "' would be another topic",
                         {.before = "partitions are an option: ",
                          .add = {{"--partitions", names_[1]}},
                          .operands = {{"create", names_[0]}}});
  }

  // `ktopic grow clicks 4`
  void refuse_number_behind_names() const {
    const auto is_number = [](const std::string& name) {
      return name.find_first_not_of("0123456789") == std::string::npos;
    };
    if (is_number(names_.front()) || !is_number(names_.back())) return;
    std::vector<std::string> operands = names_;
    std::rotate(operands.begin(), operands.end() - 1, operands.end());
    operands.insert(operands.begin(), "grow");
    throw CorrectedError("ktopic grow: '" + names_.front() + "' is not a number of partitions",
                         {.before = "N comes first: ", .operands = operands});
  }

  void check_range() {
    if (range_.from.empty() && range_.since.empty() && !range_.tail)
      throw CorrectedError("ktopic trim: the position is missing: records before it are deleted",
                           {.before = "-o WHERE, --since TIME or --tail N names it; of all records: ",
                            .add = {{"-o", "end"}}});
    if (io::parse_range(range_, clock_.wall_ms()).to)
      throw usage_error("ktopic trim deletes from the beginning; -o " + range_.from + " also has an end",
                        "give the place before which records are deleted");
    for (const std::string& text : io::read_as_utc(range_, clock_.wall_ms())) log_.note(text);
  }

  // The topics that the operands name; all of them for none. Throws where one does not exist.
  std::vector<kafka::TopicInfo> topics() {
    std::vector<kafka::TopicInfo> all = admin_->topics();
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    if (names_.empty()) return all;
    std::vector<kafka::TopicInfo> out;
    const auto add = [&out](const kafka::TopicInfo& topic) {
      if (std::none_of(out.begin(), out.end(), [&](const auto& one) { return one.name == topic.name; }))
        out.push_back(topic);
    };
    for (const std::string& name : names_) {
      if (name.starts_with("^")) {
        const auto matches = io::topic_pattern(io::parse_endpoint("TOPIC", name));
        const size_t before = out.size();
        for (const auto& topic : all)
          if (matches(topic.name)) add(topic);
        if (out.size() == before) throw usage_error("no topic matches '" + name + "'");
        continue;
      }
      const auto found =
          std::find_if(all.begin(), all.end(), [&](const auto& topic) { return topic.name == name; });
      if (found != all.end()) {
        add(*found);
      } else if (const auto hidden = admin_->find_topic(name)) {
        add(*hidden);  // made meanwhile; throws where we may not see it
      } else {
        std::vector<std::string> known;
        for (const auto& topic : all) known.push_back(topic.name);
        const std::string near = nearest_name(name, known);
        throw usage_error("there is no topic '" + name + "'",
                          near.empty() ? "ktopic list shows all" : "did you mean '" + near + "'?");
      }
    }
    return out;
  }

  static std::vector<std::string> names_of(const std::vector<kafka::TopicInfo>& topics) {
    std::vector<std::string> names;
    for (const auto& topic : topics) names.push_back(topic.name);
    return names;
  }

  std::set<std::string> group_names() {
    std::set<std::string> names;
    if (admin_->is_in_memory()) return names;
    try {
      for (const auto& group : admin_->groups()) names.insert(group.name);
    } catch (const kafka::KafkaError& error) {
      if (!error.is_not_authorized()) throw;
      log_.note("the groups may not be listed: which topics belong to one is not known");
    }
    return names;
  }

  std::map<std::string, int64_t> counts_of(const std::vector<kafka::TopicInfo>& topics) {
    std::vector<kafka::TopicPartition> all;
    for (const auto& topic : topics)
      for (int32_t p = 0; p < topic.partitions; ++p) all.push_back({topic.name, p});
    std::map<std::string, int64_t> counts;
    for (const auto& [at, marks] : admin_->all_watermarks(all)) counts[at.topic] += marks.high - marks.low;
    return counts;
  }

  void add_topic_row(const kafka::TopicInfo& topic, const kafka::TopicSettings& settings, int64_t records,
                     const ktopic::TopicKind& kind) {
    const auto value = [&](const char* name) {
      const auto at = settings.find(name);
      return at == settings.end() ? std::string() : at->second.value;
    };
    const std::string policy = value("cleanup.policy");
    const bool deletes = policy.find("delete") != std::string::npos;
    cli::Row row;
    row.text("topic", topic.name)
        .number("partitions", int64_t{topic.partitions})
        .number("replicas", int64_t{topic.replication})
        .number("records", records)
        .text("cleanup", policy);
    if (rows_.for_people()) {
      row.text("retention", deletes ? people_ms(value("retention.ms")) : "").text("kind", to_string(kind));
    } else {
      if (deletes) {
        row.raw("retention_ms", value("retention.ms"));
      } else {
        row.null("retention_ms");
      }
      row.text("kind", to_word(kind.use));
      if (kind.group.empty()) {
        row.null("group");
      } else {
        row.text("group", kind.group);
      }
    }
    rows_.add(row);
  }

  ExitCode list() {
    const auto all = topics();
    const auto counts = counts_of(all);
    const auto settings = admin_->settings(names_of(all));
    const auto groups = group_names();
    for (const auto& topic : all) {
      const auto count = counts.find(topic.name);
      const auto set = settings.find(topic.name);
      add_topic_row(topic, set == settings.end() ? kafka::TopicSettings() : set->second,
                    count == counts.end() ? 0 : count->second, ktopic::kind_of(topic.name, groups));
    }
    return print();
  }

  ExitCode describe() {
    const auto all = topics();
    const auto settings = admin_->settings(names_of(all));
    const auto groups = group_names();
    for (const auto& topic : all) {
      const auto set = settings.find(topic.name);
      const kafka::TopicSettings own = set == settings.end() ? kafka::TopicSettings() : set->second;
      std::vector<kafka::TopicPartition> partitions;
      for (int32_t p = 0; p < topic.partitions; ++p) partitions.push_back({topic.name, p});
      const auto marks = admin_->all_watermarks(partitions);
      int64_t records = 0;
      for (const auto& [at, one] : marks) records += one.high - one.low;
      if (rows_.for_people()) {
        add_topic_row(topic, own, records, ktopic::kind_of(topic.name, groups));
        for (const cli::Row& row : partition_rows(topic.name, marks)) rows_.add(row);
        for (const auto& [name, setting] : own)
          if (setting.is_own || all_settings_)
            rows_.add(cli::Row()
                          .text("setting", name)
                          .text("value", setting.value)
                          .text("of", setting.is_own ? "the topic" : "the brokers"));
        continue;
      }
      const ktopic::TopicKind kind = ktopic::kind_of(topic.name, groups);
      std::string places = "[", values = "{";
      for (const cli::Row& row : partition_rows(topic.name, marks))
        places += (places.size() > 1 ? "," : "") + row.json();
      cli::Row of_settings;
      for (const auto& [name, setting] : own)
        if (setting.is_own || all_settings_) of_settings.text(name, setting.value);
      cli::Row row;
      row.text("topic", topic.name).number("records", records).text("kind", to_word(kind.use));
      if (kind.group.empty()) {
        row.null("group");
      } else {
        row.text("group", kind.group);
      }
      rows_.add(row.raw("partitions", places + "]").raw("settings", of_settings.json()));
    }
    return print();
  }

  std::vector<cli::Row> partition_rows(const std::string& topic,
                                       const std::map<kafka::TopicPartition, kafka::Watermarks>& marks) {
    const auto list = [](const std::vector<int32_t>& brokers) {
      std::string text;
      for (const int32_t one : brokers) text += (text.empty() ? "" : ",") + std::to_string(one);
      return text;
    };
    std::vector<cli::Row> out;
    const auto places = admin_->places(topic);
    for (size_t p = 0; p < places.size(); ++p) {
      const auto at = marks.find({topic, static_cast<int32_t>(p)});
      cli::Row row;
      row.number("partition", static_cast<int64_t>(p));
      if (at == marks.end()) {
        row.null("begin").null("end").null("records");
      } else {
        row.number("begin", at->second.low)
            .number("end", at->second.high)
            .number("records", at->second.high - at->second.low);
      }
      row.number("leader", int64_t{places[p].leader});
      if (rows_.for_people()) {
        row.text("replicas", list(places[p].replicas)).text("in_sync", list(places[p].in_sync));
      } else {
        row.raw("replicas", "[" + list(places[p].replicas) + "]")
            .raw("in_sync", "[" + list(places[p].in_sync) + "]");
      }
      out.push_back(row);
    }
    return out;
  }

  ExitCode create() {
    for (const std::string& name : names_) {
      const auto found = admin_->find_topic(name);
      if (found && !if_missing_)
        throw usage_error("topic '" + name + "' exists already", "--if-missing leaves it as it is");
      if (found) {
        log_.note("topic " + name + " exists already" + partitions_text(found->partitions));
        continue;
      }
      kafka::NewTopic wanted;
      wanted.name = name;
      wanted.partitions = partitions_.value_or(-1);
      wanted.replication = replication_.value_or(static_cast<int16_t>(-1));
      wanted.config = settings_;
      if (!admin_->create_topic(wanted) && !if_missing_)
        throw usage_error("topic '" + name + "' exists already: another program has just created it");
      const auto made = admin_->find_topic(name);
      log_.note("created topic " + name + (made ? partitions_text(made->partitions) : ""));
    }
    return ExitCode::ok;
  }
  static std::string partitions_text(int32_t count) {
    return ", " + std::to_string(count) + (count == 1 ? " partition" : " partitions");
  }

  void refuse_cluster_topics(const std::vector<kafka::TopicInfo>& all, const std::string& verb) const {
    for (const auto& topic : all)
      if (topic.name.starts_with("__"))
        throw usage_error("topic '" + topic.name + "' is the cluster's own: ktopic does not " + verb + " it");
  }

  static void refuse_group_topic(const kafka::TopicInfo& topic, const std::set<std::string>& groups,
                                 const std::string& why) {
    const ktopic::TopicKind kind = ktopic::kind_of(topic.name, groups);
    if (kind.is_internal() && !kind.group.empty())
      throw usage_error("topic '" + topic.name + "' is the " + to_string(kind) + ", " + why,
                        "koffset reset deletes a group's state and its topics together");
  }

  // Prints the plan. nullopt: it is to be done.
  std::optional<ExitCode> plan_only(bool any) {
    const ExitCode printed = print();
    if (printed != ExitCode::ok) return printed;
    if (!any) {
      log_.note("there is nothing to do");
      return ExitCode::ok;
    }
    if (executes_) return std::nullopt;
    log_.note("this is the plan; nothing was changed. --execute does it");
    return ExitCode::ok;
  }

  ExitCode alter() {
    const auto all = topics();
    refuse_cluster_topics(all, "change");
    const auto settings = admin_->settings(names_of(all));
    bool any = false;
    for (const auto& topic : all) {
      const auto found = settings.find(topic.name);
      if (found == settings.end())
        throw usage_error("the settings of topic '" + topic.name + "' may not be read");
      const auto& own = found->second;
      const auto add = [&](const std::string& name, const std::string& to) {
        const auto at = own.find(name);
        if (at == own.end()) throw unknown_setting(name, own);
        const std::string was = at->second.value + (at->second.is_own ? "" : " (default)");
        const bool changes = to.empty() ? at->second.is_own : !at->second.is_own || at->second.value != to;
        any = any || changes;
        if (changes)
          rows_.add(cli::Row()
                        .text("topic", topic.name)
                        .text("setting", name)
                        .text("was", was)
                        .text("becomes", to.empty() ? "the brokers' default" : to));
      };
      for (const auto& [name, value] : settings_) add(name, value);
      for (const std::string& name : unset_) add(name, "");
    }
    if (const auto code = plan_only(any)) return *code;
    for (const auto& topic : all) admin_->alter_topic(topic.name, settings_, unset_);
    return ExitCode::ok;
  }
  static Error unknown_setting(const std::string& name, const kafka::TopicSettings& known) {
    std::vector<std::string> names;
    for (const auto& [one, setting] : known) names.push_back(one);
    const std::string near = nearest_name(name, names);
    return usage_error("topics have no setting '" + name + "'", near.empty()
                                                                    ? "ktopic describe --all TOPIC lists them"
                                                                    : "did you mean '" + near + "'?");
  }

  ExitCode grow() {
    const auto all = topics();
    refuse_cluster_topics(all, "change");
    const auto groups = group_names();
    bool any = false;
    for (const auto& topic : all) {
      refuse_group_topic(topic, groups, "whose partitions are its state's");
      if (topic.partitions > *partitions_)
        throw usage_error("topic '" + topic.name + "' has " + std::to_string(topic.partitions) +
                              " partitions, and partitions cannot be removed",
                          "copy it to a topic with fewer: kcp -e --partitions " +
                              std::to_string(*partitions_) + " " + shell_word(topic.name) + " NAME");
      any = any || topic.partitions < *partitions_;
      rows_.add(cli::Row()
                    .text("topic", topic.name)
                    .number("partitions", int64_t{topic.partitions})
                    .number("becomes", int64_t{*partitions_}));
    }
    if (const auto code = plan_only(any)) {
      if (any && !executes_)
        log_.note(
            "new records of a key may go to another partition than the old ones; tools with state and without "
            "--by end with exit code 2");
      return *code;
    }
    for (const auto& topic : all)
      if (topic.partitions < *partitions_) admin_->grow_topic(topic.name, *partitions_);
    return ExitCode::ok;
  }

  ExitCode trim() {
    const auto all = topics();
    refuse_cluster_topics(all, "trim");
    const auto settings = admin_->settings(names_of(all));
    const auto groups = group_names();
    std::vector<kafka::PartitionOffset> before;
    for (const auto& topic : all) {
      refuse_group_topic(topic, groups, "whose records are its state's");
      const auto set = settings.find(topic.name);
      if (set != settings.end() && set->second.at("cleanup.policy").value == "compact")
        throw usage_error("topic '" + topic.name +
                              "' is compacted (cleanup.policy=compact): brokers delete no records "
                              "of it up to an offset",
                          "a record without a value deletes a key: kwrite -K : -Z NULL");
      std::vector<kafka::TopicPartition> partitions;
      for (int32_t p = 0; p < topic.partitions; ++p)
        if (range_.partitions.empty() ||
            std::find(range_.partitions.begin(), range_.partitions.end(), p) != range_.partitions.end())
          partitions.push_back({topic.name, p});
      const auto marks = admin_->all_watermarks(partitions);
      const auto ranges = io::resolve_range(*admin_, range_, partitions, clock_.wall_ms(),
                                            [this] { return kafka::make_partition_reader(client_); });
      for (const auto& range : ranges) {
        const auto at = marks.find(range.at);
        if (at == marks.end())
          throw Error(ExitCode::connection,
                      topic.name + " [" + std::to_string(range.at.partition) + "] has no leader");
        if (range.from <= at->second.low) continue;
        before.push_back({range.at, range.from, {}});
        rows_.add(cli::Row()
                      .text("topic", range.at.topic)
                      .number("partition", int64_t{range.at.partition})
                      .number("begin", at->second.low)
                      .number("becomes", range.from)
                      .number("deleted", range.from - at->second.low));
      }
    }
    if (const auto code = plan_only(!before.empty())) return *code;
    admin_->delete_records(before);
    return ExitCode::ok;
  }

  ExitCode remove() {
    const auto all = topics();
    refuse_cluster_topics(all, "delete");
    const auto counts = counts_of(all);
    const auto groups = group_names();
    // Who reads them now. Groups are asked one by one: only for this verb.
    std::map<std::string, std::set<std::string>> readers;
    for (const std::string& group : groups) {
      const auto description = admin_->describe_group(group);
      for (const auto& member : description.members)
        for (const auto& at : member.partitions) readers[at.topic].insert(group);
      if (description.members.empty()) continue;
      for (const auto& topic : all) {
        const auto kind = ktopic::kind_of(topic.name, groups);
        if (kind.is_internal() && kind.group == group)
          throw usage_error("topic '" + topic.name + "' is the " + to_string(kind) + ", which is running",
                            "stop it first; koffset reset deletes its state and its topics together");
      }
    }
    for (const auto& topic : all) {
      const auto count = counts.find(topic.name);
      std::string reading;
      for (const std::string& group : readers[topic.name]) reading += (reading.empty() ? "" : ",") + group;
      rows_.add(cli::Row()
                    .text("topic", topic.name)
                    .number("partitions", int64_t{topic.partitions})
                    .number("records", count == counts.end() ? int64_t{0} : count->second)
                    .text("kind", to_string(ktopic::kind_of(topic.name, groups)))
                    .text("read_by", reading));
    }
    if (const auto code = plan_only(true)) return *code;
    for (const auto& topic : all) admin_->delete_topic(topic.name);
    return ExitCode::ok;
  }

  ExitCode print() { return rows_.print() ? ExitCode::ok : kReaderGone; }

  Verb verb_ = Verb::list;
  std::vector<std::string> names_;
  std::set<std::string> given_;
  bool executes_ = false, if_missing_ = false, all_settings_ = false;
  std::map<std::string, std::string> settings_;
  std::vector<std::string> unset_;
  std::optional<int32_t> partitions_;
  std::optional<int16_t> replication_;
  io::Range range_;
  const SystemClock clock_{};
  StderrLog log_{"ktopic", false};
  cli::Rows rows_;
  cli::ClusterOptions cluster_;
  kafka::ClientConfig client_;
  std::unique_ptr<kafka::ClusterAdmin> admin_;
};

}  // namespace

int main(int argc, char** argv) {
  TopicTool tool;
  return kutils::cli::run_tool(tool, argc, argv);
}
