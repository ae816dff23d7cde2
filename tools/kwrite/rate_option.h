// --rate of the tools that read lines.
#pragma once

#include <optional>

#include "cli/option_table.h"
#include "flow/topology/job.h"

namespace kutils {

void declare_rate(cli::OptionTable& options, std::optional<double>& rate);
// After make_job(): the job's lines are read no quicker. Throws usage_error where IN is a topic.
void set_rate(flow::Job& job, const std::optional<double>& rate);

}  // namespace kutils
