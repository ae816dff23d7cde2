// The yardstick: the least that an exactly-once copy from topic to topic costs with librdkafka itself.
// scripts/bench gives the cost of every tool as a ratio to this loop, run on the same broker in the same
// minutes.
//
//   copy_loop IN OUT [--commit-ms N] [--filter-none] [--stay]
//
// Tuned as our measurements say: two transactional ids strictly in turn; wait for one record, then drain in
// batches without waiting; bounded queues; a thread that asks every leader a cheap question every 10 ms,
// because before librdkafka 2.2 a broker thread with a full queue sleeps a whole second; delivery reports as
// events.
// --filter-none reads and commits offsets but writes nothing. --stay goes on at the end (for latency), until
// SIGTERM. It handles no errors: on the first one it ends. Brokers from $KUTILS_BROKERS; group and ids are
// named after OUT.
#include <librdkafka/rdkafka.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kLimitMs = 30'000;
constexpr size_t kBatch = 4096;
constexpr auto kWakeEvery = std::chrono::milliseconds(10);

std::atomic<bool> stop_asked{false};
void on_signal(int) { stop_asked = true; }

[[noreturn]] void fail(const std::string& why) { throw std::runtime_error(why); }

void check(rd_kafka_error_t* error) {
  if (error == nullptr) return;
  const std::string why = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  fail(why);
}

using Settings = std::vector<std::pair<const char*, std::string>>;

rd_kafka_t* make_client(rd_kafka_type_t type, const Settings& settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char why[256];
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) fail(why);
  }
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR);
  rd_kafka_t* rk = rd_kafka_new(type, conf, why, sizeof why);
  if (rk == nullptr) fail(why);
  return rk;
}

struct Producer {
  rd_kafka_t* rk = nullptr;
  rd_kafka_queue_t* events = nullptr;
  rd_kafka_topic_t* topic = nullptr;

  Producer(const std::string& brokers, const std::string& out, const std::string& id) {
    rk = make_client(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers},
                                         {"transactional.id", id},
                                         {"linger.ms", "1"},
                                         {"socket.nagle.disable", "true"},
                                         {"queue.buffering.max.kbytes", "16384"},
                                         {"queue.buffering.max.messages", "1000000"}});
    events = rd_kafka_queue_get_main(rk);
    topic = rd_kafka_topic_new(rk, out.c_str(), nullptr);
    check(rd_kafka_init_transactions(rk, kLimitMs));
  }

  void serve(int wait_ms) {
    if (rd_kafka_event_t* event = rd_kafka_queue_poll(events, wait_ms)) rd_kafka_event_destroy(event);
  }

  void copy(const rd_kafka_message_t& message) {
    rd_kafka_headers_t* headers = nullptr;
    rd_kafka_vu_t vus[8];
    size_t n = 0;
    vus[n].vtype = RD_KAFKA_VTYPE_RKT;
    vus[n++].u.rkt = topic;
    vus[n].vtype = RD_KAFKA_VTYPE_PARTITION;
    vus[n++].u.i32 = message.partition;
    vus[n].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    vus[n++].u.i = RD_KAFKA_MSG_F_COPY;
    vus[n].vtype = RD_KAFKA_VTYPE_KEY;
    vus[n].u.mem.ptr = message.key;
    vus[n++].u.mem.size = message.key_len;
    vus[n].vtype = RD_KAFKA_VTYPE_VALUE;
    vus[n].u.mem.ptr = message.payload;
    vus[n++].u.mem.size = message.len;
    vus[n].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    vus[n++].u.i64 = rd_kafka_message_timestamp(&message, nullptr);
    if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      vus[n].vtype = RD_KAFKA_VTYPE_HEADERS;
      vus[n++].u.headers = rd_kafka_headers_copy(headers);
    }
    while (true) {
      rd_kafka_error_t* error = rd_kafka_produceva(rk, vus, n);
      if (error == nullptr) return;
      if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL) check(error);
      rd_kafka_error_destroy(error);
      serve(10);
    }
  }

  void commit(const rd_kafka_topic_partition_list_t* offsets, rd_kafka_t* consumer) {
    while (rd_kafka_outq_len(rk) > 0) serve(5);
    rd_kafka_consumer_group_metadata_t* group = rd_kafka_consumer_group_metadata(consumer);
    rd_kafka_error_t* error = rd_kafka_send_offsets_to_transaction(rk, offsets, group, kLimitMs);
    rd_kafka_consumer_group_metadata_destroy(group);
    check(error);
    check(rd_kafka_commit_transaction(rk, kLimitMs));
  }

  void close() {
    rd_kafka_topic_destroy(topic);
    rd_kafka_queue_destroy(events);
    rd_kafka_destroy(rk);
  }
};

// One partition of IN per distinct leader, and the high watermarks at start.
struct Shape {
  std::vector<int32_t> one_per_leader;
  std::map<int32_t, int64_t> ends;
};

Shape look(rd_kafka_t* rk, const std::string& topic) {
  Shape shape;
  rd_kafka_topic_t* handle = rd_kafka_topic_new(rk, topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto err = rd_kafka_metadata(rk, 0, handle, &metadata, kLimitMs);
  rd_kafka_topic_destroy(handle);
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_err2str(err));
  std::set<int32_t> leaders;
  for (int i = 0; i < metadata->topics[0].partition_cnt; ++i) {
    const auto& partition = metadata->topics[0].partitions[i];
    if (leaders.insert(partition.leader).second) shape.one_per_leader.push_back(partition.id);
    int64_t low = 0;
    int64_t high = 0;
    rd_kafka_query_watermark_offsets(rk, topic.c_str(), partition.id, &low, &high, kLimitMs);
    if (high > low) shape.ends[partition.id] = high;
  }
  rd_kafka_metadata_destroy(metadata);
  return shape;
}

