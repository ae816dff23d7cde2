// Fills a topic with records that can be told apart, and compares what a tool made of them, record by record.
//   stream_check fill TOPIC COUNT [--rate N] [--first N] [--keys N [--deletions] [--seed N]]
//     COUNT clicks {"uri":…,"user":…,"number":0..199,"id":N} with key, headers (one of them arbitrary bytes)
//     and a time of their own, all derived from the running number, which starts at --first; every eighth is
//     odd in some way (make_click); acks=all, idempotent. --keys: none is odd, each has one of N keys; they
//     are 10 ms apart in their own time, one in eight out of order, one in 64 much too late.
//     --deletions: one in 16 has no value. --seed: other records at about the same times.
//   stream_check verify IN OUT [--number-at-least N] [--order any] [--same-partition]
//     Reads both topics read_committed from their beginnings to their ends as they are now. Each record of IN
//     whose number is at least N (default: every record) must be in OUT exactly once with the same key,
//     headers, time and bytes, nothing else may be there, and what came from one partition of IN must stand
//     in its order in each partition of OUT (--same-partition: which is the one of the same number). No
//     transaction may be open at OUT's end; the records of aborted ones are counted: a test without any has
//     not tried much. Prints one line of counts; exit 1 with the first differences on stderr.
// Brokers from $KUTILS_BROKERS. Nothing of kutils' own code is used: the checker must not share its faults.
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

constexpr int kLimitMs = 60'000;
constexpr int64_t kFirstTimeMs = 1'700'000'000'000;

[[noreturn]] void fail(const std::string& why) { throw std::runtime_error(why); }

void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
  char why[256];
  if (rd_kafka_conf_set(conf, name, value.c_str(), why, sizeof why) != RD_KAFKA_CONF_OK) fail(why);
}

using Client = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;

Client make_client(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  const char* brokers = std::getenv("KUTILS_BROKERS");
  if (brokers == nullptr) fail("KUTILS_BROKERS is not set");
  set(conf, "bootstrap.servers", brokers);
  set(conf, "log_level", "0");
  char why[256];
  rd_kafka_t* rk = rd_kafka_new(type, conf, why, sizeof why);
  if (rk == nullptr) fail(why);
  return {rk, &rd_kafka_destroy};
}

// A small mixer (splitmix64's finaliser): fields that look random and are the same in every run.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

// ---- fill
// ----------------------------------------------------------------------------------------------------

struct Click {
  std::string key;
  bool null_key = false;
  bool null_value = false;
  std::string value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
};

// Every eighth record is one that a careless tool would change on its way: no key, an empty one, one of
// arbitrary bytes; spaces, escapes, other alphabets and line ends in the value; a long value; headers that
// repeat, are empty, null or absent.
Click make_click(uint64_t n) {
  const uint64_t h = mix(n);
  Click click;
  click.key = "k" + std::to_string(h % 5000);
  const std::string bytes(reinterpret_cast<const char*>(&h), sizeof h);
  char value[256];
  const int size = std::snprintf(value, sizeof value,
                                 R"({"uri":"/page/%u","user":"u%u","country":"DE","number":%u,"id":%llu})",
                                 static_cast<unsigned>(h % 1000), static_cast<unsigned>(h >> 20U) % 50'000U,
                                 static_cast<unsigned>(h >> 40U) % 200U, static_cast<unsigned long long>(n));
  click.value.assign(value, static_cast<size_t>(size));
  click.headers = {{"id", std::to_string(n)}, {"bytes", bytes}};
  if ((h >> 50U) % 8 != 0) return click;
  const auto add_fields = [&click](const std::string& fields) {
    click.value.insert(click.value.size() - 1, fields);
  };
  switch ((h >> 53U) % 8) {
    case 0:
      click.null_key = true;
      click.key.clear();
      break;
    case 1:
      click.key.clear();
      break;
    case 2:
      click.key = bytes;
      break;
    case 3:
      click.value = " {\t\"padded\" : [ ] ," + click.value.substr(1) + " \r\n";
      break;
    case 4:
      add_fields(
          ",\"text\":\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 \\u00e4 \\\" "
          "\\u0000\",\"nested\":{\"number\":7}");
      break;
    case 5:
      add_fields(",\"long\":\"" + std::string(2000, 'x') + "\"");
      break;
    case 6:
      click.headers = {{"a", std::nullopt}, {"a", std::string()}, {"a", bytes}, {"id", std::to_string(n)}};
      break;
    default:
      click.headers.clear();
      break;
  }
  return click;
}

