// What one run does, as data: operators in chains, and internal topics where keys change before state. A tool
// makes it before anything opens.
//
//   kfilter a b                a -> filter -> b
//   ktable --by uri ... a b    a -> key -> internal topic; internal topic -> aggregate -> b
//
//   kjoin a b o                a and b -> join -> o
//
// A sub-topology is what is read partition by partition: the first one reads IN, each other one the internal
// topic that the one before it writes; the last one writes OUT. Beside that first source it may read
// co-partitioned topics: partition i of each with partition i of the first source. A sub-topology with a
// partition number is a task: it has a position in each source, one state, one stage (its chain), and is what
// the group gives to one process.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "flow/topology/stage.h"
#include "state/store.h"

namespace kutils::flow {

// What a stage knows about the task in which it runs.
struct StageContext {
  int32_t partition = -1;         // of the task; -1: one stage for all partitions
  state::Store* store = nullptr;  // operators with state only
  const Clock* clock = nullptr;
  // The sources whose times are tracked: behind an internal topic the partitions that the sub-topology before it
  // reads; on lines, those of IN.
  int32_t input_partitions = 1;
  // Where IN is several topics: these. Which of the sources a record is from tells source_number().
  std::vector<std::string> input_topics = {};
  int32_t partitions = 1;  // of what the task reads: there are as many tasks like it
};
using StageFactory = std::function<std::unique_ptr<Stage>(const StageContext&)>;

struct Operator {
  std::string name;  // in messages, dead letters and --explain
  StageFactory make;
  bool has_state = false;
  // Windows: the first stream time beyond `time` at which one may close. Behind an internal topic each
  // source's time is told to all of its partitions then (source_marks.h). Empty: the operator does not use
  // it.
  std::function<int64_t(int64_t time)> next_close = {};
  int place = 0;             // in a pipe: 1, 2, ...; else 0
  uint32_t other_ports = 0;  // its ports 1, 2, ... follow so many of earlier operators in the task's ports
  // What it makes of a record depends on those before it, in the order in which they come: behind an internal
  // topic, IN's partitions are read in order of time.
  bool follows_order = false;
  bool waits_for_clock = false;  // it holds records until a time of the clock (waiting.h)
  // It has state, and passes on records of IN as such, each as soon as it comes: what is behind one more internal topic
  // tells IN's partitions apart, as it does itself, and not its tasks.
  bool keeps_sources = false;
};

// A topic that is read beside a sub-topology's first source, in order of time with it. It has as many
// partitions as that, and equal keys lie in equal partitions. Its records carry its name as their topic, and go
// straight to one operator of the chain.
struct CopartitionedSource {
  std::string topic;
  size_t to = 0;          // the operator's index in the chain
  bool is_table = false;  // read from its beginning, whatever -o says; at its end it is not waited for
};

struct SubTopology {
  std::vector<Operator> operators;  // in a chain; not empty once the tool is set up
  std::vector<CopartitionedSource> copartitioned = {};
  bool has_state() const {
    return std::any_of(operators.begin(), operators.end(), [](const Operator& one) { return one.has_state; });
  }
  bool keeps_sources() const {
    return has_state() && std::all_of(operators.begin(), operators.end(), [](const Operator& one) {
             return !one.has_state || one.keeps_sources;
           });
  }
};

class Topology {
 public:
  Topology() = default;
  explicit Topology(Operator one) { add(std::move(one)); }

  // Adds the operator at the end of the chain.
  void add(Operator one) { subs_.back().operators.push_back(std::move(one)); }
  // The operator that was added last reads this topic, too.
  void add_copartitioned(std::string topic, bool is_table) {
    subs_.back().copartitioned.push_back({std::move(topic), subs_.back().operators.size() - 1, is_table});
  }
  // Operators added from here on stand behind an internal topic.
  void add_internal_topic() { subs_.emplace_back(); }
  Operator& last() { return subs_.back().operators.back(); }

  const std::vector<SubTopology>& subs() const { return subs_; }
  bool has_internal_topic() const { return subs_.size() > 1; }
  bool has_state() const {
    return std::any_of(subs_.begin(), subs_.end(), [](const SubTopology& one) { return one.has_state(); });
  }
  // An operator behind an internal topic does.
  bool follows_order() const {
    return std::any_of(subs_.begin() + 1, subs_.end(), [](const SubTopology& sub) {
      return std::any_of(sub.operators.begin(), sub.operators.end(),
                         [](const Operator& one) { return one.follows_order; });
    });
  }
  bool waits_for_clock() const {
    return std::any_of(subs_.begin(), subs_.end(), [](const SubTopology& sub) {
      return std::any_of(sub.operators.begin(), sub.operators.end(),
                         [](const Operator& one) { return one.waits_for_clock; });
    });
  }

 private:
  std::vector<SubTopology> subs_ = std::vector<SubTopology>(1);
};

}  // namespace kutils::flow
