// What happened to the records of a run: counts, and the messages about those that could not be processed.
// Of each kind (messages that differ in their values only are of one) the first is said in full, ten kinds in
// all; the rest is counted by reason and said at the end. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "data/record.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

// `clicks [2] @ 8841`, or `./clicks.ndjson line 12` (lines count from 1).
std::string describe_origin(const Record& origin);
// A command that shows the record: `kread -c 1 -p 2 -o 8841 clicks`. Empty for lines.
std::string show_command(const Record& origin);

class Report {
 public:
  explicit Report(Log& log) : log_(log) {}

  struct Counts {
    static constexpr size_t kDropReasons = static_cast<size_t>(DropReason::duplicate) + 1;
    uint64_t in = 0;
    uint64_t out = 0;
    uint64_t dead_letters = 0;
    uint64_t repeated = 0;  // records below the expected offset, dropped (rule 15)
    uint64_t failures = 0;
    std::array<uint64_t, kDropReasons> drops{};
    std::map<std::string, uint64_t> failures_by_reason;
    Counts& operator+=(const Counts& other);
  };
  // What an aborted transaction counted is counted again when its records come again: keep a copy, put it
  // back.
  Counts counts;

  void dropped(DropReason reason) { ++counts.drops[static_cast<size_t>(reason)]; }
  // `origin` is null for what a commit or a timer made. `last`: the one that ends the run, always said in full.
  // `result_of`: the key of a result that OUT refused. It is said once for each key: it grows, so that its
  // message differs each time.
  void failed(const Record* origin, const RecordError& error, bool last = false,
              std::optional<std::string_view> result_of = std::nullopt);
  uint64_t drops(DropReason reason) const { return counts.drops[static_cast<size_t>(reason)]; }

  // One line such as `1000 in, 480 out, 510 filtered, 10 failed: 7 missing field, 3 not JSON`.
  std::string summary() const;
  // Whether the summary says more than in, out and filtered.
  bool noteworthy() const;
  // Says the summary where it is worth it, or anyway. It is no note, which -q silences, where it alone tells
  // of failures.
  void say_summary(bool anyway);

 private:
  static constexpr uint64_t kInFull = 10;

  Log& log_;
  struct Said {
    std::string message;
    uint64_t again;
  };
  uint64_t shown_ = 0;                // in full
  uint64_t told_ = 0;                 // at all, before the summary
  std::map<std::string, Said> said_;  // by kind
};

}  // namespace kutils::flow
