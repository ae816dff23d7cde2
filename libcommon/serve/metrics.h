// What a run has done, for Prometheus: plain counters that the run loop's thread copies here, and the text
// made of them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "flow/run/report.h"

namespace kutils::serve {

struct Figures {
  flow::Report::Counts counts;
  std::optional<int64_t> lag;
  size_t partitions = 0;
  uint64_t commits = 0;
  uint64_t aborted = 0;
  uint64_t restarted = 0;
  struct Restore {
    uint64_t rows = 0;
    uint64_t total = 0;
    bool done = false;
  };
  std::map<int32_t, Restore> restores;  // by partition
};

// Prometheus' text format, version 0.0.4. `tool` and `group` (may be empty) become labels of each line.
std::string prometheus_text(const Figures& figures, const std::string& tool, const std::string& group);

}  // namespace kutils::serve
