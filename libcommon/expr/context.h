// What an evaluation works with: the record, local variables, memory for results, and the limits.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/clock.h"
#include "base/signal.h"
#include "data/codec.h"
#include "data/json_fields.h"
#include "data/record.h"
#include "expr/value.h"

namespace kutils::expr {

// The bounds of one evaluation. Beyond them it fails with an error that nothing absorbs.
constexpr uint64_t kMaxSteps = 10'000'000;              // see steps()
constexpr uint64_t kMaxResultBytes = 64 * 1024 * 1024;  // memory for computed strings, lists, maps and errors
constexpr size_t kStepBytes = 256;        // of strings, lists and maps that are worked through: one step
constexpr uint32_t kStepOperations = 32;  // within a turn of a comprehension: one step

constexpr uint64_t kLookSteps = 65'536;  // between two checks for a signal

// Thrown by charge() and steps(); caught where the evaluation began.
struct LimitExceeded {
  std::string_view message;
};

// Throws LimitExceeded beyond kMaxLevels.
void check_levels(uint32_t levels);

struct JsonReader;  // json_reader.h
struct RegexCache;  // compiled patterns that are not constant

class Context {
 public:
  Context();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Memory until the arena is reset. Throws LimitExceeded.
  char* allocate(size_t bytes) {
    charge(bytes);
    return arena.allocate(bytes);
  }
  template <typename T>
  T* allocate_array(size_t n) {
    if (n > kMaxResultBytes) charge(kMaxResultBytes + 1);
    return reinterpret_cast<T*>(allocate(n * sizeof(T)));
  }
  void charge(size_t bytes) {
    used_bytes += bytes;
    if (used_bytes > kMaxResultBytes)
      throw LimitExceeded{"the expression uses more than 64 MiB for one record"};
  }
  // Counts the iterations of comprehensions and of list functions, and other work that takes as long. Throws
  // LimitExceeded, and Interrupted kStopTimeoutUs after a signal.
  void steps(uint64_t n = 1) {
    used_steps += n;
    if (used_steps >= next_look) look();
  }
  void work_through(size_t bytes) { steps(bytes / kStepBytes); }
  // Counts a sort of n values with `bytes` in total: a sort compares each value about log n times.
  void sorting(size_t n, size_t bytes) {
    const auto times = static_cast<uint64_t>(std::bit_width(n));
    steps(n / kStepOperations * times + bytes / kStepBytes * times);
  }
  void restart() {
    used_bytes = used_steps = 0;
    next_look = kLookSteps;
  }

  Value string(std::string_view text) { return Value::string(copy(text)); }
  Value bytes(std::string_view text) { return Value::bytes(copy(text)); }
  std::string_view copy(std::string_view text) {
    char* to = allocate(text.size());
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }
  Value list(const std::vector<Value>& items);
  // Takes the array, which must live in the arena. Of lists and maps: throws LimitExceeded also if the text
  // of the whole would be longer than kMaxResultBytes.
  Value list(const Value* items, size_t n);
  // The entries must live in the arena. A repeated key: the last value wins if `last_wins`, else an error.
  Value map(MapEntry* entries, size_t n, bool last_wins);
  Value some(const Value& value);  // an optional that holds it
  static Value none() { return Value::optional(nullptr); }
  Value address(Kind kind, const AddressValue& address);

  // An error whose place the calling operation fills in. Throws LimitExceeded.
  Value fail(Reason reason, std::string_view message);
  Value fail(std::string_view message) { return fail(Reason::expression, message); }

  // JSON text to a value. The text must outlive it. `error`: what is wrong with it. A number beyond a double
  // is an infinity with its text.
  Value json(std::string_view text);

  double random();         // [0, 1)
  uint64_t random_bits();  // splitmix64

  // The record, set by Expressions::bind(). `fields` is null where no record is bound.
  const FieldReader* fields = nullptr;
  const Record* record = nullptr;
  Reason no_fields = Reason::missing_field;  // why every field is missing, if the value is no object
  std::string_view value_text;               // the value decoded; `value_form` says what it is
  std::string_view key_text;
  DecodedForm value_form = DecodedForm::json;
  DecodedForm key_form = DecodedForm::string;
  bool key_guessed = true;          // no --key-codec: bytes if it is not UTF-8
  std::vector<Value> opened;        // by slot: lists and maps that were opened already
  std::vector<uint64_t> opened_at;  // the record that `opened` belongs to
  uint64_t record_number = 0;
  Value whole_value;
  uint64_t whole_value_at = 0;
  Value headers;
  uint64_t headers_at = 0;

  Arena arena;
  uint64_t used_bytes = 0;
  uint64_t used_steps = 0;
  uint64_t next_look = kLookSteps;
  const StopRequest* stop = nullptr;  // the process's
  int64_t stop_seen_us = 0;
  bool shares_limits = false;  // an evaluation goes on with the steps and memory of the one before
  uint64_t random_state = 0;
  const Clock* clock = nullptr;
  bool strict_numbers = false;  // CEL without our addition: int, uint and double do not mix
  std::vector<Value> locals;
  std::unique_ptr<JsonReader> json_reader;
  std::unique_ptr<RegexCache> regexes;

 private:
  void look();
  Value json(std::string_view read, std::string_view text);
};

}  // namespace kutils::expr
