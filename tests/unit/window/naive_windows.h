// The rules of windows as plainly as they can be written: every record is kept, every window
// is made again for each record. For comparison with the real stages.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "flow/window/window_stage.h"

namespace kutils::flow {

struct NaiveRecord {
  std::string key;
  int64_t value = 0;
  int64_t time = 0;
};

struct WindowResult {
  size_t at = 0;  // index of the record that caused it
  std::string key;
  int64_t start = 0, end = 0;
  std::string value;  // of collect(), or "deleted"
  int64_t time = 0;
  friend auto operator<=>(const WindowResult&, const WindowResult&) = default;
  friend bool operator==(const WindowResult&, const WindowResult&) = default;
};

// What --emit update or close gives; the end of input closes all if `close_at_end`. `late` counts late
// records.
std::vector<WindowResult> naive_windows(const WindowSpec& window, int64_t grace, Emit emit,
                                        const std::vector<NaiveRecord>& records, bool close_at_end,
                                        size_t& late);

}  // namespace kutils::flow
