#include "serve/live_tables.h"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <set>

#include "base/error.h"
#include "data/json_fields.h"
#include "data/json_write.h"
#include "flow/aggregate/json_elements.h"
#include "state/meta.h"

namespace kutils::serve {
namespace {

struct Question {
  flow::Query query;
  std::string group, topic;        // empty: any
  std::set<int32_t> partitions;    // of the topic; empty: of what is here
  bool of_all_partitions = false;  // that it concerns
};

Question parse_question(const HttpRequest& request, int64_t now_ms) {
  Question question;
  flow::Query& query = question.query;
  std::string from, until, at, delta;
  for (const auto& [name, value] : request.parameters) {
    if (name == "key") {
      query.keys.push_back(value);
    } else if (name == "prefix") {
      query.prefix = value;
    } else if (name == "from") {
      from = value;
    } else if (name == "until") {
      until = value;
    } else if (name == "at") {
      at = value;
    } else if (name == "delta") {
      delta = value;
    } else if (name == "group") {
      question.group = value;
    } else if (name == "topic") {
      question.topic = value;
    } else if (name == "partition" && value == "all") {
      question.of_all_partitions = true;
    } else if (name == "partition") {
      int32_t number = -1;
      const char* const end = value.data() + value.size();
      if (const auto [stop, error] = std::from_chars(value.data(), end, number);
          error != std::errc() || stop != end || number < 0)
        throw usage_error("'" + value + "' is not the number of a partition", "partition=0, partition=all");
      question.partitions.insert(number);
    } else {
      throw usage_error("unknown parameter '" + name + "'",
                        "key, prefix, from, until, at, delta, group, topic, partition");
    }
  }
  flow::set_range(query, from, until, now_ms);
  flow::set_at(query, at, now_ms);
  flow::set_delta(query, delta);
  return question;
}

std::string names_of(const std::vector<int32_t>& partitions) {
  std::string names = partitions.size() == 1 ? "partition" : "partitions";
  for (size_t i = 0; i < partitions.size(); ++i)
    names += (i == 0 ? " " : ", ") + std::to_string(partitions[i]);
  return names;
}

}  // namespace

void LiveTables::add(int32_t partition, state::Backend& rows) {
  const std::unique_lock lock(mutex_);
  partitions_[partition] = &rows;
}

void LiveTables::remove(int32_t partition) {
  const std::unique_lock lock(mutex_);
  partitions_.erase(partition);
}

size_t LiveTables::size() const {
  const std::shared_lock lock(mutex_);
  return partitions_.size();
}

void LiveTables::know(const std::vector<flow::StatesOfTopic>& states) {
  const std::unique_lock lock(mutex_);
  states_ = states;
}

flow::StatesOfTopic LiveTables::states_with(int32_t partition) const {
  for (const flow::StatesOfTopic& one : states_)
    if (partition >= one.first && partition < one.first + one.count) return one;
  return {};
}

TableAnswer LiveTables::answer(const std::string& table, const HttpRequest& request, int64_t now_ms) const {
  const Question question = parse_question(request, now_ms);
  const std::shared_lock lock(mutex_);
  if (!question.group.empty() && question.group != group_)
    return {
        {404, HttpReply().type, "this process is of group '" + group_ + "', not '" + question.group + "'\n"}};
  // A query by the group's name shows the rows of its last stage, which lie in the first partitions.
  std::string wanted = table, other;
  for (const auto& [partition, rows] : partitions_) {
    const auto cursor = rows->cursor();
    for (const auto& [op, meta] : state::read_meta_rows(*cursor)) {
      const auto description = flow::parse_description(meta.description);
      if (!description) continue;
      other = description->output;
      if (group_ == table) wanted = other;
    }
    if (!other.empty()) break;
  }

  std::optional<flow::TableQuery> query;
  flow::StatesOfTopic states;
  for (const flow::StatesOfTopic& one : states_)
    if (one.topic == question.topic) states = one;
  std::vector<int32_t> elsewhere;  // what it concerns, where some of that is not here
  const auto is_here = [&](int32_t number) { return partitions_.contains(states.first + number); };
  // Which partitions the question concerns is known with the first of the table's.
  const auto judge = [&] {
    std::set<int32_t> concerned = question.partitions;
    if (concerned.empty() && query && states.by_key) concerned = query->partitions_of_keys(states.count);
    if (concerned.empty())
      for (int32_t number = 0; number < states.count; ++number) concerned.insert(number);
    if (!std::all_of(concerned.begin(), concerned.end(), is_here))
      elsewhere.assign(concerned.begin(), concerned.end());
  };
  const auto refuse = [&] {
    return TableAnswer{
        {kElsewhere, "application/json",
         to_json({states.topic, elsewhere}, names_of(elsewhere) + " of " + states.topic +
                                                (elsewhere.size() == 1 ? " has" : " have") +
                                                " the answer, and not all of that is in this process")}};
  };
  const bool names_partitions = question.of_all_partitions || !question.partitions.empty();

  std::string body;
  for (const auto& [partition, rows] : partitions_) {
    const auto cursor = rows->cursor();
    for (const auto& [op, meta] : state::read_meta_rows(*cursor)) {
      auto description = flow::parse_description(meta.description);
      if (!description || description->output != wanted) continue;
      if (!query) {
        query.emplace(std::move(*description), question.query);
        if (states.topic.empty()) states = states_with(partition);
        judge();
        if (!elsewhere.empty() && names_partitions) return refuse();
      }
      if (!question.partitions.empty() && !question.partitions.contains(partition - states.first)) break;
      const bool all = query->run(*cursor, op, meta.times.stream_time, now_ms,
                                  [&](MaybeBytes, std::string_view json, int64_t) {
                                    body.append(json).push_back('\n');
                                    return body.size() <= kMostBytes;
                                  });
      if (!all)
        return {{413, HttpReply().type,
                 "the answer has more than " + std::to_string(kMostBytes >> 20) +
                     " MiB\nask for fewer rows, by key, prefix, from, until or at\n"}};
      break;
    }
  }
  if (!query && !other.empty())
    return {{404, HttpReply().type, "the table here is '" + other + "', not '" + table + "'\n"}};
  if (!query && !states.topic.empty() && !question.partitions.empty()) {
    // Nothing is committed in what is here.
    judge();
    if (!elsewhere.empty()) return refuse();
    return {{question.query.names_rows() ? 404 : 200, kLines, {}}, true};
  }
  if (!query)
    return {{404, HttpReply().type,
             "no table '" + table + "' here: nothing is committed yet, or no partition is assigned\n"}};
  const bool is_missing = !query->missing().empty();
  if (is_missing && !question.query.keys.empty() && !elsewhere.empty()) return refuse();
  return {{is_missing ? 404 : 200, kLines, std::move(body)}, states.count > 0 && elsewhere.empty()};
}

std::string to_json(const Elsewhere& elsewhere, const std::string& error) {
  std::string out = "{\"error\":";
  append_json_string(error, out);
  out += ",\"topic\":";
  append_json_string(elsewhere.topic, out);
  out += ",\"partitions\":[";
  for (const int32_t number : elsewhere.partitions) {
    if (out.back() != '[') out += ',';
    append_json_int(number, out);
  }
  return out + "]}\n";
}

std::optional<Elsewhere> parse_elsewhere(const std::string& json) {
  FieldSet names;
  const size_t topic = names.slot("topic"), partitions = names.slot("partitions");
  FieldReader reader(names);
  if (reader.read(json) || reader[topic].type != JsonType::string ||
      reader[partitions].type != JsonType::array)
    return std::nullopt;
  Elsewhere out;
  out.topic = reader[topic].string;
  bool good = true;
  flow::for_each_json_element(reader[partitions].raw, [&](std::string_view element) {
    std::string scratch;
    const auto number = parse_scalar(element, scratch);
    good =
        number && number->type == JsonType::integer && number->integer >= 0 && number->integer <= INT32_MAX;
    if (good) out.partitions.push_back(static_cast<int32_t>(number->integer));
    return good;
  });
  return good && !out.partitions.empty() ? std::optional(std::move(out)) : std::nullopt;
}

std::map<std::string, std::vector<std::string>> LiveTables::first_rows(size_t most, int64_t now_ms) const {
  std::map<std::string, std::vector<std::string>> out;
  const std::shared_lock lock(mutex_, std::try_to_lock);
  if (!lock) return out;
  for (const auto& [partition, rows] : partitions_) {
    const auto cursor = rows->cursor();
    for (const auto& [op, meta] : state::read_meta_rows(*cursor)) {
      auto description = flow::parse_description(meta.description);
      if (!description) continue;
      std::vector<std::string>& table = out[description->output.empty() ? group_ : description->output];
      if (table.size() >= most) continue;
      flow::TableQuery query(std::move(*description), flow::Query());
      query.run(*cursor, op, meta.times.stream_time, now_ms, [&](MaybeBytes, std::string_view json, int64_t) {
        table.emplace_back(json);
        return table.size() < most;
      });
    }
  }
  return out;
}

}  // namespace kutils::serve
