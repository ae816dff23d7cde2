// Windows that time alone defines, whatever records there are: tumbling, hopping, calendar. [start, end), ms.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "flow/window/window_spec.h"

namespace kutils::flow {

struct TimeWindow {
  int64_t start = 0;
  int64_t end = 0;
};

class TimeWindows {
 public:
  virtual ~TimeWindows() = default;
  // Those that `time` lies in, in order of start. Replaces what is in `windows`. REQUIRES: time >= 0.
  virtual void windows_of(int64_t time, std::vector<TimeWindow>& windows) = 0;
  virtual int64_t end_of(int64_t start) = 0;
};

// REQUIRES: spec.is_aligned().
std::unique_ptr<TimeWindows> make_time_windows(const WindowSpec& spec);

}  // namespace kutils::flow
