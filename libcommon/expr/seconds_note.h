// Seconds since the epoch where milliseconds are expected: a time in January 1970, which hardly anybody means.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "expr/value.h"

namespace kutils::expr {

class SecondsNote {
 public:
  // `what`: where the expression stands, --time. `warn` may be empty.
  SecondsNote(std::string what, std::function<void(const std::string&)> warn)
      : what_(std::move(what)), warn_(std::move(warn)) {}
  // The first time that the expression gave; those behind it are not looked at.
  void see(const Value& value, int64_t ms, int64_t unit_ns) {
    if (!warn_) return;
    say(value, ms, unit_ns);
    warn_ = nullptr;
  }

 private:
  void say(const Value& value, int64_t ms, int64_t unit_ns) const;

  std::string what_;
  std::function<void(const std::string&)> warn_;
};

}  // namespace kutils::expr
