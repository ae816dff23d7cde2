// The progress line on a terminal: records per second, and lag with the time until it is gone where that is
// known. Drawn at most twice a second, wiped before anything else is said; not drawn while the process is
// in the background of a shell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"

namespace kutils::flow {

class Progress {
 public:
  Progress(std::string tool, bool enabled, const Clock& clock);
  ~Progress() { wipe(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(uint64_t records, std::optional<int64_t> lag);
  void wipe();
  // The text without the tool's name: `120k/s, lag 1.2M, 10s left`.
  static std::string describe(double per_second, std::optional<int64_t> lag);

 private:
  std::string tool_;
  bool enabled_;
  bool drawn_ = false;
  const Clock& clock_;
  int64_t last_us_;
  uint64_t last_records_ = 0;
};

// A log that wipes the progress line first.
class WipingLog final : public Log {
 public:
  WipingLog(Log& log, Progress& progress) : log_(log), progress_(progress) {}
  void note(std::string_view text) override {
    progress_.wipe();
    log_.note(text);
  }
  void error(std::string_view text) override {
    progress_.wipe();
    log_.error(text);
  }

 private:
  Log& log_;
  Progress& progress_;
};

}  // namespace kutils::flow
