// Where on topics to begin and to end: -o in kcat's words and rpk's ranges, --since, --until, --tail, -e.
//
//   -o beginning|start | end | stored | N | +N | -N | s@T | e@T | s@T:e@T     (start; e@: end)
//   -o A:B | A: | :B | @T1:T2 | @T: | :@T | :end                            (ranges; B is not read)
// N is an offset, +N counts from the beginning, -N back from the end. T is an ISO time, ms since the epoch,
// `now`, `today`, `yesterday`, a time of day (`09:00`), or a duration before now (`-48h`, `1w`); a plain
// duration as T2 counts from T1 (`@-48h:1h`). Everything is turned into offsets of each partition once,
// before the first record.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time_format.h"
#include "io/record_search.h"
#include "kafka/admin.h"

namespace kutils::io {

// A line of the tables that messages and the man page are made from: how a place or a time is written.
struct WhereForm {
  const char* text;
  const char* doc;
};
std::span<const WhereForm> where_forms();
std::span<const WhereForm> time_forms();

// As written on the command line.
struct Range {
  std::string from;                 // -o
  std::string since;                // --since
  std::string until;                // --until
  std::optional<int64_t> tail;      // --tail: records, over all partitions
  std::vector<int32_t> partitions;  // -p; empty: all
  bool exit_at_end = false;         // -e
  Zone zone = Zone::utc;            // --local: of times that name no zone
};

// One end of a range, before the cluster was asked.
struct Place {
  enum class Kind {
    beginning,
    end,          // what is the end now
    offset,       // value
    after_begin,  // value records after the beginning
    before_end,   // value records before the end
    time,         // value: the first record at or after this time, ms
  } kind = Kind::beginning;
  int64_t value = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

struct RangePlaces {
  Place from;
  std::optional<Place> to;
};

// Needs no cluster, so that the command line is checked before anything opens. Throws usage_error that shows
// the grammar.
RangePlaces parse_range(const Range& range, int64_t now_ms);

// "2 hours ago", "1hour", "5 min": the duration that is meant, as ours are written; "" where it is none.
std::string duration_in_words(std::string_view text);

// kcat's `-o s@A -o e@B`, in either order: s@A:e@B, one range; "" for others.
std::string start_and_end(const std::vector<std::string>& places);

// `0,2,4-7`: the argument of -p.
std::vector<int32_t> parse_partitions(const std::string& text);

// Where to read one partition: from the first offset, up to but without the end.
struct PartitionRange {
  kafka::TopicPartition at;
  int64_t from = 0;
  std::optional<int64_t> end;  // nullopt: without end
  int64_t deleted_from = -1;   // where it was to begin, if that is gone; -1: it is not
};

// For the note that says so.
std::string deleted_text(const PartitionRange& range);

// For each of `partitions`. `stored` means the beginning here: who has a group asks this only where nothing
// is stored.
// `--tail` and times are about records, and so looked up with a reader (record_search.h); without one --tail
// counts offsets of each partition, and the broker's answer about a time is taken as it is. Throws
// usage_error for an offset beyond the end of every partition.
std::vector<PartitionRange> resolve_range(kafka::Admin& admin, const Range& range,
                                          const std::vector<kafka::TopicPartition>& partitions,
                                          int64_t now_ms, const MakeReader& make_reader = nullptr);

}  // namespace kutils::io
