// What is found out once, before the group is joined: topics and their counts, ends, what the group was made
// for. Kept when the worker is rebuilt.
#pragma once

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "flow/fingerprint.h"
#include "flow/job.h"
#include "flow/role.h"
#include "flow/run.h"
#include "kafka/admin.h"

namespace kutils::flow {

// How long a tool tries to reach a broker when it starts.
constexpr Millis kConnectLimit{5'000};

struct WorkerPlan {
  std::string group;
  std::string state_name;  // the name of the group's directory of state (state/layout.h)
  bool in_memory = false;  // protocol.md, 29
  bool exactly_once = true;
  std::vector<std::string> subscription;                // topic names, or one regular expression
  std::vector<std::pair<std::string, int32_t>> inputs;  // topic, partitions
  std::vector<std::string> outputs;                     // by port
  std::string dead_letters;                             // empty: none
  std::string fingerprint;                              // for each commit's metadata
  // Partitions that the group had when it was started, by topic; empty on its first start. Partitions beyond
  // came later and are read from their beginning, whatever -o says (protocol.md, 19).
  std::map<std::string, int32_t> earlier_counts;
  std::vector<std::string> without_offsets;  // inputs in which the group has no offset
  // Several partitions are brought together: the oldest record goes first (protocol.md, 28b).
  bool in_order_of_time = false;
  bool has_ends = false;
  std::map<kafka::TopicPartition, int64_t> ends;  // -e, --until: read what is before
  // -e and --by: partitions of IN that have nothing for this run; true: they never had a record.
  std::map<int32_t, bool> quiet_sources;

  // Stateful jobs.
  std::string changelog;
  int64_t delete_retention_ms = 0;
  int64_t changelog_max_bytes = std::numeric_limits<int64_t>::max();
  std::string repartition;  // --by: the internal topic between IN and the state; else empty
  int32_t repartition_count = 0;
  bool keeps_source_rows = false;  // the partitions of IN have state, too
  Role role_of(const kafka::TopicPartition& at) const {
    if (repartition.empty()) return Role::whole;
    return at.topic == repartition ? Role::behind : Role::in_front;
  }
  // The number of a partition's state: of its changelog partition and of its directory; nullopt: it has none.
  // Behind a repartition they are those of the internal topic's partitions; where IN's have state as well,
  // theirs follow.
  std::optional<int32_t> state_of(const kafka::TopicPartition& at) const {
    if (changelog.empty()) return std::nullopt;
    if (role_of(at) != Role::in_front) return at.partition;
    return keeps_source_rows ? std::optional<int32_t>(repartition_count + at.partition) : std::nullopt;
  }
  // How many partitions of state there are.
  int32_t state_count() const {
    if (changelog.empty()) return 0;
    const int32_t inputs_count = inputs.empty() ? 0 : inputs.front().second;
    if (repartition.empty()) return inputs_count;
    return repartition_count + (keeps_source_rows ? inputs_count : 0);
  }
  // All topics of a broker in memory have as many partitions; there the changelog is written and not read
  // back (protocol.md, 29).
  int32_t changelog_partition_of(int32_t state) const {
    return in_memory ? state % repartition_count : state;
  }
  // At least once: only the outputs are outside of the transaction, for state cannot repeat (protocol.md, 5).
  bool transactional() const { return exactly_once || (!changelog.empty() && !in_memory); }

  std::vector<kafka::TopicPartition> all_partitions() const;
  // An input's partition that was not there when this process started.
  bool came_later(const kafka::TopicPartition& at) const;
};

// Why a tool with state stops when the group gives it a partition that came later.
Error partitions_added(const WorkerPlan& plan, const kafka::TopicPartition& added);

// Creates missing output topics; refuses what cannot work. Throws Error(usage, connection).
WorkerPlan prepare(const Job& job, const Surroundings& around, kafka::Admin& admin, Log& log);

// Where an endpoint's topics are, waiting a while for those that an earlier tool of the pipeline is about to
// make.
std::vector<std::pair<std::string, int32_t>> find_inputs(const Job& job, const Surroundings& around,
                                                         kafka::Admin& admin, Log& log);
// Creates `topic` with `partitions` (the job's own count wins) if it does not exist. Returns its partition
// count. `any_time`: what is made takes records of any time, also far ahead.
int32_t ensure_topic(const Job& job, kafka::Admin& admin, Log& log, const std::string& topic,
                     int32_t partitions, bool any_time = false);

}  // namespace kutils::flow
