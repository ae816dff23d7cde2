// Random numbers that are the same on every machine: the standard's engine, without its distributions, which
// differ by library.
#pragma once

#include <cstdint>
#include <random>

namespace kutils {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t below(uint64_t n) { return engine_() % n; }
  // From `low` to `high`, both in.
  int64_t between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(below(static_cast<uint64_t>(high - low) + 1));
  }
  bool chance(uint64_t percent) { return below(100) < percent; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace kutils
