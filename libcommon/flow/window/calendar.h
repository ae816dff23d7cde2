// Days, weeks (from Monday) and months as they are in a time zone: 23 or 25 hours long where clocks change.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "flow/window/time_windows.h"
#include "flow/window/window_spec.h"

namespace kutils::flow {

// Throws usage_error if the machine's time zone database does not know it.
void check_zone(const std::string& zone);

// REQUIRES: spec.is_calendar().
std::unique_ptr<TimeWindows> make_calendar_windows(const WindowSpec& spec);

}  // namespace kutils::flow
