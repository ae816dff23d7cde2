#include "flow/window/time_windows.h"

#include "base/varint.h"
#include "flow/window/calendar.h"

namespace kutils::flow {
namespace {

// Starts are align + k * advance. k is never negative, but for the one window before `align`, or the first
// records would be in none.
class HoppingWindows final : public TimeWindows {
 public:
  explicit HoppingWindows(const WindowSpec& spec)
      : size_(spec.size),
        advance_(spec.advance),
        align_(spec.align),
        first_(align_ == 0 ? 0 : align_ - advance_) {}

  void windows_of(int64_t time, std::vector<TimeWindow>& windows) override {
    windows.clear();
    // align_ < advance_, so that this is the floor also for times before it.
    const int64_t last = align_ + (time - align_ + advance_) / advance_ * advance_ - advance_;
    const int64_t reach = (size_ - 1) / advance_ * advance_;
    for (int64_t start = last - reach; start <= last; start += advance_)
      if (start >= first_ && time < start + size_) windows.push_back({start, start + size_});
  }
  int64_t end_of(int64_t start) override { return start + size_; }

 private:
  const int64_t size_, advance_, align_, first_;
};

}  // namespace

std::unique_ptr<TimeWindows> make_time_windows(const WindowSpec& spec) {
  if (spec.is_calendar()) return make_calendar_windows(spec);
  return std::make_unique<HoppingWindows>(spec);
}

bool PlaceInWindows::operator()(int64_t time, std::string& place) {
  if (time < 0 || (spec_.is_calendar() && time > kLastCalendarTime)) return false;
  windows_->windows_of(time, found_);
  if (found_.empty()) return false;
  put_ordered(place, found_.front().start);
  put_ordered(place, found_.back().start);
  return true;
}

}  // namespace kutils::flow
