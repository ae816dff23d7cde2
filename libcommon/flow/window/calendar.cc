#include "flow/window/calendar.h"

#include <date/tz.h>

#include "base/error.h"

namespace kutils::flow {
namespace {

const date::time_zone* find_zone(const std::string& zone) {
  try {
    return date::locate_zone(zone);
  } catch (const std::exception&) {
    throw usage_error("--tz: the time zone '" + zone + "' is not known",
                      "names are as in /usr/share/zoneinfo: Europe/Berlin");
  }
}

class CalendarWindows final : public TimeWindows {
 public:
  CalendarWindows(WindowSpec::Kind kind, const date::time_zone* zone) : kind_(kind), zone_(zone) {}

  void windows_of(int64_t time, std::vector<TimeWindow>& windows) override {
    if (time < last_.start || time >= last_.end) last_ = around(time);
    windows.assign(1, last_);
  }
  int64_t end_of(int64_t start) override { return around(start).end; }

 private:
  TimeWindow around(int64_t time) const {
    const TimeWindow window = of_local_day(time);
    // Where clocks go back over midnight (from 00:01 to 23:01), what comes again of the day before lies in
    // the next window, which has begun.
    return time < window.end ? window : of_local_day(window.end);
  }
  // The window of the local date at `time`.
  TimeWindow of_local_day(int64_t time) const {
    using Ms = std::chrono::milliseconds;
    const auto local = zone_->to_local(date::sys_time<Ms>(Ms(time)));
    const auto day = date::floor<date::days>(local);
    date::local_days first = day, next = day + date::days(1);
    if (kind_ == WindowSpec::Kind::week) {
      first = day - (date::weekday(day) - date::Monday);
      next = first + date::days(7);
    } else if (kind_ == WindowSpec::Kind::month) {
      const date::year_month_day ymd(day);
      first = date::local_days(ymd.year() / ymd.month() / 1);
      next = date::local_days((ymd.year() / ymd.month() + date::months(1)) / 1);
    }
    return {midnight(first), midnight(next)};
  }
  // Where clocks jump over midnight the day begins after the jump; where it comes twice, at the first.
  int64_t midnight(date::local_days day) const {
    const auto instant =
        zone_->to_sys(date::local_time<std::chrono::milliseconds>(day), date::choose::earliest);
    return instant.time_since_epoch().count();
  }

  WindowSpec::Kind kind_;
  const date::time_zone* zone_;
  TimeWindow last_{0, 0};
};

}  // namespace

void check_zone(const std::string& zone) { find_zone(zone); }

std::unique_ptr<TimeWindows> make_calendar_windows(const WindowSpec& spec) {
  return std::make_unique<CalendarWindows>(spec.kind, find_zone(spec.zone));
}

}  // namespace kutils::flow
