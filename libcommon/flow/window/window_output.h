// Turns a window's result into an output record: `{"KEYNAME": …, "window_start": …, "window_end": …,
// aggregates…}`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/aggregate/aggregate_set.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

struct OutputFormat {
  std::vector<std::string> key_names{
      "key"};                  // several: the key is a JSON list, each element a field; none: --total
  bool windowed_key = false;   // the window's bounds are part of the record key
  bool bounds_in_key = false;  // sessions, sliding: also the end
  bool times_as_ms = false;    // --time-format ms; else ISO 8601 in UTC
};

class WindowOutput {
 public:
  WindowOutput(const AggregateSet& set, OutputFormat format);

  struct Window {
    std::string_view key;
    bool key_is_text = true;
    int64_t start = 0;
    int64_t end = 0;  // as shown: exclusive for tumbling, hopping, calendar, else the last instant
  };
  void emit(const Record* origin, const Window& window, int64_t time, const char* state, Emitter& out);
  // What was emitted for these bounds is no more.
  void retract(const Record* origin, const Window& window, Emitter& out);

 private:
  void begin(const Window& window);
  void send(const Record* origin, const Window& window, int64_t time, MaybeBytes value, Emitter& out);
  void append_time(int64_t ms, std::string& to) const;

  const AggregateSet& set_;
  OutputFormat format_;
  std::vector<std::string> key_labels_;  // `"name":`
  std::string value_;
  std::string key_;
};

// `"a":1,"b":"x",` for the group's key fields; nothing for --total.
void append_key_fields(std::string_view key, bool is_text, const std::vector<std::string>& labels,
                       std::string& out);
std::vector<std::string> make_labels(const std::vector<std::string>& names);

}  // namespace kutils::flow
