// librdkafka's messages as Records. Internal to kafka/ and to what reads topics without a group.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "data/batch.h"
#include "kafka/client.h"

namespace kutils::kafka {

// Messages taken from a queue, destroyed together. Keeps the client alive: the messages point into it.
class MessageChunk {
 public:
  explicit MessageChunk(std::shared_ptr<Client> client) : client_(std::move(client)) {}
  ~MessageChunk() {
    for (rd_kafka_message_t* message : messages_) rd_kafka_message_destroy(message);
  }
  MessageChunk(const MessageChunk&) = delete;
  MessageChunk& operator=(const MessageChunk&) = delete;
  std::vector<rd_kafka_message_t*>& messages() { return messages_; }

 private:
  std::shared_ptr<Client> client_;
  std::vector<rd_kafka_message_t*> messages_;
};

// Appends a view of the message; it must live as long as the batch (hold its chunk).
class MessageReader {
 public:
  void append(Batch& batch, const rd_kafka_message_t* message);
  // All of them; made for messages that lie apart in memory.
  void append_all(Batch& batch, const std::vector<rd_kafka_message_t*>& messages);

 private:
  const rd_kafka_topic_t* last_topic_ = nullptr;
  std::string_view last_name_;
};

// Takes what is in the queue, at most `limit`; where it is empty waits up to `wait` for the first one. Never
// waits to fill.
void take_messages(rd_kafka_queue_t* queue, std::vector<rd_kafka_message_t*>& into, size_t limit,
                   Millis wait);

}  // namespace kutils::kafka