// For tools that keep state: a key always, and times that go back now and then.
Click make_event(uint64_t n, uint64_t keys) {
  const uint64_t h = mix(n);
  Click click;
  click.key = "k" + std::to_string(h % keys);
  char value[256];
  const int size = std::snprintf(value, sizeof value, R"({"uri":"/page/%u","number":%u,"id":%llu})",
                                 static_cast<unsigned>((h >> 20U) % 1000U),
                                 static_cast<unsigned>(h >> 40U) % 200U, static_cast<unsigned long long>(n));
  click.value.assign(value, static_cast<size_t>(size));
  return click;
}

int64_t time_of_event(uint64_t n, uint64_t seed) {
  const uint64_t h = mix(~(n + seed));
  const auto time = kFirstTimeMs + 10 * static_cast<int64_t>(n);
  if (h % 64 == 0) return time - static_cast<int64_t>((h >> 8U) % 120'000U);
  if (h % 8 == 0) return time - static_cast<int64_t>((h >> 8U) % 4'000U);
  return time;
}

int64_t delivery_failures = 0;

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) ++delivery_failures;
}

void fill(const std::string& topic, uint64_t count, uint64_t first, double rate, uint64_t keys,
          bool deletions, uint64_t seed) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "enable.idempotence", "true");
  // With more, librdkafka 2.0.2 ends with "rewound sequence number" now and then when a leader dies.
  set(conf, "max.in.flight.requests.per.connection", "1");
  set(conf, "linger.ms", rate > 0 ? "0" : "5");
  set(conf, "partitioner", "murmur2_random");
  set(conf, "topic.metadata.refresh.interval.ms", "1000");  // partitions that are added get their records
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  const Client rk = make_client(RD_KAFKA_PRODUCER, conf);
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t i = 0; i < count; ++i) {
    if (rate > 0)
      std::this_thread::sleep_until(start + std::chrono::duration<double>(static_cast<double>(i) / rate));
    Click click = keys > 0 ? make_event(first + i + seed, keys) : make_click(first + i);
    click.null_value = deletions && mix(first + i) >> 60U == 0;
    const int64_t time =
        keys > 0 ? time_of_event(first + i, seed) : kFirstTimeMs + static_cast<int64_t>(first + i);
    while (true) {
      rd_kafka_headers_t* headers = rd_kafka_headers_new(4);  // belongs to the record once it is taken
      for (const auto& [name, header] : click.headers) {
        rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()),
                            header ? header->data() : nullptr,
                            header ? static_cast<ssize_t>(header->size()) : 0);
      }
      void* key = click.null_key ? nullptr : const_cast<char*>(click.key.data());
      void* value = click.null_value ? nullptr : const_cast<char*>(click.value.data());
      const rd_kafka_vu_t record[] = {
          {.vtype = RD_KAFKA_VTYPE_TOPIC, .u = {.cstr = topic.c_str()}},
          {.vtype = RD_KAFKA_VTYPE_KEY, .u = {.mem = {key, click.key.size()}}},
          {.vtype = RD_KAFKA_VTYPE_VALUE, .u = {.mem = {value, value == nullptr ? 0 : click.value.size()}}},
          {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u = {.i64 = time}},
          {.vtype = RD_KAFKA_VTYPE_HEADERS, .u = {.headers = headers}},
          {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u = {.i = RD_KAFKA_MSG_F_COPY}}};
      const std::unique_ptr<rd_kafka_error_t, decltype(&rd_kafka_error_destroy)> error(
          rd_kafka_produceva(rk.get(), record, std::size(record)), rd_kafka_error_destroy);
      if (!error) break;
      rd_kafka_headers_destroy(headers);
      if (rd_kafka_error_code(error.get()) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        fail(rd_kafka_error_string(error.get()));
      rd_kafka_poll(rk.get(), 20);
    }
    if (i % 256 == 0 || rate > 0) rd_kafka_poll(rk.get(), 0);
  }
  if (rd_kafka_flush(rk.get(), kLimitMs) != RD_KAFKA_RESP_ERR_NO_ERROR)
    fail("records were not acknowledged in time");
  if (delivery_failures > 0) fail(std::to_string(delivery_failures) + " records were refused");
}

// ---- verify
// --------------------------------------------------------------------------------------------------

// All that must stay the same, as one string: time, key, value, headers in their order, NULL apart from
// empty.
std::string identity(const rd_kafka_message_t* message) {
  std::string out;
  const auto add = [&out](const void* data, size_t size) {
    out += data == nullptr ? "-" : std::to_string(size);
    out += ':';
    if (data != nullptr) out.append(static_cast<const char*>(data), size);
  };
  out += std::to_string(rd_kafka_message_timestamp(message, nullptr)) + ' ';
  add(message->key, message->key_len);
  add(message->payload, message->len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
      add(name, std::strlen(name));
      add(value, size);
    }
  }
  return out;
}

