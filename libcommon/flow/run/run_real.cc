// run() with the machine's own parts; apart from run.cc, so that its tests need no librdkafka.
#include <algorithm>
#include <cstdio>
#include <random>
#include <thread>

#include "flow/run/run.h"
#include "flow/run/run_part.h"
#include "io/topic_sink.h"
#include "io/topic_source.h"
#include "kafka/partition_reader.h"
#include "state/database_engine.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace kutils::flow {
namespace {

std::string random_token() {
  std::random_device random;
  char text[20];
  std::snprintf(text, sizeof text, "%08x%08x", random(), random());
  return text;
}

// The in-memory broker waits a whole session for a member that died, and a whole fetch.wait.max.ms for
// records (rule 29).
kafka::ClientConfig for_memory(kafka::ClientConfig client) {
  client.set_assignment("consumer.session.timeout.ms=6000");
  client.set_assignment("consumer.fetch.wait.max.ms=10");
  return client;
}

// Rows and messages come and go by the hundred thousand, and glibc takes ever larger pieces for ordinary ones
// that it keeps: 40 MB that --cache does not know of. (Fewer arenas than these cost a tenth of the CPU.)
void keep_heap_small() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 8);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
#endif
}

// Whether partitions are read in order of time (rules 16 and 28b), each from a queue of its own. Left out: where
// only the counts of partitions, not known yet, bring partitions together.
bool reads_in_order_of_time(const Job& job) {
  const auto& subs = job.topology.subs();
  const bool has_several = job.in.topics.size() > 1 || job.in.kind == io::EndpointKind::topic_pattern;
  return (!job.stateful() && (job.changes_keys || has_several)) || job.topology.follows_order() ||
         std::any_of(subs.begin(), subs.end(), [](const auto& sub) { return !sub.copartitioned.empty(); });
}

// What one queue may hold by default is too much for a queue of each partition: it filled 300 MB with 16
// partitions, and the time went into making that memory. Half of what one fetch brings lets the next one be under
// way meanwhile; a whole one took 8 MB more with eight partitions, for messages are short and each takes 200 bytes more
// than what the limit counts.
kafka::ClientConfig for_order(kafka::ClientConfig client) {
  constexpr const char* kQueueSize = "queued.max.messages.kbytes";
  if (client.consumer_value(kQueueSize) == kafka::ClientConfig().consumer_value(kQueueSize))
    client.set(std::string("consumer.") + kQueueSize, "128");
  return client;
}

// Where the queues of the others are full at the moment of a fetch, it asks for the partitions that are at their end
// alone, as an internal topic's mostly are, and is answered when its time is over. Until then nothing is fetched for
// the others: librdkafka has one fetch under way at each broker.
kafka::ClientConfig for_some_at_end(kafka::ClientConfig client) {
  if (client.consumer().count("fetch.wait.max.ms") == 0) client.set("consumer.fetch.wait.max.ms", "20");
  return client;
}

kafka::ClientConfig for_group(const Job& job, const kafka::ClientConfig& client) {
  if (reads_in_order_of_time(job)) return for_some_at_end(for_order(client));
  return job.topology.subs().size() > 1 ? for_some_at_end(client) : client;
}

}  // namespace

ExitCode run(const Job& job) { return run(job, RunParts()); }

ExitCode run(const Job& job, const RunParts& parts) {
  if (job.stateful()) keep_heap_small();
  if (job.stateful() && job.in.is_topic() && job.out.is_topic()) state::load_database_engine();
  const SystemClock clock;
  StderrLog log(job.tool, job.quiet);
  const StopSignals stop;
  ThreadExecutor executor;
  const std::string token = random_token();
  const auto observer = job.make_observer ? job.make_observer(clock, log) : nullptr;
  kafka::ClientConfig client = job.client;
  client.set_note([&log](const std::string& text) { log.note(text); });
  client.set_asked_to_end([&stop] { return stop.signal() != 0; });
  kafka::ClientConfig reading = client;
  // The end of a log whose last offset is no record (a transaction's end) is met only when a fetch comes back
  // empty: not half a second later, at the default.
  kafka::ClientConfig hurried = client;
  if (client.consumer().count("fetch.wait.max.ms") == 0) hurried.set_assignment("fetch.wait.max.ms=10");
  if (job.stateful() || job.range.exit_at_end) reading = hurried;
  const kafka::ClientConfig grouped = for_group(job, client);
  // No more than one batch for the one record that is asked for.
  kafka::ClientConfig sparing = hurried;
  sparing.set_assignment("consumer.queued.min.messages=1");
  sparing.set_assignment("consumer.fetch.message.max.bytes=1");
  // Rows are short, and a message takes 200 bytes more than what the limit in bytes counts.
  kafka::ClientConfig writing = client;
  if (job.stateful() && client.producer().count("queue.buffering.max.messages") == 0)
    writing.set_assignment("producer.queue.buffering.max.messages=20000");
  return run(
      job, parts,
      Environment{
          clock, log, stop, executor, [&] { return kafka::make_admin(client); },
          [&](const std::string& group, const std::string& instance, bool in_memory_broker) {
            return kafka::make_group_consumer(in_memory_broker ? for_memory(grouped) : grouped, group,
                                              instance);
          },
          [&] { return kafka::make_idempotent_producer(writing); },
          [&](const std::string& id) { return kafka::make_transactional_producer(writing, id); },
          [&](kafka::Producer& producer, kafka::Admin& admin, const std::string& topic,
              const std::vector<std::pair<std::string, int32_t>>& inputs) {
            return io::make_topic_sink(producer, admin, clock, topic, inputs);
          },
          [&](kafka::Admin& admin, const Range& range, const std::vector<kafka::TopicPartition>& partitions) {
            return io::resolve_range(admin, range, partitions, clock.wall_ms(),
                                     [&hurried] { return kafka::make_partition_reader(hurried); });
          },
          [&](const std::vector<PartitionRange>& ranges) {
            return io::make_topic_source(reading, ranges, clock);
          },
          [](Millis wait) { std::this_thread::sleep_for(wait); }, token, observer.get(),
          [&] { return kafka::make_partition_reader(sparing); }});
}

}  // namespace kutils::flow