void run(const std::string& in, const std::string& out, std::chrono::milliseconds commit_every, bool write,
         bool stay) {
  const char* env = std::getenv("KUTILS_BROKERS");
  if (env == nullptr) fail("KUTILS_BROKERS is not set");
  const std::string brokers = env;
  rd_kafka_t* consumer = make_client(RD_KAFKA_CONSUMER, {{"bootstrap.servers", brokers},
                                                         {"group.id", "copy_loop." + out},
                                                         {"enable.auto.commit", "false"},
                                                         {"enable.auto.offset.store", "false"},
                                                         {"auto.offset.reset", "earliest"},
                                                         {"isolation.level", "read_committed"},
                                                         {"socket.nagle.disable", "true"},
                                                         {"queued.max.messages.kbytes", "4096"},
                                                         {"fetch.message.max.bytes", "262144"},
                                                         {"queued.min.messages", "1000000"}});
  rd_kafka_poll_set_consumer(consumer);
  Shape shape = look(consumer, in);
  Producer producers[2] = {{brokers, out, "copy_loop." + out + ".0"},
                           {brokers, out, "copy_loop." + out + ".1"}};

  rd_kafka_topic_partition_list_t* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, in.c_str(), RD_KAFKA_PARTITION_UA);
  rd_kafka_subscribe(consumer, topics);
  rd_kafka_topic_partition_list_destroy(topics);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(consumer);

  std::atomic<bool> lagging{false};
  std::atomic<bool> done{false};
  std::thread waker([&] {
    while (!done) {
      std::this_thread::sleep_for(kWakeEvery);
      if (!lagging) continue;
      for (const int32_t partition : shape.one_per_leader) {
        int64_t low = 0;
        int64_t high = 0;
        rd_kafka_query_watermark_offsets(consumer, in.c_str(), partition, &low, &high, 1000);
      }
    }
  });

  std::vector<rd_kafka_message_t*> batch(kBatch);
  rd_kafka_topic_partition_list_t* positions = rd_kafka_topic_partition_list_new(16);
  std::map<int32_t, int64_t> next;
  int64_t records = 0;
  int64_t commits = 0;
  int turn = 0;
  bool open = false;
  SteadyClock::time_point opened;
  SteadyClock::time_point first;

  const auto commit = [&] {
    for (const auto& [partition, offset] : next) {
      rd_kafka_topic_partition_t* slot = rd_kafka_topic_partition_list_find(positions, in.c_str(), partition);
      if (slot == nullptr) slot = rd_kafka_topic_partition_list_add(positions, in.c_str(), partition);
      slot->offset = offset;
    }
    producers[turn].commit(positions, consumer);
    turn = 1 - turn;
    open = false;
    ++commits;
  };

  while (!stop_asked && (stay || !shape.ends.empty())) {
    int wait_ms = 100;
    if (open) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(opened + commit_every - SteadyClock::now());
      wait_ms = static_cast<int>(std::max<int64_t>(0, left.count()));
    }
    // One record first: with a timeout librdkafka would wait for a full batch.
    ssize_t count = rd_kafka_consume_batch_queue(queue, 0, batch.data(), kBatch);
    lagging = count > 256;
    if (count <= 0 && wait_ms > 0) count = rd_kafka_consume_batch_queue(queue, wait_ms, batch.data(), 1);
    if (count < 0) fail("consuming failed");
    for (ssize_t i = 0; i < count; ++i) {
      rd_kafka_message_t* message = batch[static_cast<size_t>(i)];
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_message_errstr(message));
      if (!open) {
        check(rd_kafka_begin_transaction(producers[turn].rk));
        open = true;
        opened = SteadyClock::now();
        if (records == 0) first = opened;
      }
      if (write) producers[turn].copy(*message);
      ++records;
      const int64_t position = message->offset + 1;
      next[message->partition] = position;
      const auto end = shape.ends.find(message->partition);
      if (end != shape.ends.end() && position >= end->second) shape.ends.erase(end);
      rd_kafka_message_destroy(message);
    }
    producers[turn].serve(0);
    if (open && SteadyClock::now() - opened >= commit_every) commit();
  }
  if (open) commit();
  const std::chrono::duration<double> took = SteadyClock::now() - first;
  std::fprintf(stderr, "copy_loop: %lld records in %lld transactions, %.3f s from the first record\n",
               static_cast<long long>(records), static_cast<long long>(commits), took.count());
  done = true;
  waker.join();
  rd_kafka_topic_partition_list_destroy(positions);
  rd_kafka_queue_destroy(queue);
  rd_kafka_consumer_close(consumer);
  for (Producer& producer : producers) producer.close();
  rd_kafka_destroy(consumer);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words;
  int commit_ms = 500;
  bool write = true;
  bool stay = false;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--commit-ms" && i + 1 < argc) {
      commit_ms = std::atoi(argv[++i]);
    } else if (arg == "--filter-none") {
      write = false;
    } else if (arg == "--stay") {
      stay = true;
    } else {
      words.push_back(arg);
    }
  }
  if (words.size() != 2) {
    std::fputs("usage: copy_loop IN OUT [--commit-ms N] [--filter-none] [--stay]\n", stderr);
    return 2;
  }
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  try {
    run(words[0], words[1], std::chrono::milliseconds(commit_ms), write, stay);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "copy_loop: %s\n", error.what());
    return 1;
  }
  return 0;
}
