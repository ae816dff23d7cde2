// Questions to the rows of a table or of windows: one key, a prefix, all; windows in a range or at a time;
// what changed since then.
//
// Over committed rows only. The same code answers for the state of a stopped tool (kquery) and for a live one
// (serve/).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "flow/aggregate/row_shape.h"
#include "flow/query/description.h"
#include "flow/window/window_output.h"
#include "state/backend.h"

namespace kutils::flow {

struct Query {
  // Rows of these keys only; a key of several parts is a JSON list. Of numbers `40.0` is `40`, as in groups.
  std::vector<std::string> keys;
  std::optional<std::string> prefix;   // rows whose key begins so
  std::optional<int64_t> from, until;  // ms: windows with from <= start < until
  enum class At {
    any,
    now,
    current,
    time
  } at = At::any;  // windows that hold the wall time, stream time, `at_ms`
  int64_t at_ms = 0;
  std::optional<int64_t>
      delta;  // ms: the change since then, instead of the values; without `at`: up to stream time
  bool names_rows() const { return !keys.empty() || prefix.has_value(); }
};

// The options' texts, also an HTTP request's parameters; empty: not given. Throws usage_error. `now_ms` is
// wall time.
void set_range(Query& query, const std::string& from, const std::string& until, int64_t now_ms);
void set_at(Query& query, const std::string& at, int64_t now_ms);
void set_delta(Query& query, const std::string& delta);

class TableQuery {
 public:
  // Throws usage_error if the question does not fit the rows: windows are asked of a table.
  TableQuery(StateDescription description, Query query);
  ~TableQuery();

  // Return false to end the walk. Views live until it returns.
  using TakeRow = std::function<bool(MaybeBytes key, std::string_view json, int64_t timestamp)>;
  // The rows of one partition; `stream_time` is the operator's there (kNoTime: none yet). Throws
  // state::CorruptState. False: `take` ended it.
  bool run(state::Cursor& rows, uint8_t op, int64_t stream_time, int64_t now_ms, const TakeRow& take);
  // Of the keys asked for (or the prefix), those without a row in all runs so far.
  std::vector<std::string> missing() const;
  // Where rows of the keys lie, if murmur2 of a key chose among `count` partitions. Empty: no keys are asked for.
  std::set<int32_t> partitions_of_keys(int32_t count) const;
  // Whether any run so far has found a row of the key.
  bool found_any() const { return found_any_; }

 private:
  class Walk;
  struct Seen;
  // Notes that the key has a row. False: the key only looks like one that the query asks for.
  bool note(const Seen& row);
  StateDescription description_;
  Query query_;
  AggregateSet set_;
  RowShape shape_;
  WindowOutput output_;
  std::vector<std::string> labels_;
  size_t asked_ = 0;  // the first keys of query_.keys, as asked for; their other spellings follow
  std::vector<size_t> spelling_of_;  // of each of these spellings: its key
  std::vector<bool> found_;
  bool found_any_ = false;
};

}  // namespace kutils::flow
