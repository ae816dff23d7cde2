// Kafka's errors by what a program can do about them. Sorted by librdkafka's own flags, never by name alone
// (protocol.md, 4): retriable - the same call again; abort - abort the transaction, rewind, go on; fatal - this client
// is finished, destroy and rebuild it or end the program.
#pragma once

#include <string>

#include "base/error.h"

namespace kutils::kafka {

enum class Severity { retriable, abort, fatal };

class KafkaError : public Error {
 public:
  KafkaError(ExitCode exit_code, Severity severity, int code, const std::string& message, std::string hint = {})
      : Error(exit_code, message, std::move(hint)), severity_(severity), kafka_code_(code) {}
  Severity severity() const { return severity_; }
  int kafka_code() const { return kafka_code_; }  // rd_kafka_resp_err_t

 private:
  Severity severity_;
  int kafka_code_;
};

}  // namespace kutils::kafka
