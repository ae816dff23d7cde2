#include "ktop/tables.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <set>
#include <utility>

#include "ktopic/topic_kind.h"

namespace kutils::ktop {
namespace {

Cell text(std::string value) { return {Cell::Kind::text, std::move(value)}; }
Cell count(int64_t number) { return {Cell::Kind::count, {}, static_cast<double>(number)}; }
Cell rate(std::optional<double> number) { return number ? Cell{Cell::Kind::rate, {}, *number} : Cell{}; }
Cell age(std::optional<double> ms) { return ms ? Cell{Cell::Kind::age, {}, *ms} : Cell{}; }

double seconds_between(const Look& now, const Look* before) {
  return before == nullptr ? 0 : static_cast<double>(now.steady_us - before->steady_us) / 1e6;
}
// nullopt: nothing is known of the time before, or there was none.
std::optional<double> per_second(double now, std::optional<double> before, double seconds) {
  if (!before || seconds <= 0) return std::nullopt;
  return std::max(0.0, now - *before) / seconds;
}

std::optional<int64_t> end_before(const Look* before, const TopicPartition& at) {
  if (before == nullptr) return std::nullopt;
  const auto found = before->ends.find(at);
  return found == before->ends.end() ? std::nullopt : std::make_optional(found->second.high);
}

// What the records of partitions were, and came to.
struct Flow {
  int64_t records = 0;
  double now = 0;
  std::optional<double> before;
  void add(const Look& look, const Look* earlier, const TopicPartition& at) {
    const auto found = look.ends.find(at);
    if (found == look.ends.end()) return;
    records += found->second.high - found->second.low;
    // A partition that was not there before, or could not be asked: it counts from now on.
    if (const auto end = end_before(earlier, at)) {
      now += static_cast<double>(found->second.high);
      before = before.value_or(0) + static_cast<double>(*end);
    }
  }
};

Flow flow_of(const kafka::TopicInfo& topic, const Look& now, const Look* before) {
  Flow flow;
  for (int32_t partition = 0; partition < topic.partitions; ++partition)
    flow.add(now, before, {topic.name, partition});
  return flow;
}

bool is_data(const kafka::TopicInfo& topic) {
  return ktopic::kind_of(topic.name, {}).use == ktopic::TopicKind::Use::data;
}

int64_t lag_at(const kafka::PartitionOffset& one, const Look& look) {
  const auto found = look.ends.find(one.at);
  if (found == look.ends.end() || one.offset < 0) return 0;
  return std::max<int64_t>(0, found->second.high - std::max(one.offset, found->second.low));
}
int64_t lag_of(const GroupLook& group, const Look& look) {
  int64_t lag = 0;
  for (const auto& one : group.offsets) lag += lag_at(one, look);
  return lag;
}

const GroupLook* group_of(const Look* look, const std::string& name) {
  if (look == nullptr) return nullptr;
  for (const GroupLook& group : look->groups)
    if (group.name == name) return &group;
  return nullptr;
}
std::optional<int64_t> committed_before(const GroupLook* before, const TopicPartition& at) {
  if (before == nullptr) return std::nullopt;
  for (const auto& one : before->offsets)
    if (one.at == at && one.offset >= 0) return one.offset;
  return std::nullopt;
}

std::optional<double> rate_of(const GroupLook& group, const GroupLook* before, double seconds) {
  double now = 0;
  std::optional<double> then;
  for (const auto& one : group.offsets) {
    const auto offset = committed_before(before, one.at);
    if (!offset || one.offset < 0) continue;
    now += static_cast<double>(one.offset);
    then = then.value_or(0) + static_cast<double>(*offset);
  }
  if (before != nullptr && !then) then = 0;
  return per_second(now, then, seconds);
}

std::string short_state(const std::string& state) {
  if (state.find("ebalanc") != state.npos) return "rebalance";
  std::string lower = state;
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

Table groups_table(const Look& now, const Look* before) {
  Table table{{{"GROUP", "group", false},
               {"STATE", "state", false, 3},
               {"MEMBERS", "members", true, 2},
               {"LAG", "lag"},
               {"READ/S", "read_per_s", true, 1},
               {"LEFT", "left_ms", true, 4},
               {"TOOL", "tool", false, 5}},
              {},
              3,
              true};
  const double seconds = seconds_between(now, before);
  for (const GroupLook& group : now.groups) {
    const GroupLook* then = group_of(before, group.name);
    const int64_t lag = lag_of(group, now);
    const auto reads = rate_of(group, then, seconds);
    // How long until it has caught up, if both go on as they do. A lag that it reads within a second is none
    // that grows or shrinks.
    std::optional<double> left;
    if (lag == 0 || (reads && static_cast<double>(lag) <= *reads)) {
      left = 0;
    } else if (then != nullptr && seconds > 0) {
      const double less = static_cast<double>(lag_of(*then, *before) - lag) / seconds;
      if (less > 0) left = static_cast<double>(lag) / less * 1000;
    }
    table.rows.push_back(
        {group.name,
         {text(group.name), text(short_state(group.state)), count(static_cast<int64_t>(group.members.size())),
          count(lag), rate(reads), age(left), text(group.tool)}});
  }
  return table;
}

Table topics_table(const Look& now, const Look* before, bool internal) {
  Table table{{{"TOPIC", "topic", false},
               {"PARTS", "partitions", true, 3},
               {"RECORDS", "records", true, 1},
               {"IN/S", "in_per_s"},
               {"GROUPS", "groups", true, 4},
               {"LAG", "lag", true, 2},
               {"USE", "use", false, 5}},
              {},
              3,
              true};
  std::set<std::string> names;
  std::map<std::string, std::pair<int64_t, int64_t>> readers;  // topic: groups, largest lag
  for (const GroupLook& group : now.groups) {
    names.insert(group.name);
    std::map<std::string, int64_t> lags;
    for (const auto& one : group.offsets)
      if (one.offset >= 0) lags[one.at.topic] += lag_at(one, now);
    for (const auto& [topic, lag] : lags) {
      auto& [groups, largest] = readers[topic];
      ++groups;
      largest = std::max(largest, lag);
    }
  }
  const double seconds = seconds_between(now, before);
  for (const kafka::TopicInfo& topic : now.topics) {
    const ktopic::TopicKind kind = ktopic::kind_of(topic.name, names);
    if (!internal && kind.use != ktopic::TopicKind::Use::data) continue;
    const Flow flow = flow_of(topic, now, before);
    const auto [groups, lag] = readers[topic.name];
    table.rows.push_back(
        {topic.name,
         {text(topic.name), count(topic.partitions), count(flow.records),
          rate(per_second(flow.now, flow.before, seconds)), count(groups), groups > 0 ? count(lag) : Cell{},
          text(kind.use == ktopic::TopicKind::Use::data ? std::string() : ktopic::to_string(kind))}});
  }
  return table;
}

Table tools_table(const Look& now, const Look* before) {
  Table table{{{"GROUP", "group", false},
               {"TOOL", "tool", false, 6},
               {"HTTP", "http", false, 7},
               {"STATUS", "status", false, 1},
               {"IN/S", "in_per_s", true, 2},
               {"OUT/S", "out_per_s", true, 4},
               {"LAG", "lag", true, 3},
               {"FAILED", "failed", true, 5},
               {"LATE", "late", true, 8}},
              {},
              0,
              false};
  const double seconds = seconds_between(now, before);
  std::map<std::string, size_t> serving;
  // A counter by reason has no line for what never happened.
  const auto number = [](std::optional<double> value) {
    return count(static_cast<int64_t>(value.value_or(0)));
  };
  for (const RunningTool& tool : now.tools) {
    const RunningTool* then = nullptr;
    if (before != nullptr)
      for (const RunningTool& one : before->tools)
        if (one.address == tool.address && one.group == tool.group && one.tool == tool.tool) then = &one;
    const auto per = [&](const char* name) {
      const auto value = tool.sum(name);
      return value ? rate(per_second(*value, then == nullptr ? std::nullopt : then->sum(name), seconds))
                   : Cell{};
    };
    if (!tool.group.empty()) ++serving[tool.group];
    constexpr std::string_view kLoopback = "127.0.0.1";
    table.rows.push_back(
        {tool.address,
         {text(tool.group), text(tool.tool),
          text(tool.address.rfind(kLoopback, 0) == 0 ? tool.address.substr(kLoopback.size()) : tool.address),
          text(tool.status), per("kutils_records_in_total"), per("kutils_records_out_total"),
          tool.sum("kutils_lag_records") ? number(tool.sum("kutils_lag_records")) : Cell{},
          number(tool.sum("kutils_records_failed_total")),
          number(tool.sum("kutils_records_dropped_total", "reason", "late"))}});
    if (tool.figures.empty())
      for (size_t i = 4; i < table.columns.size(); ++i) table.rows.back().cells[i] = {};
  }
  // What serves no metrics is seen by its group.
  for (const GroupLook& group : now.groups) {
    if (group.tool.empty() || group.members.size() <= serving[group.name]) continue;
    table.rows.push_back({group.name,
                          {text(group.name), text(group.tool), text(""), text(short_state(group.state)),
                           rate(rate_of(group, group_of(before, group.name), seconds)), Cell{},
                           count(lag_of(group, now)), Cell{}, Cell{}}});
  }
  return table;
}

Table topic_table(const std::string& name, const Look& now, const Look* before) {
  Table table{{{"PARTITION", "partition"},
               {"BEGIN", "begin", true, 2},
               {"END", "end"},
               {"RECORDS", "records", true, 1},
               {"IN/S", "in_per_s"},
               {"LEADER", "leader", true, 3},
               {"IN SYNC", "in_sync", false, 4}},
              {},
              0,
              false};
  const double seconds = seconds_between(now, before);
  for (const kafka::TopicInfo& topic : now.topics) {
    if (topic.name != name) continue;
    for (int32_t partition = 0; partition < topic.partitions; ++partition) {
      const TopicPartition at{name, partition};
      Flow flow;
      flow.add(now, before, at);
      const auto marks = now.ends.find(at);
      const bool is_known = marks != now.ends.end();
      const auto index = static_cast<size_t>(partition);
      const bool has_places = index < now.places.size();
      table.rows.push_back(
          {std::to_string(partition),
           {count(partition), is_known ? count(marks->second.low) : Cell{},
            is_known ? count(marks->second.high) : Cell{}, count(flow.records),
            rate(per_second(flow.now, flow.before, seconds)),
            has_places && now.places[index].leader >= 0 ? count(now.places[index].leader) : Cell{},
            has_places ? text(std::to_string(now.places[index].in_sync.size()) + " of " +
                              std::to_string(now.places[index].replicas.size()))
                       : Cell{}}});
    }
  }
  return table;
}

Table group_table(const std::string& name, const Look& now, const Look* before) {
  Table table{{{"TOPIC", "topic", false},
               {"PARTITION", "partition", true},
               {"COMMITTED", "committed", true, 2},
               {"END", "end", true, 3},
               {"LAG", "lag"},
               {"AGE", "age_ms", true, 1},
               {"READ/S", "read_per_s", true, 4},
               {"READER", "reader", false, 5}},
              {},
              4,
              true};
  const GroupLook* group = group_of(&now, name);
  if (group == nullptr) return table;
  const GroupLook* then = group_of(before, name);
  const double seconds = seconds_between(now, before);
  for (const auto& one : group->offsets) {
    if (one.offset < 0) continue;
    const auto marks = now.ends.find(one.at);
    int64_t lag = lag_at(one, now);
    std::optional<double> waits;
    if (now.lag)
      for (const klag::PartitionLag& closer : now.lag->partitions)
        if (closer.at == one.at) {
          lag = closer.records;
          waits = static_cast<double>(closer.age_ms);
        }
    std::string reader;
    for (const auto& member : group->members)
      if (std::find(member.partitions.begin(), member.partitions.end(), one.at) != member.partitions.end())
        reader = (member.instance_id.empty() ? member.client_id : member.instance_id) + " at " +
                 (member.host.rfind('/', 0) == 0 ? member.host.substr(1) : member.host);
    const auto earlier = committed_before(then, one.at);
    table.rows.push_back(
        {one.at.topic + " " + std::to_string(one.at.partition),
         {text(one.at.topic), count(one.at.partition), count(one.offset),
          marks == now.ends.end() ? Cell{} : count(marks->second.high), count(lag), age(waits),
          rate(per_second(static_cast<double>(one.offset),
                          earlier ? std::make_optional(static_cast<double>(*earlier)) : std::nullopt,
                          seconds)),
          text(reader)}});
  }
  return table;
}

Table tool_table(const std::string& address, const Look& now, const Look* before) {
  Table table{
      {{"FIGURE", "figure", false}, {"OF", "of", false, 2}, {"VALUE", "value"}, {"PER S", "per_s", true, 1}},
      {},
      0,
      false};
  const double seconds = seconds_between(now, before);
  constexpr std::string_view kOurs = "kutils_";
  for (const RunningTool& tool : now.tools) {
    if (tool.address != address) continue;
    for (const Figure& figure : tool.figures) {
      std::string of;
      for (const auto& [label, value] : figure.labels)
        if (label != "tool" && label != "group") of += (of.empty() ? "" : " ") + label + "=" + value;
      const std::string short_name =
          figure.name.rfind(kOurs, 0) == 0 ? figure.name.substr(kOurs.size()) : figure.name;
      std::optional<double> earlier;
      if (before != nullptr && short_name.size() > 6 && short_name.rfind("_total") == short_name.size() - 6)
        for (const RunningTool& one : before->tools)
          if (one.address == address)
            for (const Figure& old : one.figures)
              if (old.name == figure.name && old.labels == figure.labels) earlier = old.value;
      const bool is_whole = std::floor(figure.value) == figure.value;
      table.rows.push_back({figure.name + " " + of,
                            {text(short_name), text(of),
                             is_whole ? count(static_cast<int64_t>(figure.value)) : rate(figure.value),
                             rate(per_second(figure.value, earlier, seconds))}});
    }
  }
  return table;
}

}  // namespace

Table make_table(const Focus& focus, const Look& now, const Look* before, bool internal) {
  const std::string& name = focus.opened;
  switch (focus.view) {
    case View::groups:
      return name.empty() ? groups_table(now, before) : group_table(name, now, before);
    case View::topics:
      return name.empty() ? topics_table(now, before, internal) : topic_table(name, now, before);
    case View::tools:
      return name.empty() ? tools_table(now, before) : tool_table(name, now, before);
  }
  return {};
}

bool exists(const Focus& focus, const Look& now) {
  const std::string& name = focus.opened;
  if (name.empty()) return true;
  const auto named = [&](const auto& one) { return one.name == name; };
  switch (focus.view) {
    case View::groups:
      return std::any_of(now.groups.begin(), now.groups.end(), named);
    case View::topics:
      return std::any_of(now.topics.begin(), now.topics.end(), named);
    case View::tools:
      return std::any_of(now.tools.begin(), now.tools.end(),
                         [&](const auto& one) { return one.address == name; });
  }
  return false;
}

size_t count_of_topics(const Look& now) {
  return static_cast<size_t>(std::count_if(now.topics.begin(), now.topics.end(), is_data));
}

std::optional<double> rate_of_all(const Look& now, const Look* before) {
  Flow flow;
  for (const kafka::TopicInfo& topic : now.topics)
    for (int32_t partition = 0; is_data(topic) && partition < topic.partitions; ++partition)
      flow.add(now, before, {topic.name, partition});
  return per_second(flow.now, flow.before, seconds_between(now, before));
}

int64_t lag_of_all(const Look& now) {
  int64_t lag = 0;
  for (const GroupLook& group : now.groups) lag += lag_of(group, now);
  return lag;
}

void sort_rows(Table& table, size_t column, bool descending) {
  using Kind = Cell::Kind;
  const auto less = [](const Cell& a, const Cell& b) {
    if (a.kind == Kind::text || b.kind == Kind::text)
      return a.kind == b.kind ? a.text < b.text : a.kind != Kind::text;
    return a.number < b.number;
  };
  std::stable_sort(table.rows.begin(), table.rows.end(), [&](const TableRow& a, const TableRow& b) {
    const Cell &x = a.cells[column], &y = b.cells[column];
    if ((x.kind == Kind::none) != (y.kind == Kind::none)) return y.kind == Kind::none;
    if (less(x, y)) return !descending;
    if (less(y, x)) return descending;
    return column != 0 && less(a.cells[0], b.cells[0]);
  });
}

cli::Row to_row(const Table& table, const TableRow& row, bool for_people) {
  cli::Row out;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const Cell& cell = row.cells[i];
    std::string name = table.columns[i].name;
    switch (cell.kind) {
      case Cell::Kind::none:
        for_people ? out.text(name, "") : out.null(name);
        break;
      case Cell::Kind::text:
        out.text(name, cell.text);
        break;
      case Cell::Kind::count:
        out.number(name, static_cast<int64_t>(cell.number));
        break;
      case Cell::Kind::rate: {
        std::array<char, 32> digits{};
        std::snprintf(digits.data(), digits.size(), "%.1f", cell.number);
        out.raw(name, digits.data());
        break;
      }
      case Cell::Kind::age:
        if (for_people) {
          out.text(name, short_age(cell.number));
        } else {
          out.number(name, static_cast<int64_t>(cell.number));
        }
        break;
    }
  }
  return out;
}

std::string short_number(double number) {
  std::array<char, 32> text_of{};
  const auto print = [&](const char* format, double value) {
    std::snprintf(text_of.data(), text_of.size(), format, value);
    return std::string(text_of.data());
  };
  const double size = std::fabs(number);
  if (size < 100'000) {
    if (std::floor(number) == number || size >= 100) return print("%.0f", number);
    return size < 0.05 ? print("%.2g", number) : print("%.1f", number);
  }
  double value = number;
  for (const char* unit : {"k", "M", "G", "T", "P"}) {
    value /= 1000;
    if (std::fabs(value) < 99.95) return print("%.1f", value) + unit;
    if (std::fabs(value) < 9'999) return print("%.0f", value) + unit;
  }
  return print("%.1e", number);
}

std::string short_age(double ms) {
  std::array<char, 48> out{};
  const auto whole = static_cast<int64_t>(ms);
  const int64_t s = whole / 1000, m = s / 60, h = m / 60, d = h / 24;
  const auto two = [&](int64_t a, char unit_a, int64_t b, char unit_b) {
    std::snprintf(out.data(), out.size(), "%lld%c%02lld%c", static_cast<long long>(a), unit_a,
                  static_cast<long long>(b), unit_b);
    return std::string(out.data());
  };
  if (whole == 0) return "0s";
  if (s == 0) return std::to_string(whole) + "ms";
  if (m == 0) return std::to_string(s) + "s";
  if (h == 0) return two(m, 'm', s % 60, 's');
  if (d == 0) return two(h, 'h', m % 60, 'm');
  if (d < 100) return two(d, 'd', h % 24, 'h');
  return std::to_string(d) + "d";
}

}  // namespace kutils::ktop
