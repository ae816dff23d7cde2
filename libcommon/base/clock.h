// Time as a seam: everything that waits or asks for the time takes a Clock, and tests set one by hand.
#pragma once

#include <chrono>
#include <cstdint>

namespace kutils {

using Millis = std::chrono::milliseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t wall_ms() const = 0;    // since the Unix epoch
  virtual int64_t steady_us() const = 0;  // monotonic, origin unspecified
};

// The machine's clocks. Stateless; one object serves all.
class SystemClock final : public Clock {
 public:
  int64_t wall_ms() const override {
    return std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
  int64_t steady_us() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
};

// Stands still until told otherwise.
class ManualClock final : public Clock {
 public:
  int64_t wall_ms() const override { return wall_ms_; }
  int64_t steady_us() const override { return steady_us_; }
  void set_wall_ms(int64_t ms) { wall_ms_ = ms; }
  void advance(Millis by) {
    wall_ms_ += by.count();
    steady_us_ += by.count() * 1000;
  }

 private:
  int64_t wall_ms_ = 0;
  int64_t steady_us_ = 0;
};

}  // namespace kutils
