#include "flow/tasks/changelog.h"

#include <charconv>
#include <utility>

#include "io/topic_sink.h"

namespace kutils::flow {
namespace {

constexpr int64_t kDayMs = 86'400'000;  // delete.retention.ms by default
// The broker's default of 1 MB is reached by the exact set of 100,000 numbers. As much as hosted clusters allow.
constexpr int64_t kRowBytes = int64_t{8} << 20;

// With a setting that the broker may not know, or its policy not allow: then without it. As Admin::create_topic otherwise.
bool create_with(kafka::Admin& admin, kafka::NewTopic topic, const char* setting, int64_t value) {
  constexpr int kInvalidConfig = 40, kPolicyViolation = 44;
  topic.config[setting] = std::to_string(value);
  try {
    return admin.create_topic(topic);
  } catch (const kafka::KafkaError& error) {
    if (error.kafka_code() != kInvalidConfig && error.kafka_code() != kPolicyViolation) throw;
    topic.config.erase(setting);
    return admin.create_topic(topic);
  }
}

std::string forget(const std::string& group) {
  return "start from the beginning under another name than " + group + " with -g NAME";
}

}  // namespace

std::string changelog_name(const std::string& group) { return group + "-changelog"; }

ChangelogTopic ensure_changelog(const Job& job, kafka::Admin& admin, Log& log, const std::string& group,
                                int32_t states, bool keeps_positions, bool has_commits) {
  const int32_t partitions = states + (keeps_positions ? 1 : 0);
  ChangelogTopic out;
  out.name = changelog_name(group);
  out.delete_retention_ms = kDayMs;
  out.partitions = partitions;
  if (const auto found = admin.find_topic(out.name)) {
    out.partitions = found->partitions;
    if (found->partitions != partitions && found->partitions != states) {
      throw usage_error("the changelog topic " + out.name + " has " + std::to_string(found->partitions) +
                            " partitions, the state has " + std::to_string(states),
                        forget(group));
    }
    const auto config = admin.topic_config(out.name);
    out.max_bytes = io::limits_of(config).max_bytes;
    const auto policy = config.find("cleanup.policy");
    if (policy != config.end() && policy->second != "compact") {
      throw usage_error(
          "the changelog topic " + out.name + " has cleanup.policy=" + policy->second + ", which loses state",
          "set it to compact, if nothing of it was deleted yet; else " + forget(group));
    }
    const auto retention = config.find("delete.retention.ms");
    if (retention != config.end()) {
      const std::string& text = retention->second;
      std::from_chars(text.data(), text.data() + text.size(), out.delete_retention_ms);
    }
    return out;
  }
  if (has_commits) {
    throw usage_error("the changelog topic " + out.name + " is missing, though group " + group +
                          " has run before: its state is lost",
                      forget(group));
  }
  if (!job.create_topics) {
    throw usage_error(
        "there is no changelog topic " + out.name + ", and --no-create is set",
        "create it with " + std::to_string(partitions) + " partitions and cleanup.policy=compact");
  }
  kafka::NewTopic wanted;
  wanted.name = out.name;
  wanted.partitions = partitions;
  wanted.replication = job.replication.value_or(static_cast<int16_t>(-1));
  wanted.config = {{"cleanup.policy", "compact"}};
  create_with(admin, wanted, "max.message.bytes", kRowBytes);
  const auto made = admin.find_topic(out.name);
  if (made && made->partitions != partitions)
    return ensure_changelog(job, admin, log, group, states, keeps_positions, has_commits);
  out.max_bytes = io::limits_of(admin.topic_config(out.name)).max_bytes;
  if (job.verbose > 0) log.note("created changelog topic " + out.name);
  return out;
}

namespace {

// Settings under which an internal topic would lose records, or their times: an administrator may have changed them.
void check_internal_topic(kafka::Admin& admin, const std::string& name) {
  constexpr std::pair<const char*, const char*> kNeeded[] = {{"cleanup.policy", "delete"},
                                                             {"message.timestamp.type", "CreateTime"}};
  const auto config = admin.topic_config(name);
  for (const auto& [setting, needed] : kNeeded) {
    const auto found = config.find(setting);
    if (found == config.end() || found->second == needed) continue;
    const std::string change = std::string(setting) + "=" + needed;
    throw usage_error("the internal topic " + name + " has " + setting + "=" + found->second +
                          ", which loses " +
                          (found->second == "LogAppendTime" ? "the records' times" : "records"),
                      "if no tool of the group has run with it: ktopic alter --execute --config " + change +
                          " " + name + "; else start from the beginning under another name with -g NAME");
  }
}

}  // namespace

std::string internal_topic_name(const std::string& group, size_t sub) {
  return group + "-repartition" + (sub > 1 ? "-" + std::to_string(sub) : "");
}

bool create_for_any_time(kafka::Admin& admin, kafka::NewTopic topic) {
  return create_with(admin, std::move(topic), "message.timestamp.after.max.ms", INT64_MAX);
}

int32_t ensure_internal_topic(const Job& job, kafka::Admin& admin, Log& log, const std::string& name,
                              int32_t partitions, bool has_commits) {
  if (const auto found = admin.find_topic(name)) {
    check_internal_topic(admin, name);
    return found->partitions;
  }
  if (has_commits) {
    throw usage_error(
        "the internal topic " + name + " is missing, though group " + job.group + " has run before",
        forget(job.group));
  }
  if (!job.create_topics) {
    throw usage_error("there is no internal topic " + name + ", and --no-create is set",
                      "create it with " + std::to_string(partitions) + " partitions and retention.ms=-1");
  }
  kafka::NewTopic wanted;
  wanted.name = name;
  wanted.partitions = partitions;
  wanted.replication = job.replication.value_or(static_cast<int16_t>(-1));
  // Whatever the broker's defaults are.
  wanted.config = {{"cleanup.policy", "delete"},
                   {"retention.ms", "-1"},
                   {"retention.bytes", "-1"},
                   {"message.timestamp.type", "CreateTime"}};
  create_for_any_time(admin, wanted);
  const auto made = admin.find_topic(name);
  if (job.verbose > 0) log.note("created internal topic " + name);
  return made ? made->partitions : partitions;
}

}  // namespace kutils::flow
