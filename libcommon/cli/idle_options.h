// Options that would say nothing between the endpoints that are given. They are refused: what is passed over
// in silence leaves its user with another result than the one that was asked for.
//
// What stays allowed everywhere is where and as whom a tool works (-b, -X, -F, --state-dir, --http): scripts
// give that to all of their tools.
#pragma once

#include <set>
#include <string>

#include "flow/topology/job.h"
#include "io/line_format.h"

namespace kutils::cli {

struct OptionUse {
  const flow::Job& job;
  const io::LineFormat& in;   // of lines read
  const io::LineFormat& out;  // of lines written
  bool has_input = true;      // kgen has none
  bool time_is_read = false;  // --time is an expression
};

// Whether an output shows a record's key.
bool shows_key(const OptionUse& use);

// `given`: names of options, as the tables declare them; other names are no affair of this. Throws
// usage_error for the first that does nothing.
void refuse_idle_options(const std::set<std::string>& given, const OptionUse& use);

}  // namespace kutils::cli
