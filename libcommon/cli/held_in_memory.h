// Tools that hold records back where there is no state to hold them.
#pragma once

#include <string>

#include "base/error.h"
#include "flow/topology/job.h"

namespace kutils::cli {

// From a topic to lines with a group, the group would take for done what is only in memory. `what` is held.
inline void refuse_lost_rows(const flow::Job& job, const std::string& what) {
  if (job.in.is_topic() && job.out.is_lines() && job.group_is_explicit)
    throw usage_error("-g " + job.group + ": " + what +
                          " is kept in memory only where OUT is lines, and a group's next run would miss it",
                      "leave -g out, or write to a topic");
}

}  // namespace kutils::cli