int64_t number_of(const rd_kafka_message_t* message) {
  const std::string_view value(static_cast<const char*>(message->payload), message->len);
  constexpr std::string_view kField = "\"number\":";
  const size_t at = value.find(kField);
  if (at == std::string_view::npos) fail("a record without a number: " + std::string(value));
  return std::strtoll(value.data() + at + kField.size(), nullptr, 10);
}

// `open`: counts partitions whose end cannot be reached because a transaction is open there.
template <typename Visit>
void read_all(const std::string& topic, bool committed, Visit visit, int64_t* open_ends = nullptr) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "group.id", "stream_check");
  set(conf, "enable.auto.commit", "false");
  set(conf, "isolation.level", committed ? "read_committed" : "read_uncommitted");
  set(conf, "enable.partition.eof", "true");
  set(conf, "auto.offset.reset", "error");
  const Client rk = make_client(RD_KAFKA_CONSUMER, conf);
  rd_kafka_topic_t* handle = rd_kafka_topic_new(rk.get(), topic.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto err = rd_kafka_metadata(rk.get(), 0, handle, &metadata, kLimitMs);
  rd_kafka_topic_destroy(handle);
  if (err != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_err2str(err));
  const int partitions = metadata->topics[0].partition_cnt;
  rd_kafka_metadata_destroy(metadata);
  if (partitions == 0) fail(topic + ": no such topic");
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(partitions);
  for (int p = 0; p < partitions; ++p) {
    rd_kafka_topic_partition_list_add(list, topic.c_str(), p)->offset = RD_KAFKA_OFFSET_BEGINNING;
  }
  rd_kafka_assign(rk.get(), list);
  rd_kafka_topic_partition_list_destroy(list);
  std::vector<bool> at_end(static_cast<size_t>(partitions));
  std::vector<int64_t> ends(static_cast<size_t>(partitions));
  std::vector<int64_t> next(static_cast<size_t>(partitions));  // a log holds no offset twice
  int64_t again = 0;
  int open = partitions;
  while (open > 0) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(rk.get(), kLimitMs);
    if (message == nullptr) fail(topic + ": nothing came for a minute (a transaction left open?)");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      const auto p = static_cast<size_t>(message->partition);
      if (!at_end[p]) --open;
      at_end[p] = true;
      ends[p] = message->offset;
    } else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      int64_t& from = next[static_cast<size_t>(message->partition)];
      if (message->offset < from) {
        ++again;  // this client's doing, as behind a change of the leader: no second record
      } else {
        from = message->offset + 1;
        visit(message);
      }
    }
    rd_kafka_message_destroy(message);
  }
  rd_kafka_consumer_close(rk.get());
  if (again > 0) {
    std::fprintf(stderr, "note: the client delivered %lld records of %s a second time, at the same offsets\n",
                 static_cast<long long>(again), topic.c_str());
  }
  if (open_ends == nullptr) return;
  // Only a handle that reads uncommitted is told the high watermark; any other, a producer too, the last
  // stable offset.
  rd_kafka_conf_t* asking = rd_kafka_conf_new();
  set(asking, "isolation.level", "read_uncommitted");
  const Client asker = make_client(RD_KAFKA_CONSUMER, asking);
  for (int p = 0; p < partitions; ++p) {
    int64_t low = 0;
    int64_t high = 0;
    const auto failed =
        rd_kafka_query_watermark_offsets(asker.get(), topic.c_str(), p, &low, &high, kLimitMs);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) fail(rd_kafka_err2str(failed));
    if (ends[static_cast<size_t>(p)] < high) {
      ++*open_ends;
      std::fprintf(stderr, "open transaction: %s partition %d: readable to %lld, written to %lld\n",
                   topic.c_str(), p, static_cast<long long>(ends[static_cast<size_t>(p)]),
                   static_cast<long long>(high));
    }
  }
}

struct Expected {
  int32_t partition;
  int64_t offset;
  int64_t seen = 0;
  int64_t first_out = -1;  // the offset of the first one in OUT
};

