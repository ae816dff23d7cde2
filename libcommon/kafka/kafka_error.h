// Kafka's errors by what a program can do about them. Sorted by librdkafka's own flags, never by name alone
// (rule 4): retriable - the same call again; abort - abort the transaction, rewind, go on; fatal -
// this client is finished, destroy and rebuild it or end the program.
#pragma once

#include <string>

#include "base/error.h"

namespace kutils::kafka {

enum class Severity { retriable, abort, fatal };

class KafkaError : public Error {
 public:
  KafkaError(ExitCode exit_code, Severity severity, int code, const std::string& message,
             std::string hint = {})
      : Error(exit_code, message, std::move(hint)), severity_(severity), kafka_code_(code) {}
  Severity severity() const { return severity_; }
  int kafka_code() const { return kafka_code_; }  // rd_kafka_resp_err_t
  // Another holder of our transactional id or instance id was seen: INVALID_PRODUCER_EPOCH,
  // FENCED_INSTANCE_ID, PRODUCER_FENCED, librdkafka's own _FENCED. Not always a rival (rule 11).
  bool is_fencing() const {
    return kafka_code_ == 47 || kafka_code_ == 82 || kafka_code_ == 90 || kafka_code_ == -144;
  }
  // UNKNOWN_TOPIC_OR_PARTITION, librdkafka's own _UNKNOWN_TOPIC and _UNKNOWN_PARTITION.
  bool is_unknown_topic() const { return kafka_code_ == 3 || kafka_code_ == -188 || kafka_code_ == -190; }
  // The cluster lets us in, but not to this topic, group, transactional id or order.
  bool is_not_authorized() const {
    return kafka_code_ == 29 || kafka_code_ == 30 || kafka_code_ == 31 || kafka_code_ == 53;
  }
  // A position that is not in the log (any more): librdkafka's _AUTO_OFFSET_RESET.
  bool is_offset_gone() const { return kafka_code_ == -140; }
  // No broker answered, or none that can say: librdkafka's _ALL_BROKERS_DOWN, _TIMED_OUT, _TRANSPORT,
  // _MSG_TIMED_OUT, _WAIT_COORD; REQUEST_TIMED_OUT, NETWORK_EXCEPTION, the coordinator loads, is not there,
  // or elsewhere.
  bool is_unanswered() const {
    const int code = kafka_code_;
    return code == -187 || code == -185 || code == -195 || code == -192 || code == -180 || code == 7 ||
           (code >= 13 && code <= 16);
  }

 private:
  Severity severity_;
  int kafka_code_;
};

}  // namespace kutils::kafka
