// --time-unit: what a number given by --time counts.
#pragma once

#include <cstdint>
#include <string>

namespace kutils::cli {

constexpr int64_t kDefaultTimeUnitNs = 1'000'000;  // ms

// Nanoseconds of "ns", "us", "ms" or "s". Throws usage_error for anything else.
int64_t parse_time_unit(const std::string& text);
// The other way round.
std::string time_unit_name(int64_t ns);

}  // namespace kutils::cli
