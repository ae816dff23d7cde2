// End-to-end latency through a running tool: latency_probe IN OUT [--rate N] [--seconds S]
//                                            latency_probe --times OUT [--seconds S] [--warm-up S]
// Produces N records a second (default 1000) to IN, each with its time of sending, reads OUT read_committed,
// and prints
//   {"records":…,"p50":ms,"p90":ms,"p99":ms,"max":ms}
// Waits for the first record to come through (the tool's start is not latency), drops one second of warm-up (--warm-up),
// then measures S seconds (default 10). Every record says number=150, so `number >= 100` keeps it. Brokers:
// $KUTILS_BROKERS.
// With --times others produce: a result's own time is when the newest record in it was sent, by this machine's
// clock.
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using SteadyClock = std::chrono::steady_clock;

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now().time_since_epoch()).count();
}

[[noreturn]] void fail(const std::string& why) { throw std::runtime_error(why); }

rd_kafka_t* make_client(rd_kafka_type_t type,
                        const std::vector<std::pair<const char*, const char*>>& settings) {
  const char* brokers = std::getenv("KUTILS_BROKERS");
  if (brokers == nullptr) fail("KUTILS_BROKERS is not set");
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char why[256];
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers, why, sizeof why);
  rd_kafka_conf_set(conf, "socket.nagle.disable", "true", why, sizeof why);
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) fail(why);
  }
  rd_kafka_t* rk = rd_kafka_new(type, conf, why, sizeof why);
  if (rk == nullptr) fail(why);
  return rk;
}

void send(const std::string& topic, double rate, const std::atomic<bool>* stop) {
  rd_kafka_t* rk = make_client(RD_KAFKA_PRODUCER, {{"linger.ms", "0"}, {"partitioner", "murmur2_random"}});
  const auto start = SteadyClock::now();
  for (int64_t n = 0; !*stop; ++n) {
    std::this_thread::sleep_until(start + std::chrono::duration_cast<SteadyClock::duration>(
                                              std::chrono::duration<double>(static_cast<double>(n) / rate)));
    char value[256];
    const int size = std::snprintf(
        value, sizeof value, R"({"sent":%lld,"number":150,"uri":"/page/%lld","email":"someone@example.org"})",
        static_cast<long long>(now_ns()), static_cast<long long>(n % 1000));
    std::string key = std::to_string(n % 1000);
    const rd_kafka_vu_t record[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u = {.cstr = topic.c_str()}},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u = {.mem = {key.data(), key.size()}}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u = {.mem = {value, static_cast<size_t>(size)}}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u = {.i = RD_KAFKA_MSG_F_COPY}}};
    if (rd_kafka_error_t* error = rd_kafka_produceva(rk, record, std::size(record)))
      fail(rd_kafka_error_string(error));
    rd_kafka_poll(rk, 0);
  }
  rd_kafka_flush(rk, 10'000);
  rd_kafka_destroy(rk);
}

int64_t sent_at(const rd_kafka_message_t* message) {
  constexpr std::string_view kName = R"("sent":)";
  const std::string_view value(static_cast<const char*>(message->payload), message->len);
  const size_t at = value.find(kName);
  if (at == value.npos) fail("a record that is not ours: " + std::string(value));
  return std::strtoll(value.data() + at + kName.size(), nullptr, 10);
}

int64_t wall_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// `in` empty: --times.
void run(const std::string& in, const std::string& out, double rate, int seconds, int warm_up) {
  const bool by_times = in.empty();
  const auto now = [&] { return by_times ? wall_ns() : now_ns(); };
  rd_kafka_t* consumer = make_client(RD_KAFKA_CONSUMER, {{"group.id", "latency_probe"},
                                                         {"enable.auto.commit", "false"},
                                                         {"isolation.level", "read_committed"},
                                                         {"auto.offset.reset", "latest"}});
  rd_kafka_poll_set_consumer(consumer);
  rd_kafka_topic_t* handle = rd_kafka_topic_new(consumer, out.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  if (rd_kafka_metadata(consumer, 0, handle, &metadata, 10'000) != RD_KAFKA_RESP_ERR_NO_ERROR)
    fail("no metadata");
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(4);
  for (int p = 0; p < metadata->topics[0].partition_cnt; ++p) {
    int64_t low = 0;
    int64_t high = 0;
    rd_kafka_query_watermark_offsets(consumer, out.c_str(), p, &low, &high, 10'000);
    rd_kafka_topic_partition_list_add(list, out.c_str(), p)->offset = high;
  }
  if (list->cnt == 0) fail(out + ": no such topic");
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_topic_destroy(handle);
  rd_kafka_assign(consumer, list);
  rd_kafka_topic_partition_list_destroy(list);

  std::atomic<bool> stop{false};
  std::thread sender([&] {
    if (!by_times) send(in, rate, &stop);
  });
  std::vector<double> latencies;
  const auto give_up = SteadyClock::now() + std::chrono::seconds(60);
  int64_t measure_from = 0;
  int64_t measure_to = INT64_MAX;
  std::string why;
  while (true) {
    if (now() >= measure_to) break;
    if (measure_from == 0 && SteadyClock::now() > give_up) {
      why = "nothing came through within a minute";
      break;
    }
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 100);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const int64_t arrived = now();
      const int64_t sent =
          by_times ? rd_kafka_message_timestamp(message, nullptr) * 1'000'000 : sent_at(message);
      if (measure_from == 0) {
        measure_from = arrived + int64_t{warm_up} * 1'000'000'000;
        measure_to = measure_from + int64_t{seconds} * 1'000'000'000;
      }
      if (sent >= measure_from) latencies.push_back(static_cast<double>(arrived - sent) * 1e-6);
    }
    rd_kafka_message_destroy(message);
  }
  stop = true;
  sender.join();
  rd_kafka_consumer_close(consumer);
  rd_kafka_destroy(consumer);
  if (!why.empty()) fail(why);
  if (latencies.empty()) fail("no record came through while measuring");
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double q) {
    return latencies[static_cast<size_t>(q * static_cast<double>(latencies.size() - 1))];
  };
  std::printf(R"({"records":%zu,"p50":%.2f,"p90":%.2f,"p99":%.2f,"max":%.2f})"
              "\n",
              latencies.size(), at(0.5), at(0.9), at(0.99), latencies.back());
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words;
  double rate = 1000;
  int seconds = 10;
  int warm_up = 1;
  bool by_times = false;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--rate" && i + 1 < argc) {
      rate = std::atof(argv[++i]);
    } else if (arg == "--seconds" && i + 1 < argc) {
      seconds = std::atoi(argv[++i]);
    } else if (arg == "--warm-up" && i + 1 < argc) {
      warm_up = std::atoi(argv[++i]);
    } else if (arg == "--times") {
      by_times = true;
    } else {
      words.push_back(arg);
    }
  }
  if (by_times) words.insert(words.begin(), std::string());
  if (words.size() != 2 || rate <= 0 || seconds <= 0) {
    std::fputs("usage: latency_probe IN OUT [--rate N] [--seconds S] [--warm-up S], or --times OUT\n",
               stderr);
    return 2;
  }
  try {
    run(words[0], words[1], rate, seconds, warm_up);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "latency_probe: %s\n", error.what());
    return 1;
  }
  return 0;
}
