// Joins as pure logic over (records, state, time). kjoin(1) says what they promise.
//
// One stage per partition takes the records of both sides (side.h), in any order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "flow/join/join_result.h"
#include "flow/join/lookup_table.h"
#include "flow/join/match_counts.h"
#include "flow/topology/stage.h"
#include "state/store.h"

namespace kutils::flow {

// Stream-stream: which records may be a pair, and until when a record waits for its match.
struct JoinSpan {
  int64_t before = 0;    // ms: l.ts - before <= r.ts <= l.ts + after
  int64_t after = 0;     // ms
  int64_t tumbling = 0;  // ms: instead, both in the same window of this size; 0: by the two above
};

struct JoinOptions {
  std::string right_topic;
  bool is_self = false;           // each record is a left one and a right one
  bool sides_in_headers = false;  // records of other topics came through an internal topic
  // Behind an internal topic that carries both sides: partitions whose times are told apart (rule 27), of these
  // topics if they are several.
  int32_t sources = 1;
  std::vector<std::string> source_topics = {};
  JoinType type;
  JoinFormat format;

  // Stream-stream.
  JoinSpan span;
  int64_t grace = 0;                 // ms
  std::optional<int64_t> max_ahead;  // ms: a time further ahead of the clock is a record error
  std::optional<int64_t> idle;       // ms of silence after which stream time moves on

  // Stream-table: versions of rows are kept this long for records out of order; 0: the newest row only.
  int64_t table_grace = 0;
  // What of a left record names the row, where it is not the record's key.
  // A foreign key: what of a left row names the right one.
  std::string on;
  // A foreign key: whose record a left row is, in messages and dead letters.
  std::string left_topic = {};

  std::shared_ptr<MatchCounts> counts =
      nullptr;  // of a stream and a table, or of two streams; null: not counted

  size_t cache_bytes = size_t{2} << 20;  // decoded rows kept between commits; the store keeps encoded ones
};

// Pairs of records of two streams that are close in time. Every pair once; a record without a match once, when
// it can have none any more, and never one that had a match. A record is closed iff ts + reach + grace < stream
// time (reach: `after` for the left, `before` for the right); one that is closed when it comes is late. Every
// record moves stream time first. Closed records leave the store. `clock` may be null without max_ahead.
std::unique_ptr<Stage> make_stream_join(const JoinOptions& options, state::Store& store, const Clock* clock);

// Each record of a stream with the row of the right's table, as the rows arrived, or with table_grace as of
// the record's time.
std::unique_ptr<Stage> make_stream_table_join(const JoinOptions& options, state::Store& store);

// Each record of a stream with the row that is in `table` when it is processed. It has no state; each record is
// a left one.
std::unique_ptr<Stage> make_lookup_join(const JoinOptions& options, std::shared_ptr<LookupTable> table);

// Two tables' rows of one key. A change of either is a change of the result; a deletion is told only where a
// result stood.
std::unique_ptr<Stage> make_table_join(const JoinOptions& options, state::Store& store);

}  // namespace kutils::flow
