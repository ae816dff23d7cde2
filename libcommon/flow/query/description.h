// What the rows of an operator are, kept in its meta row (state/meta.h), so that a state can be read without
// the command line that made it. One JSON object; kutils-state(5) has the fields,
// tests/unit/query/description_test.cc frozen bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/aggregate/aggregate_set.h"
#include "flow/window/window_spec.h"

namespace kutils::flow {

struct StateDescription {
  std::string tool = {};                    // "ktable"
  std::string output = {};                  // OUT, a topic; empty: lines
  std::vector<std::string> key_names = {};  // of the output's key fields; none: --total
  std::vector<AggregateItem> aggregates =
      {};  // name, function, parameters; the rest is not needed to read rows
  RowColumns columns = {};
  std::optional<WindowSpec> window = {};  // nullopt: a table
  int64_t grace = 0;                      // ms
  bool times_as_ms = false;               // --time-format ms
};

std::string to_text(const StateDescription& description);
// nullopt: not of this form (rows that cannot be shown, or of a newer kutils).
std::optional<StateDescription> parse_description(std::string_view text);

}  // namespace kutils::flow
