// Tables: one row per group (ktable), over a stream or over a table; what a table's own records become behind
// a filter or a map; values held back until they are some time old (--emit after:D).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "flow/aggregate/aggregate_set.h"
#include "flow/aggregate/record_reader.h"
#include "flow/topology/stage.h"
#include "state/store.h"

namespace kutils::flow {

enum class TableEmit {
  update,  // every change
  commit,  // the newest of each row at each commit; with `interval_ms` also by wall time
  close,   // all rows at the end of input
};

struct TableOptions {
  TableEmit emit = TableEmit::commit;
  // --emit after:D and suppress:D, ms: the newest value of a key once its first change is this old.
  // `suppress`: a change of the key that itself makes the value due is in it, as in Kafka Streams; else it
  // begins the next.
  std::optional<int64_t> after;
  bool suppress = false;
  // --expires, ms: a row is deleted once stream time is this far beyond its own. Streams only; not with `after`.
  std::optional<int64_t> expires;
  int32_t sources = 1;  // whose times are told apart (rule 27); `expires`
  // --max-ahead of after:D and suppress:D, ms: a stream time in the state that is further ahead of `clock` is
  // forgotten, for all that comes would be due at once. Both or neither.
  std::optional<int64_t> max_ahead;
  const Clock* clock = nullptr;
  std::optional<int64_t> interval_ms;         // lines: emit changes this often
  std::vector<std::string> key_names{"key"};  // none: --total
  // The total of no records is a row, too: at the end of the input, and between topics when all is read (-e). REQUIRES: all
  // records of the total come to this stage.
  bool empty_total = false;
  // Lines: a row that is shown no more is told as its key's fields and `"_deleted":true`; else by a null value.
  bool deletions_are_rows = false;
  size_t cache_bytes =
      size_t{2} << 20;  // of decoded rows kept from commit to commit; the store keeps encoded ones
};

// Over a stream: a record adds to its group. Null values are skipped.
std::unique_ptr<Stage> make_aggregate_table(TableOptions options, const AggregateSet& set,
                                            std::unique_ptr<RecordReader> reader, state::Store& store);

// Over a table: each source key has one row, which is in one group or (null group) in none. A changed row is
// taken back from its old group and added to the new one: one change if that is the same. Throws usage_error
// if an aggregate cannot take back. The reader is given only rows that exist; `GroupedRecord::has_group` says
// that a row is in no group.
std::unique_ptr<Stage> make_regrouped_table(TableOptions options, const AggregateSet& set,
                                            std::unique_ptr<RecordReader> reader, state::Store& store);

// The same in two halves with the repartition topic between them, rows and groups each in partitions of their
// own: in front, a row of IN becomes changes of groups (row_change.h); behind, groups take them.
std::unique_ptr<Stage> make_source_table(const AggregateSet& set, std::unique_ptr<RecordReader> reader,
                                         state::Store& store);
std::unique_ptr<Stage> make_regrouped_changes(TableOptions options, const AggregateSet& set,
                                              state::Store& store);

// `table:` as IN of a stateless tool: what `inner` emits for a record is the new value of its key; where it
// drops the record, and for a null value, the key is deleted from the output - if it was there. Null keys are
// record errors.
std::unique_ptr<Stage> make_table_view(std::unique_ptr<Stage> inner, state::Store& store);

// `table:` as IN of what writes lines and has an end: `inner` gets the last record of each key that is not
// deleted, in the order of the keys' first records, when the input ends.
std::unique_ptr<Stage> make_latest_values(std::unique_ptr<Stage> inner);

// Holds the outputs of `inner` (a table that emits each change) back as `options` say, of which `after` is
// given. `over_table`: records that change nothing (a deletion of what is not there) move stream time too.
std::unique_ptr<Stage> make_suppress(std::unique_ptr<Stage> inner, const TableOptions& options,
                                     bool over_table, state::Store& store);

}  // namespace kutils::flow
