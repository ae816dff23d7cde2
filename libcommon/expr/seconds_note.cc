#include "expr/seconds_note.h"

#include "base/time_format.h"

namespace kutils::expr {
namespace {

// As seconds from 2001 to 2099; as milliseconds 11 to 48 days after the epoch.
constexpr int64_t kFrom = 978'307'200, kUntil = 4'102'444'800;
constexpr int64_t kMillisecond = 1'000'000;

}  // namespace

void SecondsNote::say(const Value& value, int64_t ms, int64_t unit_ns) const {
  const bool is_number =
      value.kind() == Kind::integer || value.kind() == Kind::unsigned_integer || value.kind() == Kind::real;
  if (!is_number || unit_ns != kMillisecond || ms < kFrom || ms >= kUntil) return;
  warn_(what_ + ": the first time is " + std::to_string(ms) + " ms since the epoch, " + format_iso_ms(ms) +
        ", and looks like seconds, " + format_iso_ms(ms * 1000) +
        "\n  if it counts seconds, add: --time-unit s");
}

}  // namespace kutils::expr
