#include "flow/run/progress.h"

#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>

#include "base/duration.h"
#include "base/foreground.h"

namespace kutils::flow {
namespace {

constexpr int64_t kEveryUs = 500'000;

std::string short_number(double n) {
  constexpr std::array<const char*, 4> units = {"", "k", "M", "G"};
  size_t unit = 0;
  while (n >= 1000 && unit + 1 < units.size()) {
    n /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit > 0 && n < 10 ? "%.1f%s" : "%.0f%s", n, units[unit]);
  return text.data();
}

}  // namespace

Progress::Progress(std::string tool, bool enabled, const Clock& clock)
    : tool_(std::move(tool)), enabled_(enabled), clock_(clock), last_us_(clock.steady_us()) {}

std::string Progress::describe(double per_second, std::optional<int64_t> lag) {
  std::string text = short_number(per_second) + "/s";
  if (!lag) return text;
  text += ", lag " + short_number(static_cast<double>(*lag));
  if (*lag > 0 && per_second >= 1) {
    const auto left = std::chrono::seconds(std::llround(std::ceil(static_cast<double>(*lag) / per_second)));
    text += ", " + format_duration(left) + " left";
  }
  return text;
}

void Progress::update(uint64_t records, std::optional<int64_t> lag) {
  if (!enabled_) return;
  const int64_t now = clock_.steady_us();
  if (now - last_us_ < kEveryUs) return;
  const double per_second =
      static_cast<double>(records - last_records_) * 1e6 / static_cast<double>(now - last_us_);
  last_us_ = now;
  last_records_ = records;
  if (!is_in_foreground(STDERR_FILENO)) {
    drawn_ = false;  // the shell has gone on behind it
    return;
  }
  const std::string line = "\r\033[K" + tool_ + ": " + describe(per_second, lag);
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  drawn_ = true;
}

void Progress::wipe() {
  if (!drawn_) return;
  drawn_ = false;
  if (!is_in_foreground(STDERR_FILENO)) return;
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, "\r\033[K", 4);
}

}  // namespace kutils::flow
