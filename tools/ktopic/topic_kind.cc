#include "ktopic/topic_kind.h"

namespace kutils::ktopic {
namespace {

// "totals-repartition-2" -> "totals"; empty: another name.
std::string_view before_suffix(std::string_view topic, std::string_view suffix, bool may_be_numbered) {
  const size_t last = topic.find_last_not_of("0123456789");
  if (may_be_numbered && last != topic.npos && last + 1 < topic.size() && topic[last] == '-')
    topic = topic.substr(0, last);
  if (topic.size() <= suffix.size() || !topic.ends_with(suffix)) return {};
  return topic.substr(0, topic.size() - suffix.size());
}

std::string group_among(std::string_view name, const std::set<std::string>& groups) {
  for (;;) {
    if (const auto found = groups.find(std::string(name)); found != groups.end()) return *found;
    const size_t dash = name.rfind('-');
    if (dash == name.npos || dash == 0) return {};
    name = name.substr(0, dash);
  }
}

}  // namespace

TopicKind kind_of(std::string_view topic, const std::set<std::string>& groups) {
  if (topic.starts_with("__")) return {TopicKind::Use::cluster, {}};
  if (const auto name = before_suffix(topic, "-changelog", false); !name.empty())
    return {TopicKind::Use::changelog, group_among(name, groups)};
  if (const auto name = before_suffix(topic, "-repartition", true); !name.empty())
    return {TopicKind::Use::repartition, group_among(name, groups)};
  return {};
}

const char* to_word(TopicKind::Use use) {
  switch (use) {
    case TopicKind::Use::data:
      return "topic";
    case TopicKind::Use::changelog:
      return "changelog";
    case TopicKind::Use::repartition:
      return "repartition";
    case TopicKind::Use::cluster:
      return "the cluster's own";
  }
  return "topic";
}

std::string to_string(const TopicKind& kind) {
  const std::string word = to_word(kind.use);
  if (!kind.is_internal()) return word;
  return word + (kind.group.empty() ? ", no group" : " of " + kind.group);
}

}  // namespace kutils::ktopic
