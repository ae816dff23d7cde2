// What a topic's side answers to a record that was produced, beyond outages and permissions.
#pragma once

#include <string>
#include <utility>

#include "kafka/kafka_error.h"

namespace kutils::kafka {

// The topic takes no such record: MSG_SIZE_TOO_LARGE, INVALID_TIMESTAMP, INVALID_RECORD, POLICY_VIOLATION. What its
// settings refuse is found before a record is produced, so they were changed since they were read.
inline bool is_refused_by_settings(const KafkaError& error) {
  const int code = error.kafka_code();
  return code == 10 || code == 32 || code == 87 || code == 44;
}

// A topic that we write to was deleted and recreated, or it lost records.
class RecreatedTopic : public KafkaError {
 public:
  RecreatedTopic(const std::string& topic, const std::string& message, std::string hint)
      : KafkaError(ExitCode::usage, Severity::abort, 0, message, std::move(hint)), topic_(topic) {}
  const std::string& topic() const { return topic_; }

 private:
  std::string topic_;
};

}  // namespace kutils::kafka
