// What a run has done, for Prometheus: plain counters that the run loop's thread copies here, and the text
// made of them.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "flow/run/report.h"

namespace kutils::serve {

// How long commits took, as Prometheus' histograms count it.
struct CommitTimes {
  static constexpr std::array<double, 12> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                     0.1,   0.25,   0.5,   1,    2.5,   10};  // seconds
  std::array<uint64_t, kBounds.size() + 1> counts{};  // of each bucket alone; the last one has no bound
  double sum = 0;
  void add(double seconds);
};

// What the system says of this process.
struct ProcessFigures {
  double cpu_seconds = 0;
  uint64_t resident_bytes = 0;
};
ProcessFigures process_figures();

struct Figures {
  flow::Report::Counts counts;
  std::optional<int64_t> lag;
  size_t partitions = 0;
  uint64_t commits = 0;
  CommitTimes commit_times;
  std::optional<int64_t> record_time_ms;  // stream time: the largest of what was processed
  std::optional<uint64_t> state_bytes;
  ProcessFigures process;
  int64_t started_ms = 0;
  std::string version;
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