bool verify(const std::string& in, const std::string& out, int64_t at_least, bool check_order,
            bool same_partition) {
  std::unordered_map<std::string, Expected> expected;
  int64_t read = 0;
  read_all(in, true, [&](const rd_kafka_message_t* message) {
    ++read;
    if (at_least > 0 && number_of(message) < at_least) return;
    if (!expected.emplace(identity(message), Expected{message->partition, message->offset}).second) {
      fail(in + " holds a record twice: it cannot be used for this check");
    }
  });
  int64_t written = 0;
  int64_t doubled = 0;
  int64_t foreign = 0;
  int64_t disorder = 0;
  int told = 0;
  const auto tell = [&](const char* what, const rd_kafka_message_t* message) {
    if (++told > 10) return;
    std::fprintf(stderr, "%s: %s partition %d offset %lld: %.*s\n", what, out.c_str(), message->partition,
                 static_cast<long long>(message->offset),
                 static_cast<int>(std::min<size_t>(message->len, 200)),
                 static_cast<const char*>(message->payload));
  };
  std::map<std::pair<int32_t, int32_t>, int64_t> last;  // (partition of OUT, partition of IN) -> offset in IN
  int64_t moved = 0;
  int64_t open_ends = 0;
  const auto check_one = [&](const rd_kafka_message_t* message) {
    ++written;
    const auto found = expected.find(identity(message));
    if (found == expected.end()) {
      ++foreign;
      tell("not expected or changed", message);
      return;
    }
    if (++found->second.seen > 1) {
      ++doubled;
      const std::string at = "doubled (IN " + std::to_string(found->second.partition) + " @ " +
                             std::to_string(found->second.offset) + ", first in OUT @ " +
                             std::to_string(found->second.first_out) + ")";
      tell(at.c_str(), message);
      return;
    }
    found->second.first_out = message->offset;
    if (same_partition && found->second.partition != message->partition) {
      ++moved;
      tell("in another partition than it was", message);
    }
    if (!check_order) return;
    int64_t& before = last.try_emplace({message->partition, found->second.partition}, -1).first->second;
    if (found->second.offset < before) {
      ++disorder;
      tell("out of order", message);
    }
    before = found->second.offset;
  };
  read_all(out, true, check_one, &open_ends);
  int64_t all = 0;
  read_all(out, false, [&](const rd_kafka_message_t*) { ++all; });
  int64_t lost = 0;
  for (const auto& [id, record] : expected) {
    if (record.seen > 0) continue;
    if (++lost <= 5) {
      std::fprintf(stderr, "lost: %s partition %d offset %lld\n", in.c_str(), record.partition,
                   static_cast<long long>(record.offset));
    }
  }
  std::printf(
      "in %lld expected %zu out %lld lost %lld doubled %lld foreign %lld disorder %lld moved %lld open %lld "
      "aborted %lld\n",
      static_cast<long long>(read), expected.size(), static_cast<long long>(written),
      static_cast<long long>(lost), static_cast<long long>(doubled), static_cast<long long>(foreign),
      static_cast<long long>(disorder), static_cast<long long>(moved), static_cast<long long>(open_ends),
      static_cast<long long>(all - written));
  return lost + doubled + foreign + disorder + moved + open_ends == 0;
}

int usage() {
  std::fputs(
      "usage: stream_check fill TOPIC COUNT [--rate N] [--first N] [--keys N [--deletions] [--seed N]]\n"
      "       stream_check verify IN OUT [--number-at-least N] [--order any] [--same-partition]\n",
      stderr);
  return 2;
}

int run(std::vector<std::string> args) {
  std::map<std::string, std::string> options;
  std::vector<std::string> words;
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i] == "--same-partition" || args[i] == "--deletions") {
      options[args[i]] = "yes";
    } else if (args[i].rfind("--", 0) == 0 && i + 1 < args.size()) {
      options[args[i]] = args[i + 1];
      ++i;
    } else {
      words.push_back(args[i]);
    }
  }
  if (words.size() != 3) return usage();
  if (words[0] == "fill") {
    fill(words[1], std::stoull(words[2]), options.count("--first") > 0 ? std::stoull(options["--first"]) : 0,
         options.count("--rate") > 0 ? std::stod(options["--rate"]) : 0,
         options.count("--keys") > 0 ? std::stoull(options["--keys"]) : 0, options.count("--deletions") > 0,
         options.count("--seed") > 0 ? std::stoull(options["--seed"]) : 0);
    return 0;
  }
  if (words[0] == "verify") {
    const int64_t at_least =
        options.count("--number-at-least") > 0 ? std::stoll(options["--number-at-least"]) : 0;
    return verify(words[1], words[2], at_least, options["--order"] != "any",
                  options.count("--same-partition") > 0)
               ? 0
               : 1;
  }
  return usage();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stream_check: %s\n", error.what());
    return 1;
  }
}
