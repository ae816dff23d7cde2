// Lines that are envelopes and would be read as values, so that their keys, headers and times are lost.
#pragma once

#include <functional>
#include <string>

#include "cli/given_command.h"

namespace kutils::cli {

// What LineFormat::found_envelope does where no option says how lines are read: throws usage_error if the first line surely
// is one, else a note of `tool`, which `quiet` leaves out. `is_both`: -J would not change how lines are written otherwise than
// wanted. `given`, from which the hints are made: null, or used during the call alone.
std::function<void(bool surely)> envelope_refusal(const GivenCommand* given, const std::string& tool,
                                                  bool quiet, bool is_both);

}  // namespace kutils::cli
