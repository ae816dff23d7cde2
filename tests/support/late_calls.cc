// Preloaded into a tool (LD_PRELOAD): each of its calls to librdkafka may be late, before it is made and after it
// was, so that what librdkafka's threads do meanwhile happens at every place where it can. The storm `late` uses
// it.
//
//   KUTILS_LATE_CALLS="SHARE LONGEST"   of the calls, as 0.01; in milliseconds
#include <dlfcn.h>
#include <librdkafka/rdkafka.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

namespace {

struct Settings {
  double share = 0;
  double longest_ms = 0;
  Settings() {
    const char* text = std::getenv("KUTILS_LATE_CALLS");
    if (text && std::sscanf(text, "%lf %lf", &share, &longest_ms) != 2) std::abort();
  }
};

void be_late() {
  static const Settings settings;
  static std::atomic<unsigned> threads{0};
  thread_local std::mt19937 random(std::random_device{}() + ++threads);
  if (std::uniform_real_distribution<>(0, 1)(random) >= settings.share) return;
  // Most are short; some are as long as a change of members takes.
  const double part = std::uniform_real_distribution<>(0, 1)(random);
  std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(settings.longest_ms * part * part));
}

template <typename Call>
Call next_of(const char* name) {
  return reinterpret_cast<Call>(dlsym(RTLD_NEXT, name));
}

template <typename Result>
Result after(Result result) {
  be_late();
  return result;
}

}  // namespace

#define LATE_CALL(result, name, parameters, arguments)        \
  extern "C" result name parameters {                         \
    static const auto call = next_of<decltype(&name)>(#name); \
    be_late();                                                \
    return after(call arguments);                             \
  }

LATE_CALL(rd_kafka_error_t*, rd_kafka_incremental_assign,
          (rd_kafka_t * rk, const rd_kafka_topic_partition_list_t* partitions), (rk, partitions))
LATE_CALL(rd_kafka_error_t*, rd_kafka_incremental_unassign,
          (rd_kafka_t * rk, const rd_kafka_topic_partition_list_t* partitions), (rk, partitions))
LATE_CALL(rd_kafka_resp_err_t, rd_kafka_committed,
          (rd_kafka_t * rk, rd_kafka_topic_partition_list_t* partitions, int timeout_ms),
          (rk, partitions, timeout_ms))
LATE_CALL(rd_kafka_resp_err_t, rd_kafka_position,
          (rd_kafka_t * rk, rd_kafka_topic_partition_list_t* partitions), (rk, partitions))
LATE_CALL(int, rd_kafka_assignment_lost, (rd_kafka_t * rk), (rk))
LATE_CALL(rd_kafka_consumer_group_metadata_t*, rd_kafka_consumer_group_metadata, (rd_kafka_t * rk), (rk))
LATE_CALL(rd_kafka_resp_err_t, rd_kafka_commit_queue,
          (rd_kafka_t * rk, const rd_kafka_topic_partition_list_t* offsets, rd_kafka_queue_t* queue,
           void (*cb)(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*, void*),
           void* opaque),
          (rk, offsets, queue, cb, opaque))
LATE_CALL(ssize_t, rd_kafka_consume_batch_queue,
          (rd_kafka_queue_t * queue, int timeout_ms, rd_kafka_message_t** messages, size_t size),
          (queue, timeout_ms, messages, size))
LATE_CALL(rd_kafka_error_t*, rd_kafka_init_transactions, (rd_kafka_t * rk, int timeout_ms), (rk, timeout_ms))
LATE_CALL(rd_kafka_error_t*, rd_kafka_begin_transaction, (rd_kafka_t * rk), (rk))
LATE_CALL(rd_kafka_error_t*, rd_kafka_send_offsets_to_transaction,
          (rd_kafka_t * rk, const rd_kafka_topic_partition_list_t* offsets,
           const rd_kafka_consumer_group_metadata_t* group, int timeout_ms),
          (rk, offsets, group, timeout_ms))
LATE_CALL(rd_kafka_error_t*, rd_kafka_commit_transaction, (rd_kafka_t * rk, int timeout_ms), (rk, timeout_ms))
LATE_CALL(rd_kafka_error_t*, rd_kafka_abort_transaction, (rd_kafka_t * rk, int timeout_ms), (rk, timeout_ms))
LATE_CALL(rd_kafka_resp_err_t, rd_kafka_subscribe,
          (rd_kafka_t * rk, const rd_kafka_topic_partition_list_t* topics), (rk, topics))
LATE_CALL(rd_kafka_resp_err_t, rd_kafka_unsubscribe, (rd_kafka_t * rk), (rk))
LATE_CALL(rd_kafka_resp_err_t, rd_kafka_flush, (rd_kafka_t * rk, int timeout_ms), (rk, timeout_ms))
