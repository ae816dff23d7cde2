// Fills a topic for measurements: fill_clicks TOPIC COUNT [KEYS [FIRST]] [--due START RATE], or fill_clicks - COUNT for
// lines on stdout. Brokers from $KUTILS_BROKERS. Clicks of about 113 bytes, a short key, no headers; numbers even over
// 0..199, so that `number >= 100` keeps half; always the same records.
//
// KEYS: the key is the page, one of so many, and each of the first KEYS records has another one. FIRST: the
// number of the first record (0), to go on with a topic. --due: the records' times begin at START (ms) and are RATE a
// second, in no order.
#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>

namespace {

constexpr int64_t kFirstTimeMs = 1'700'000'000'000;

uint64_t mix(uint64_t x) {  // splitmix64's finaliser
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

struct Click {
  char value[256];
  char key[24];
  size_t value_size;
  size_t key_size;
};

// `pages`: see KEYS above; 0: a thousand, and the user is the key.
void make(uint64_t n, uint64_t pages, Click* click) {
  static constexpr const char* kCountries[] = {"DE", "FR", "IT", "US", "JP", "BR", "IN", "GB"};
  const uint64_t h = mix(n);
  const auto user = static_cast<unsigned>(h >> 20U) % 100'000U;
  // Times an odd number that no power of ten shares a factor with: the first KEYS differ, in no order.
  const uint64_t page = pages == 0 ? h % 1000 : n < pages ? n * 7'919'111 % pages : h % pages;
  click->value_size = static_cast<size_t>(std::snprintf(
      click->value, sizeof click->value,
      R"({"uri":"/page/%03llu","user":"user%05u","email":"user%05u@example.org","country":"%s","number":%u,"ts":%lld})",
      static_cast<unsigned long long>(page), user, user, kCountries[(h >> 11U) % 8],
      static_cast<unsigned>(h >> 40U) % 200U,
      static_cast<long long>(kFirstTimeMs + static_cast<int64_t>(n))));
  click->key_size =
      static_cast<size_t>(pages == 0 ? std::snprintf(click->key, sizeof click->key, "user%05u", user)
                                     : std::snprintf(click->key, sizeof click->key, "/page/%03llu",
                                                     static_cast<unsigned long long>(page)));
}

int fail(const char* why) {
  std::fprintf(stderr, "fill_clicks: %s\n", why);
  return 1;
}

int to_topic(const char* topic, uint64_t count, uint64_t pages, uint64_t first, int64_t start,
             uint64_t rate) {
  const char* brokers = std::getenv("KUTILS_BROKERS");
  if (brokers == nullptr) return fail("KUTILS_BROKERS is not set");
  char why[256];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const char* settings[][2] = {{"bootstrap.servers", brokers},
                               {"enable.idempotence", "true"},
                               {"linger.ms", "5"},
                               {"queue.buffering.max.messages", "500000"},
                               {"partitioner", "murmur2_random"}};
  for (const auto& setting : settings) {
    if (rd_kafka_conf_set(conf, setting[0], setting[1], why, sizeof why) != RD_KAFKA_CONF_OK)
      return fail(why);
  }
  rd_kafka_t* rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
  if (rk == nullptr) return fail(why);
  rd_kafka_topic_t* handle = rd_kafka_topic_new(rk, topic, nullptr);
  Click click;
  for (uint64_t n = first; n < first + count; ++n) {
    make(n, pages, &click);
    const int64_t time = rate == 0 ? kFirstTimeMs + static_cast<int64_t>(n)
                                   : start + static_cast<int64_t>(n * 7'919'111 % count * 1000 / rate);
    while (true) {
      const rd_kafka_vu_t record[] = {
          {.vtype = RD_KAFKA_VTYPE_RKT, .u = {.rkt = handle}},
          {.vtype = RD_KAFKA_VTYPE_KEY, .u = {.mem = {click.key, click.key_size}}},
          {.vtype = RD_KAFKA_VTYPE_VALUE, .u = {.mem = {click.value, click.value_size}}},
          {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u = {.i64 = time}},
          {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u = {.i = RD_KAFKA_MSG_F_COPY}}};
      rd_kafka_error_t* error = rd_kafka_produceva(rk, record, std::size(record));
      if (error == nullptr) break;
      if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return fail(rd_kafka_error_string(error));
      rd_kafka_error_destroy(error);
      rd_kafka_poll(rk, 10);
    }
  }
  if (rd_kafka_flush(rk, 60'000) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail("not acknowledged within a minute");
  rd_kafka_topic_destroy(handle);
  rd_kafka_destroy(rk);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int64_t start = 0;
  uint64_t rate = 0;
  if (argc > 5 && std::strcmp(argv[argc - 3], "--due") == 0) {
    start = std::strtoll(argv[argc - 2], nullptr, 10);
    rate = std::strtoull(argv[argc - 1], nullptr, 10);
    argc -= 3;
  }
  if (argc < 3 || argc > 5) return fail("usage: fill_clicks TOPIC|- COUNT [KEYS [FIRST]] [--due START RATE]");
  const uint64_t count = std::strtoull(argv[2], nullptr, 10);
  if (std::strcmp(argv[1], "-") != 0) {
    return to_topic(argv[1], count, argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 0,
                    argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 0, start, rate);
  }
  Click click;
  for (uint64_t n = 0; n < count; ++n) {
    make(n, 0, &click);
    std::fwrite(click.value, 1, click.value_size, stdout);
    std::putchar('\n');
  }
  return std::fflush(stdout) == 0 ? 0 : fail("cannot write");
}
