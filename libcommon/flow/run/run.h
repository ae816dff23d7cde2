// The one loop of all tools. Picks source, sink and the way of committing by the endpoints:
//   lines -> lines, topic -> lines, lines -> topic: PlainLoop; topic -> topic: Worker (a group,
//   transactions).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/log.h"
#include "base/signal.h"
#include "flow/topology/job.h"
#include "kafka/admin.h"
#include "kafka/group_consumer.h"
#include "kafka/partition_reader.h"
#include "kafka/producer.h"

namespace kutils::flow {

using PartitionRange = io::PartitionRange;

// What the loop takes from outside, so that tests put their own in.
struct Environment {
  const Clock& clock;
  Log& log;
  const StopRequest& stop;
  Executor& executor;  // runs work beside the worker's thread
  std::function<std::unique_ptr<kafka::Admin>()> make_admin;
  std::function<std::unique_ptr<kafka::GroupConsumer>(const std::string& group,
                                                      const std::string& instance_id, bool in_memory_broker)>
      make_group_consumer;
  std::function<std::unique_ptr<kafka::Producer>()> make_producer;
  std::function<std::unique_ptr<kafka::TransactionalProducer>(const std::string& transactional_id)>
      make_transactional_producer;
  // Where the tool writes to `topic` through this producer. A record that keeps its key keeps its partition
  // number if its topic has, in `inputs` (topic, partitions), as many partitions.
  std::function<std::unique_ptr<io::Sink>(kafka::Producer& producer, kafka::Admin& admin,
                                          const std::string& topic,
                                          const std::vector<std::pair<std::string, int32_t>>& inputs)>
      make_topic_sink;
  std::function<std::vector<PartitionRange>(kafka::Admin& admin, const Range& range,
                                            const std::vector<kafka::TopicPartition>& partitions)>
      resolve_range;
  // Reads these partitions without a group, each from its offset up to its end.
  std::function<std::unique_ptr<io::Source>(const std::vector<PartitionRange>& ranges)> make_topic_source;
  std::function<void(Millis)> pause;  // sleeps
  // Of this process alone; for names that nobody else must have.
  std::string token;
  RunObserver* observer = nullptr;  // may be null
  // Reads single records again (origins.h). Empty: none are.
  std::function<std::unique_ptr<kafka::PartitionReader>()> make_mark_reader = {};

  // The same for one of several workers.
  Environment beside(Log& its_log, const StopRequest& its_stop, RunObserver* its_observer) const {
    return {clock,
            its_log,
            its_stop,
            executor,
            make_admin,
            make_group_consumer,
            make_producer,
            make_transactional_producer,
            make_topic_sink,
            resolve_range,
            make_topic_source,
            pause,
            token,
            its_observer,
            make_mark_reader};
  }
};

// Runs until the input ends, a limit, a signal, or an error. Returns the exit code, also 128 + n after a
// signal (everything committed by then). Throws Error for what ends the program otherwise.
ExitCode run(const Job& job, const Environment& around);

// With the machine's clock, signals, stderr and librdkafka.
ExitCode run(const Job& job);

}  // namespace kutils::flow
