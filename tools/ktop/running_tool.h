// A tool that runs with --http, as its /metrics and its health say.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/http.h"

namespace kutils::ktop {

// One line of Prometheus' text format.
struct Figure {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};
// Lines that are none are passed over.
std::vector<Figure> parse_figures(std::string_view text);

struct RunningTool {
  std::string address;  // as it is written in --http
  std::string tool;     // empty: it did not answer
  std::string group;    // empty: it has none
  std::string status;   // "ok", "restoring", ...; "no answer"
  std::vector<Figure> figures;

  // The sum of all lines of that name, such as "kutils_records_in_total"; with `label` of those that have it.
  std::optional<double> sum(std::string_view name, std::string_view label = {},
                            std::string_view of = {}) const;
};

// Never throws: a tool that does not answer has that as its status.
RunningTool ask_tool(const serve::HttpAddress& address, const std::string& token);

}  // namespace kutils::ktop
