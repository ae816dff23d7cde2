// What --on-error takes.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "flow/topology/job.h"

namespace kutils::cli {

// One line of the table that the parser, completion and the man page read.
struct OnErrorPolicy {
  std::string_view name;  // as written, `dead-letter:` in front of a topic
  flow::OnError::Policy policy;
  bool takes_topic;
  std::string_view doc;
};
std::span<const OnErrorPolicy> on_error_policies();

// Throws usage_error.
flow::OnError parse_on_error(const std::string& text);

}  // namespace kutils::cli
