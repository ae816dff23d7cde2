#include "kquery/running_group.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "flow/membership/fingerprint_settings.h"
#include "flow/membership/served_at.h"
#include "flow/tasks/changelog.h"
#include "kafka/kafka_error.h"

namespace kutils::kquery {
namespace {

constexpr Millis kLookAgain{100};

std::optional<serve::HttpAddress> address_in(const kafka::PartitionOffset& commit) {
  const std::string text(flow::served_at(commit.metadata));
  if (text.empty()) return std::nullopt;
  try {
    return serve::parse_http_address("--http", text);
  } catch (const Error&) {
    return std::nullopt;  // of a later version
  }
}

bool writes(const std::vector<kafka::PartitionOffset>& commits, const std::string& topic) {
  return std::any_of(commits.begin(), commits.end(), [&](const kafka::PartitionOffset& one) {
    const auto settings = flow::settings_of(one.metadata);
    return settings && std::any_of(settings->begin(), settings->end(), [&](const flow::Setting& setting) {
             return setting.name == "OUT" && setting.value == topic;
           });
  });
}

// What a process says without rows: its first line, and what to do.
std::pair<std::string, std::string> said_by(const serve::HttpAddress& at, const serve::HttpReply& reply) {
  std::string text = reply.body;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  const size_t line = std::min(text.find('\n'), text.size());
  return {serve::to_string(at) + ": " + text.substr(0, line), text.substr(std::min(line + 1, text.size()))};
}

// What another process, or a later moment, would not answer otherwise.
void throw_refusal(const serve::HttpAddress& at, const serve::HttpReply& reply) {
  if (reply.status == 401)
    throw usage_error(serve::to_string(at) + ": the token is missing or wrong",
                      "give the running tool's with --http-token TOKEN or $KUTILS_HTTP_TOKEN");
  if (reply.status == 404 || reply.status == serve::LiveTables::kElsewhere || reply.status == 503) return;
  const auto [what, hint] = said_by(at, reply);
  throw usage_error(what, hint);
}

}  // namespace

std::optional<std::string> find_running_group(kafka::ClusterAdmin& admin, const std::string& table,
                                              const std::optional<std::string>& group) {
  std::vector<std::string> candidates;
  if (group) {
    candidates.push_back(*group);
  } else {
    const std::string suffix = flow::changelog_name("");
    for (const kafka::TopicInfo& topic : admin.topics())
      if (topic.name.ends_with(suffix))
        candidates.push_back(topic.name.substr(0, topic.name.size() - suffix.size()));
  }
  std::vector<std::string> found;
  for (const std::string& one : candidates) {
    try {
      const auto commits = admin.all_committed(one, false);
      if (std::none_of(commits.begin(), commits.end(),
                       [](const auto& at) { return address_in(at).has_value(); }))
        continue;
      if (!group && one != table && !writes(commits, table)) continue;
      if (!admin.describe_group(one).members.empty()) found.push_back(one);
    } catch (const kafka::KafkaError& error) {
      // Of a group that others keep to themselves.
      if (group || !error.is_not_authorized()) throw;
    }
  }
  if (found.size() > 1) {
    std::string names;
    for (const std::string& one : found) names += (names.empty() ? "'" : ", '") + one + "'";
    throw usage_error("several running groups keep a table '" + table + "': " + names, "choose one with -g");
  }
  return found.empty() ? std::nullopt : std::optional(found.front());
}

RunningGroup::RunningGroup(std::string group, std::string table, Ways ways, Millis time_out)
    : group_(std::move(group)),
      table_(std::move(table)),
      ways_(std::move(ways)),
      time_out_us_(time_out.count() * 1000) {}

const std::map<kutils::TopicPartition, serve::HttpAddress>& RunningGroup::owners() {
  try {
    const auto commits = ways_.commits();
    owners_.clear();
    for (const kafka::PartitionOffset& one : commits)
      if (auto address = address_in(one)) owners_.emplace(one.at, std::move(*address));
  } catch (const kafka::KafkaError& error) {
    if (owners_.empty() || error.severity() != kafka::Severity::retriable) throw;
  }
  return owners_;
}

serve::HttpReply RunningGroup::get(const serve::HttpAddress& at, Parameters question) {
  // Behind an address of before another group's tool may listen by now.
  question.emplace_back("group", group_);
  return ways_.get(at, "/table/" + table_, question);
}

std::optional<serve::Elsewhere> RunningGroup::locate(const Parameters& question, Rows& rows) {
  Parameters whole = question;
  whole.emplace_back("partition", "all");
  const int64_t began_us = ways_.clock.steady_us();
  for (;;) {
    Error why(ExitCode::connection, "no instance of group '" + group_ + "' says where it can be asked",
              "start its instances with --http HOST:PORT");
    std::set<std::string> asked;
    for (const auto& [at, owner] : owners()) {
      if (!asked.insert(serve::to_string(owner)).second) continue;
      try {
        const serve::HttpReply reply = get(owner, whole);
        if (reply.type == serve::LiveTables::kLines) {
          rows.lines = reply.body;
          rows.any_missing = reply.status != 200;
          return std::nullopt;
        }
        if (reply.status == serve::LiveTables::kElsewhere) {
          if (auto elsewhere = serve::parse_elsewhere(reply.body)) return elsewhere;
        }
        throw_refusal(owner, reply);
        const auto [what, hint] = said_by(owner, reply);
        // No such table: told after all have been asked, for one of them may have no partition of it.
        why = Error(reply.status == 404 ? ExitCode::usage : ExitCode::connection, what, hint);
      } catch (const Error& error) {
        if (error.code() != ExitCode::connection) throw;
        why = error;
      }
    }
    if (ways_.clock.steady_us() - began_us >= time_out_us_) throw why;
    ways_.pause(kLookAgain);
  }
}

std::string RunningGroup::ask_owner(const serve::HttpAddress& owner, Parameters question,
                                    const std::string& topic, int32_t partition, Rows& rows) {
  question.emplace_back("topic", topic);
  question.emplace_back("partition", std::to_string(partition));
  try {
    const serve::HttpReply reply = get(owner, std::move(question));
    if (reply.type == serve::LiveTables::kLines) {
      rows.lines += reply.body;
      rows.any_missing &= reply.status != 200;
      return {};
    }
    if (reply.status == serve::LiveTables::kElsewhere)
      return serve::to_string(owner) + " does not have it now";  // it moves
    throw_refusal(owner, reply);
    return said_by(owner, reply).first;
  } catch (const Error& error) {
    if (error.code() != ExitCode::connection) throw;
    return error.what();
  }
}

RunningGroup::Rows RunningGroup::ask(const Parameters& question) {
  Rows rows;
  const std::optional<serve::Elsewhere> where = locate(question, rows);
  if (!where) return rows;
  // Rows come in the order of the partitions, as from a state on disk.
  std::map<int32_t, Rows> answers;
  std::map<int32_t, std::string> waiting;  // and why
  for (const int32_t partition : where->partitions) waiting[partition];
  int64_t answered_us = ways_.clock.steady_us();
  for (;;) {
    const auto& owner_of = owners();
    for (auto one = waiting.begin(); one != waiting.end();) {
      const auto owner = owner_of.find({where->topic, one->first});
      if (owner == owner_of.end()) {
        one->second = "its instance does not say where it can be asked (--http)";
        ++one;
        continue;
      }
      Rows answer;
      answer.any_missing = true;
      one->second = ask_owner(owner->second, question, where->topic, one->first, answer);
      if (!one->second.empty()) {
        ++one;
        continue;
      }
      answers[one->first] = std::move(answer);
      answered_us = ways_.clock.steady_us();
      one = waiting.erase(one);
    }
    if (waiting.empty() || ways_.clock.steady_us() - answered_us >= time_out_us_) break;
    ways_.pause(kLookAgain);
  }
  rows.any_missing = true;
  for (auto& [partition, answer] : answers) {
    rows.lines += answer.lines;
    rows.any_missing &= answer.any_missing;
  }
  for (const auto& [partition, why] : waiting)
    rows.unreached.push_back("partition " + std::to_string(partition) + " of " + where->topic + ": " + why);
  return rows;
}

}  // namespace kutils::kquery
