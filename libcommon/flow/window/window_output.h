// Turns a window's result into an output record: `{"KEYNAME": …, "window_start": …, "window_end": …,
// aggregates…}`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "flow/aggregate/aggregate_set.h"
#include "flow/aggregate/row_shape.h"
#include "flow/topology/stage.h"
#include "state/store.h"

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
  // Of a set with a condition (--having), where windows are emitted before they close: notes in `store` which
  // ones OUT has, so that one for which it holds no more is taken back, once. `closes_after`: ms from the end
  // that is shown to the time at which the window is closed. Store: kViewRow end start key -> (empty).
  void note_shown(state::Store& store, int64_t closes_after);
  // Forgets the windows that are closed at this stream time.
  void forget_closed(int64_t now);

  struct Window {
    std::string_view key;
    bool key_is_text = true;
    int64_t start = 0;
    int64_t end = 0;  // as shown: exclusive for tumbling, hopping, calendar, else the last instant
  };
  void emit(const Record* origin, const Window& window, int64_t time, const char* state, Emitter& out);
  // What was emitted for these bounds is no more. Not said of a window that was not shown.
  void retract(const Record* origin, const Window& window, Emitter& out);

 private:
  void begin(const Window& window);
  void take_back(const Record* origin, const Window& window, Emitter& out);
  bool was_shown(const Window& window);
  void find_first_end();
  void send(const Record* origin, const Window& window, int64_t time, MaybeBytes value, Emitter& out);
  void append_time(int64_t ms, std::string& to) const;

  const AggregateSet& set_;
  OutputFormat format_;
  std::vector<std::string> key_labels_;  // `"name":`
  RowShape shape_;
  state::Store* store_ = nullptr;  // note_shown()
  int64_t closes_after_ = 0;
  int64_t first_end_ = INT64_MAX;  // of the windows noted
  std::string shown_;              // the row of the window that was_shown() was asked about
  std::string value_;
  std::string key_;
};

// `"a":1,"b":"x",` for the group's key fields; nothing for --total.
void append_key_fields(std::string_view key, bool is_text, const std::vector<std::string>& labels,
                       std::string& out);
std::vector<std::string> make_labels(const std::vector<std::string>& names);

}  // namespace kutils::flow
