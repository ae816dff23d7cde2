#include "kafka/message_reader.h"

#include <cstdint>

namespace kutils::kafka {
namespace {

// The processor reads on by itself only where messages lie one behind the other. So far ahead of use their
// memory is asked for: first librdkafka's fields around the message, which say where its bytes are.
constexpr size_t kFieldsAhead = 12;
constexpr size_t kBytesAhead = 6;
constexpr intptr_t kCacheLine = 64;

void prefetch(const void* from, intptr_t offset) {
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<intptr_t>(from) + offset));
}

void prefetch_fields(const rd_kafka_message_t* message) {
  for (const intptr_t line : {-1, 0, 1, 2}) prefetch(message, line * kCacheLine);
}

void prefetch_bytes(const rd_kafka_message_t* message) {
  prefetch(message->payload, 0);
  prefetch(message->payload, kCacheLine);
  prefetch(message->payload, static_cast<intptr_t>(message->len));  // the headers are behind it
}

std::span<const Header> read_headers(const void* of, Arena& memory) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(static_cast<const rd_kafka_message_t*>(of), &headers) !=
      RD_KAFKA_RESP_ERR_NO_ERROR)
    return {};
  const size_t count = rd_kafka_header_cnt(headers);
  auto* views = memory.allocate_array<Header>(count);
  for (size_t i = 0; i < count; ++i) {
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    rd_kafka_header_get_all(headers, i, &name, &value, &size);
    views[i] = Header{name, MaybeBytes::from(value, size)};
  }
  return {views, count};
}

}  // namespace

void MessageReader::append(Batch& batch, const rd_kafka_message_t* message) {
  // Kept per topic handle; the batch before may be gone, so the name is asked again where the handle differs.
  // A handle that was freed and made again at the same address would have another name: compare cheaply by
  // asking at run starts.
  Record& record = batch.records().emplace_back();
  if (message->rkt != last_topic_ || batch.records().size() == 1) {
    last_topic_ = message->rkt;
    last_name_ = rd_kafka_topic_name(message->rkt);
  }
  record.topic = last_name_;
  record.key = MaybeBytes::from(message->key, message->key_len);
  record.value = MaybeBytes::from(message->payload, message->len);
  record.partition = message->partition;
  record.offset = message->offset;
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  record.timestamp = rd_kafka_message_timestamp(message, &type);
  record.timestamp_type = type == RD_KAFKA_TIMESTAMP_CREATE_TIME       ? TimestampType::create_time
                          : type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? TimestampType::log_append_time
                                                                       : TimestampType::none;
  record.headers = Headers(message, batch.arena(), read_headers);
}

void MessageReader::append_all(Batch& batch, const std::vector<rd_kafka_message_t*>& messages) {
  batch.records().reserve(batch.records().size() + messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    if (i + kFieldsAhead < messages.size()) prefetch_fields(messages[i + kFieldsAhead]);
    if (i + kBytesAhead < messages.size()) prefetch_bytes(messages[i + kBytesAhead]);
    append(batch, messages[i]);
  }
}

void take_messages(rd_kafka_queue_t* queue, std::vector<rd_kafka_message_t*>& into, size_t limit,
                   Millis wait) {
  const size_t before = into.size();
  into.resize(before + limit);
  const auto take = [&](size_t from, int timeout_ms, size_t most) {
    const ssize_t n = rd_kafka_consume_batch_queue(queue, timeout_ms, into.data() + from, most);
    return n > 0 ? static_cast<size_t>(n) : 0;
  };
  // Asked with a timeout for more than one it would wait until all have come.
  size_t n = take(before, 0, limit);
  if (n == 0 && wait.count() > 0) {
    n = take(before, static_cast<int>(wait.count()), 1);
    if (n == 1 && limit > 1) n += take(before + 1, 0, limit - 1);
  }
  into.resize(before + n);
}

}  // namespace kutils::kafka
