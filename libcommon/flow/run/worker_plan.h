// What is found out once, before the group is joined: topics and their counts, ends, what the group was made
// for. Kept when the worker is rebuilt.
#pragma once

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "flow/membership/fingerprint.h"
#include "flow/run/observer.h"
#include "flow/run/run.h"
#include "flow/topology/job.h"
#include "kafka/admin.h"

namespace kutils::flow {

// How long a tool tries to reach a broker when it starts.
constexpr Millis kConnectLimit{5'000};

// What a sub-topology reads, and where its tasks have their state.
struct SubPlan {
  std::string topic;       // IN (of several the first), or the internal topic before it
  int32_t partitions = 0;  // of the topic; of several inputs the most
  // The number of the first task's state, if they have any: of its changelog partition and its directory.
  std::optional<int32_t> first_state;
  int32_t sources = 0;  // what it writes to an internal topic tells so many apart
  // Topics that its tasks read beside `topic`, of as many partitions.
  std::vector<CopartitionedSource> copartitioned = {};
  bool keeps_sources = false;  // those that it tells apart are those of the one before it (Operator)
  bool reads_beside(std::string_view name) const {
    return std::any_of(copartitioned.begin(), copartitioned.end(),
                       [&](const CopartitionedSource& one) { return one.topic == name; });
  }
};

struct WorkerPlan {
  std::string group;
  std::string state_name;  // the name of the group's directory of state (state/layout.h)
  bool in_memory = false;  // rule 29
  bool exactly_once = true;
  std::vector<std::string> subscription;  // topic names, or one regular expression
  std::vector<std::pair<std::string, int32_t>>
      inputs;                        // topic, partitions; IN first, co-partitioned ones last
  std::vector<std::string> outputs;  // by port
  std::string dead_letters;          // empty: none
  std::string fingerprint;           // for each commit's metadata
  // Partitions that the group had when it was started, by topic; empty on its first start. Partitions beyond
  // came later and are read from their beginning, whatever -o says (rule 19).
  std::map<std::string, int32_t> earlier_counts;
  bool accepts_change =
      false;  // --accept-change, or nothing was processed with the configuration that is stored
  std::set<kafka::TopicPartition>
      begun;  // partitions of inputs of which the group, or its changelog, has an offset
  // By topic: of so many partitions the group had offsets once (origins.h, `all`).
  std::map<std::string, int32_t> all_begun_counts;
  // Several partitions are brought together: the oldest record goes first (rule 28b).
  bool in_order_of_time = false;
  // Windows stay open until all sources have passed them: these are read so that none is far ahead (rule 28c).
  bool at_one_pace = false;
  bool has_ends = false;
  std::map<kafka::TopicPartition, int64_t> ends;  // -e, --until: read what is before
  // -e and --by: partitions of IN that have nothing for this run; true: they never had a record.
  std::map<int32_t, bool> quiet_sources;

  // Stateful jobs.
  std::string changelog;
  int64_t delete_retention_ms = 0;
  int64_t changelog_max_bytes = std::numeric_limits<int64_t>::max();
  std::optional<int32_t> position_rows;  // the changelog's partition of them, if any (input_positions.h)
  // As Topology::subs().
  std::vector<SubPlan> subs;
  bool has_internal_topic() const { return subs.size() > 1; }
  bool is_last(size_t sub) const { return sub + 1 == subs.size(); }
  // State of the partitions of IN, which are what they are; behind an internal topic they are ours to choose.
  bool input_has_state() const { return subs.front().first_state.has_value(); }
  size_t sub_of(std::string_view topic) const {
    for (size_t i = 1; i < subs.size(); ++i)
      if (subs[i].topic == topic || subs[i].reads_beside(topic)) return i;
    return 0;
  }
  bool is_internal(std::string_view topic) const {
    return std::any_of(subs.begin() + (subs.empty() ? 0 : 1), subs.end(),
                       [&](const SubPlan& sub) { return sub.topic == topic; });
  }
  // Sources that are assigned by hand, with the partition of their task's first source (rule 16).
  bool is_copartitioned(std::string_view topic) const { return subs[sub_of(topic)].reads_beside(topic); }
  bool is_table(std::string_view topic) const;
  bool has_copartitioned() const {
    return std::any_of(subs.begin(), subs.end(),
                       [](const SubPlan& sub) { return !sub.copartitioned.empty(); });
  }
  // Of the task that has this partition: that of its first source, which the group gives out.
  kafka::TopicPartition first_of_task(const kafka::TopicPartition& at) const {
    return {subs[sub_of(at.topic)].topic, at.partition};
  }
  // By which number a stage knows the source: the partition, where IN is several topics that of
  // flow::source_number(), in a task of several sources 0 for the first and 1, ... for those beside it.
  int32_t source_number(std::string_view topic, int32_t partition) const;
  // The topics of which the partitions are told apart by what a sub-topology writes to an internal topic, with their
  // counts of partitions: those of its first sources, or of what these came from.
  std::vector<std::pair<std::string, int32_t>> sources_of(size_t sub) const;
  // What this sub-topology writes to an internal topic tells IN's partitions apart.
  bool tells_inputs_apart(size_t sub) const {
    return sub == 0 || (subs[sub].keeps_sources && tells_inputs_apart(sub - 1));
  }
  // Of IN, if it is several topics; else empty.
  std::vector<std::string> in_topics;
  // What is read with a partition that the group gives out; empty: it is read alone.
  std::vector<kafka::TopicPartition> companions_of(const kafka::TopicPartition& first) const;
  // The number of a task's state: of its changelog partition and of its directory; nullopt: it has none. The
  // last sub-topology's come first.
  std::optional<int32_t> state_of(const kafka::TopicPartition& at) const {
    const auto first = subs[sub_of(at.topic)].first_state;
    return first ? std::optional<int32_t>(*first + at.partition) : std::nullopt;
  }
  // How many partitions of state there are.
  int32_t state_count() const {
    int32_t count = 0;
    for (const SubPlan& sub : subs) count += sub.first_state ? sub.partitions : 0;
    return count;
  }
  std::vector<StatesOfTopic> states() const;
  // All topics of a broker in memory have as many partitions; there the changelog is written and not read
  // back (rule 29).
  int32_t changelog_partition_of(int32_t state) const {
    return in_memory ? state % subs.back().partitions : state;
  }
  // Where a commit that says that nothing was processed means that nothing was written, either.
  bool tells_start() const { return exactly_once || (in_memory && changelog.empty()); }
  // At least once: only the outputs are outside of the transaction, for state cannot repeat (rule 5).
  bool transactional() const { return exactly_once || (!changelog.empty() && !in_memory); }

  std::vector<kafka::TopicPartition> all_partitions() const;  // of all inputs
  // What the group gives out: of the inputs, but those read beside another, and of the internal topics.
  std::vector<kafka::TopicPartition> given_partitions() const;
  // An input's partition that was not there when this process started.
  bool came_later(const kafka::TopicPartition& at) const;
};

// Why a tool with state stops when an input has a partition that came later.
Error partitions_added(const Job& job, const WorkerPlan& plan, const kafka::TopicPartition& added);
// Why one without stops when topics that it reads side by side have unequal counts of partitions.
Error unequal_since(const std::pair<std::string, int32_t>& more, const std::pair<std::string, int32_t>& less);

// Creates missing output topics; refuses what cannot work. Throws Error(usage, connection).
WorkerPlan prepare(const Job& job, const Environment& around, kafka::Admin& admin, Log& log);

// Windows directly behind an internal topic: they tell IN's partitions apart.
bool has_windows_behind_sources(const Job& job);

// Where an endpoint's topics are, waiting a while for those that an earlier tool of the pipeline is about to
// make.
std::vector<std::pair<std::string, int32_t>> find_inputs(const Job& job, const Environment& around,
                                                         kafka::Admin& admin, Log& log);
// Creates `topic` with `partitions` (the job's own count wins) if it does not exist. Returns its partition
// count. `any_time`: what is made takes records of any time, also far ahead.
int32_t ensure_topic(const Job& job, kafka::Admin& admin, Log& log, const std::string& topic,
                     int32_t partitions, bool any_time = false);

}  // namespace kutils::flow
