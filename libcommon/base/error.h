// What can go wrong, sorted by who has to act.
//
// - Error: ends the program (bad usage, no broker, failed delivery). Thrown; caught in one place,
//   cli::run_tool(), which prints it and returns its exit code. Library code never exits.
// - RecordError: one record cannot be processed. A value, handed to the run loop, which applies --on-error.
//
// Kafka's own errors are sorted in kafka/kafka_error.h.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>

namespace kutils {

// The exit codes promised to shell scripts. Signals end with 128 + n, as the shell expects.
enum class ExitCode : int {
  ok = 0,
  answer_is_no = 1,  // kdiff differs, klag above, key absent, --exit-status and nothing came out
  usage = 2,  // usage, configuration, expression, group or topic not as needed: before any record is read
  connection = 3,  // cannot connect, not authorised
  bad_record = 4,  // a record that cannot be processed, under --on-error fail or report
  delivery = 5,    // delivery or transaction failed, fenced, a sink or state that cannot be written
};

// `what()` says what, where and why; `hint` says what to do and may be empty.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message, std::string hint = {})
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}
  ExitCode code() const { return code_; }
  const std::string& hint() const { return hint_; }

 private:
  ExitCode code_;
  std::string hint_;
};

inline Error usage_error(const std::string& message, std::string hint = {}) {
  return Error(ExitCode::usage, message, std::move(hint));
}

// Why a record was not processed. Counted by reason in the closing summary and in the metrics; to_string()
// gives the word shown there.
enum class Reason {
  not_json,       // the value is no JSON, or broken JSON
  not_an_object,  // the value is JSON but has no fields
  missing_field,
  wrong_type,
  expression,   // any other failure of an expression: division by zero, overflow, ...
  not_boolean,  // a filter's result
  no_key,
  bad_time,          // absent, negative or unreadable time where time is used
  bad_codec,         // --key-codec or --value-codec cannot decode or encode
  bad_line,          // a line of the input is not in the input format
  too_large,         // larger than the output topic takes
  refused_by_topic,  // timestamp or missing key that the output topic does not take
  overflow,          // an aggregate left 64 bits
  not_expressible,   // the output format cannot hold it: a CSV row with other columns
  co_process,        // kmap '| CMD' failed or answered with the wrong number of lines
};
const char* to_string(Reason reason);

struct RecordError {
  Reason reason;
  std::string message;  // one line, or an expression with a caret below it; no record coordinates (the loop
                        // adds them)
};

// Either a T or the RecordError that took its place.
template <typename T>
class Result {
 public:
  Result(T value) : state_(std::move(value)) {}            // NOLINT: implicit on purpose
  Result(RecordError error) : state_(std::move(error)) {}  // NOLINT: implicit on purpose
  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  RecordError& error() { return std::get<1>(state_); }
  const RecordError& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, RecordError> state_;
};

}  // namespace kutils
