// A source's time reaches every partition of the internal topic, also those to which none of its records go
// (rule 27): otherwise windows there never close, always so where IN is keyed that way already.
//
// A mark is a record without key and value that carries pairs of headers: a source partition and its time.
// One mark names all sources of this worker that have moved. It is sent with a commit, to the partitions that
// have not received it yet:
//   - at once where a window could close, and then at most ten a second and partition;
//   - else so often that all workers of the group together write ten a second to each partition,
// so that with S sources shared by N workers a partition gets at most 10 * N marks a second, and 10 where no
// window could close. Its own time is the largest that is known of them: read in order of time (rule 28b), it
// comes behind the records that were written before it, and holds none of those behind it back.
//
// A source whose records are read but not passed on (a filter upstream drops them all) is marked idle after
// kSilentSourceMs, and again while this lasts: windows must not wait for it. Its next record ends the idle
// state. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/record.h"

namespace kutils::flow {

class SourceMarks {
 public:
  static constexpr int64_t kIntervalUs = 100'000;  // ten a second
  static constexpr int64_t kBurst = 10;            // where windows could close, so many may go in a row
  using NextClose = std::function<int64_t(int64_t time)>;
  using Write = std::function<void(int32_t partition, const Output& mark)>;

  // `sources`: partitions of IN, whoever reads them; `partitions`: of the internal topic. `next_close`: see
  // Job.
  SourceMarks(int32_t sources, int32_t partitions, NextClose next_close);

  // A record of `source` with this time was written to `partition`, which so knows the source's time.
  void wrote(int32_t source, int64_t time, int32_t partition);
  // Records of the source were read; wrote() was called before if any of them was passed on.
  void read(int32_t source, int64_t now_us);
  // Nothing of it is passed on, as whoever reads it says.
  void passes_nothing(int32_t source, int64_t now_us);
  // There are marks to write in a transaction opened for them.
  bool due(int64_t now_us) const { return waits_ && now_us >= due_us_; }
  // Also those that could wait: what is known here goes with the end of the run, or with the partition.
  bool any_untold() const { return waits_; }
  // The marks of the transaction that is about to commit. `all`: also those that could wait.
  void write(int64_t now_us, bool all, const Write& write);
  void committed();
  // What the transaction told was not told.
  void aborted();
  // The source is read by somebody else from here on.
  void forget(int32_t source);

 private:
  struct Source {
    int64_t time;
    int64_t time_before;        // the open transaction
    std::vector<int64_t> told;  // by partition of the internal topic
    bool wrote = false;         // since the last look
    int64_t wrote_us = 0;       // or when it was last marked idle
    bool is_idle = false;       // to be sent with the next marks
  };
  struct Told {
    int32_t source;
    int32_t partition;
    int64_t before;
  };
  struct Target {
    int64_t last_us = INT64_MIN / 2;
    int64_t paid_until_us = 0;  // of the burst
  };
  Source& source_of(int32_t number);
  void tell(int32_t number, Source& source, int32_t partition, int64_t time);
  void write_idle(const Write& write) const;
  bool could_close(const std::vector<int32_t>& sources, int32_t partition);

  const int32_t sources_;
  const NextClose next_close_;
  std::map<int32_t, Source> known_;
  std::vector<Target> targets_;
  std::vector<Told> told_;  // by the open transaction
  bool moved_ = false;      // since the last look
  bool waits_ = false;
  int64_t due_us_ = 0;
  int32_t last_number_ = -1;
  Source* last_ = nullptr;
};

// Whether a record of the internal topic is a mark. Records that were made of IN's carry an offset as well.
bool is_mark(const Record& record);
// Calls `each` with the sources and times in a mark; state::kNoTime: the source is idle.
void read_mark(const Record& mark, const std::function<void(int32_t source, int64_t time)>& each);

}  // namespace kutils::flow
