// What one run does, as data: operators in chains, and internal topics where keys change before state. A tool
// makes it before anything opens.
//
//   kfilter a b                a -> filter -> b
//   ktable --by uri ... a b    a -> key -> internal topic; internal topic -> aggregate -> b
//
// A sub-topology is what is read partition by partition: the first one reads IN, each other one the internal
// topic that the one before it writes; the last one writes OUT. A sub-topology with a partition number is a
// task: it has one position, one state, one stage (its chain), and is what the group gives to one process.
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
  // The sources whose times are tracked: partitions that the sub-topology before it reads; on lines, those of
  // IN.
  int32_t input_partitions = 1;
  // In one place, where IN is several topics: these, each with as many numbers of `input_partitions`.
  std::vector<std::string> input_topics = {};
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
};

struct SubTopology {
  std::vector<Operator> operators;  // in a chain; not empty once the tool is set up
  bool has_state() const {
    return std::any_of(operators.begin(), operators.end(), [](const Operator& one) { return one.has_state; });
  }
};

class Topology {
 public:
  Topology() = default;
  explicit Topology(Operator one) { add(std::move(one)); }

  // Adds the operator at the end of the chain.
  void add(Operator one) { subs_.back().operators.push_back(std::move(one)); }
  // Operators added from here on stand behind an internal topic.
  void add_internal_topic() { subs_.emplace_back(); }
  Operator& last() { return subs_.back().operators.back(); }

  const std::vector<SubTopology>& subs() const { return subs_; }
  bool has_internal_topic() const { return subs_.size() > 1; }
  bool has_state() const {
    return std::any_of(subs_.begin(), subs_.end(), [](const SubTopology& one) { return one.has_state(); });
  }

 private:
  std::vector<SubTopology> subs_ = std::vector<SubTopology>(1);
};

}  // namespace kutils::flow
