// crontab(5)'s way to say when: `*/5 * * * *`, `@hourly`. Local time, as TZ says.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "io/source.h"

namespace kutils {

class Cron {
 public:
  // Whether the text is meant as one, and not as a duration.
  static bool is_meant(const std::string& text);
  // Throws usage_error; also if there is no such day within nine years (30 February). `what` names it.
  Cron(const std::string& text, const std::string& what);

  // The first minute after this time that matches; nullopt: none within nine years. An hour that the clock leaves out in spring
  // has no minutes, one that it repeats in autumn has them twice.
  std::optional<int64_t> next_after(int64_t ms) const;

 private:
  bool is_day(const struct tm& at) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<8> weekdays_;                     // 0 and 7: Sunday
  bool any_day_ = false, any_weekday_ = false;  // `*`: the other one alone decides
};

// Gives one batch of `inner` at each time; what falls into a pause is not caught up.
class CronSource final : public io::Source {
 public:
  // `clock`: null: the system's; else it outlives the source.
  CronSource(std::unique_ptr<io::Source> inner, Cron cron, const Clock* clock = nullptr)
      : inner_(std::move(inner)), cron_(std::move(cron)), clock_(clock != nullptr ? *clock : system_clock_) {}
  io::Fill poll(Batch& batch, Millis wait) override;

 private:
  SystemClock system_clock_;
  std::unique_ptr<io::Source> inner_;
  Cron cron_;
  const Clock& clock_;
  std::optional<int64_t> due_;
};

}  // namespace kutils
