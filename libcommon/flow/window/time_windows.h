// Windows that time alone defines, whatever records there are: tumbling, hopping, calendar. [start, end), ms.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
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

// The year 30,000: calendars know years of 16 bits only.
constexpr int64_t kLastCalendarTime = 884'541'340'800'000;

// Appends bytes that are the same for times in the same windows. False: the time is in none. A copy shares
// nothing with its original.
class PlaceInWindows {
 public:
  explicit PlaceInWindows(const WindowSpec& spec) : spec_(spec), windows_(make_time_windows(spec)) {}
  PlaceInWindows(const PlaceInWindows& other) : PlaceInWindows(other.spec_) {}
  PlaceInWindows(PlaceInWindows&&) = default;
  PlaceInWindows& operator=(const PlaceInWindows&) = delete;
  bool operator()(int64_t time, std::string& place);

 private:
  const WindowSpec spec_;
  std::unique_ptr<TimeWindows> windows_;
  std::vector<TimeWindow> found_;
};

}  // namespace kutils::flow
