#include "cli/time_unit.h"

#include "base/error.h"

namespace kutils::cli {
namespace {

struct Unit {
  const char* name;
  int64_t ns;
};
constexpr Unit kUnits[] = {{"ns", 1}, {"us", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000}};

}  // namespace

int64_t parse_time_unit(const std::string& text) {
  for (const Unit& unit : kUnits)
    if (text == unit.name) return unit.ns;
  throw usage_error("--time-unit: '" + text + "' is not a unit", "ns, us, ms or s");
}

std::string time_unit_name(int64_t ns) {
  for (const Unit& unit : kUnits)
    if (ns == unit.ns) return unit.name;
  return std::to_string(ns) + "ns";
}

}  // namespace kutils::cli
