// What a topic is for, by its name and the cluster's groups: a user's, the cluster's own, or one that a group of
// a tool made for its state.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace kutils::ktopic {

struct TopicKind {
  enum class Use {
    data,
    changelog,    // rows of a group's state
    repartition,  // records of a group on their way to their new key
    cluster,      // __consumer_offsets and its like
  } use = Use::data;
  std::string group;  // of a changelog or repartition topic; empty: there is no such group (any more)
  bool is_internal() const { return use == Use::changelog || use == Use::repartition; }
};

// `groups`: the names of all groups. Names decide (GROUP-changelog, GROUP-repartition, GROUP-repartition-2, and
// Kafka Streams' APPLICATION-STORE-changelog); of several groups that fit, the longest name.
TopicKind kind_of(std::string_view topic, const std::set<std::string>& groups);

// "changelog of totals", "repartition, no group", "the cluster's own", "topic"
std::string to_string(const TopicKind& kind);
const char* to_word(TopicKind::Use use);  // "changelog", for programs

}  // namespace kutils::ktopic
