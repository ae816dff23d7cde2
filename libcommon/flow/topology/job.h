// What a tool asks the run loop to do: endpoints, stages, and the options that every tool shares. Made by
// cli/, which has found everything that can be wrong with it before anything opens.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "flow/run/observer.h"
#include "flow/tasks/partition_state.h"
#include "flow/topology/stage.h"
#include "flow/topology/topology.h"
#include "io/endpoint.h"
#include "io/range.h"
#include "io/sink.h"
#include "io/source.h"
#include "kafka/client_config.h"
#include "state/store.h"

namespace kutils::flow {

class NamedOutputs;

enum class Delivery { exactly_once, at_least_once };

struct OnError {
  enum class Policy { fail, skip, dead_letter, report } policy = Policy::fail;
  std::string topic;  // dead_letter
};

using Range = io::Range;  // where to begin and end on topics, as written

// A setting that changes results; part of the group's fingerprint and of the message when it differs.
struct Setting {
  std::string name;
  std::string value;
};

// An output beside OUT.
struct MoreOutput {
  io::Endpoint at;
  std::function<std::unique_ptr<io::Sink>()> open_lines;  // empty for a topic
};

struct Job {
  std::string tool;
  std::vector<Setting> settings;  // SPEC in canonical form first
  io::Endpoint in;
  io::Endpoint out;
  // Made by cli/ from -I, -O and their like; called once, when the loop opens its endpoints. Empty for
  // topics.
  std::function<std::unique_ptr<io::Source>()> open_lines_in;
  std::function<std::unique_ptr<io::Sink>()> open_lines_out;
  std::vector<MoreOutput> more_outputs;  // ports 1, 2, ... (kbranch)
  // Topics that records name (kbranch --to). Null: none.
  std::shared_ptr<NamedOutputs> named_outputs = {};
  // Stateful jobs: rows in memory for what is grouped in place. Set by give_state()
  // (flow/tasks/state_support.h), so that tools without state do not carry RocksDB.
  std::function<std::unique_ptr<PartitionState>()> open_state_in_memory;
  std::function<std::unique_ptr<StateOpening>(const StatePlace&, const Environment&, kafka::Admin&)>
      open_state;
  size_t cache_bytes = size_t{64} << 20;  // --cache: memory of all state
  Topology topology;
  bool in_is_pipe = false;                    // IN is standard input, behind another program
  bool keeps_partition = false;               // kcp: outputs name their partition
  std::optional<int32_t> out_partition = {};  // kwrite -p: all outputs go there
  bool changes_keys = false;                  // kgroupby: partitions of OUT bring together those of IN
  std::string table;                          // in a pipe: the name of a stage's rows for kquery; empty: OUT
  bool rekeyed = false;  // in a pipe: an earlier stage changed keys, and equal ones are not together yet
  bool counts_silence = false;  // --idle
  // In a pipe: what a task gets for this stage is of several partitions of IN.
  bool has_sources_apart = false;
  // Sources that are read together: one that has nothing to give, and lacks nothing that is known of, is waited
  // for so long, for what it gives next may be older than what the others have. Tables are not.
  Millis max_wait{1000};

  // Options shared by all tools.
  kafka::ClientConfig client;
  std::string group;  // -g, or the default name
  bool group_is_explicit = false;
  bool accept_change = false;
  Delivery delivery = Delivery::exactly_once;
  bool delivery_is_explicit = false;
  Millis commit_min{10};
  Millis commit_max{500};
  std::optional<OnError> on_error;  // nullopt: the default of the kind of output
  Range range;
  std::optional<int64_t> max_input;   // -c
  std::optional<int64_t> max_output;  // -m
  std::optional<int32_t> partitions;  // for topics that do not exist yet
  std::optional<int16_t> replication;
  bool create_topics = true;
  std::string state_dir;
  std::string instance;  // --instance, $KUTILS_INSTANCE
  int workers = 1;       // -j
  bool stay = false;
  bool accept_gap = false;  // --on-gap skip
  bool close_at_end = false;
  // In a pipe: the sub-topology in which the first stage with --close-at-end keeps its rows. It and those behind it are
  // closed, one after the other. nullopt: only the last one has something to close.
  std::optional<size_t> closes_from;
  bool atomic = false;       // kwrite --atomic: lines -> topic in one transaction
  bool exit_status = false;  // --exit-status: nothing written is a "no"
  bool quiet = false;
  int verbose = 0;
  bool progress = false;
  // --http: made when the run begins, gone when it ends. Empty: nobody looks.
  std::function<std::shared_ptr<RunObserver>(const Clock&, Log&)> make_observer;

  bool stateful() const { return topology.has_state(); }
  // For a tool of one operator.
  void set_stage(StageFactory make, bool has_state = false) {
    topology = Topology({tool, std::move(make), has_state});
  }
};

}  // namespace kutils::flow
