// The rows of a table: one aggregate state per group, decoded in memory in front of the store, written once
// per commit.
//
// Store: kGroupRow key -> row (row_table.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "flow/aggregate/row_shape.h"
#include "flow/aggregate/row_table.h"
#include "flow/table/table_stage.h"
#include "flow/topology/output_times.h"
#include "flow/topology/stage.h"
#include "flow/window/window_output.h"
#include "state/store.h"

namespace kutils::flow {

class GroupTable {
 public:
  GroupTable(const AggregateSet& set, std::vector<std::string> key_names, state::Store& store,
             size_t cache_bytes);

  // Valid until write_back().
  Row* find(std::string_view key);
  // The row of --total as it is before the first record; null: there is one already.
  Row* make_total();
  char* state(Row* row) { return rows_.state(row); }
  std::string_view key(const Row* row) { return rows_.key(row); }
  // Before a record of this time changes the row: an error if OUT takes no output of that time. A row whose
  // own time OUT does not take (of a state that was written before such records were refused, or when the
  // clock was wrong) has the record's from then on.
  std::optional<RecordError> judge_time(Row* row, int64_t time, Emitter& out);
  // The row's state was changed by a record of this time.
  void touch(Row* row, bool key_is_text, int64_t time);
  // `{"KEYNAME":…, columns…}`, time the largest of the group's records. A row for which --having does not hold
  // is emitted as one that is no more, without a value: make_shown_rows() knows whether that is news.
  void emit(const Record* origin, Row* row, Emitter& out);
  // Whether --delete-if holds for the row.
  Result<bool> deletes(Row* row);
  // Its group is none from here on; `time` is that of its deletion, which emit() and emit_changes() tell.
  void remove(Row* row, int64_t time);
  void note_change(Row* row);       // for emit_changes()
  void emit_changes(Emitter& out);  // the newest of each row noted, in the order first noted
  void emit_all(Emitter& out);
  void write_back();
  size_t dirty() const { return dirty_.size(); }

 private:
  void decode(std::string_view bytes, Row* row);

  const AggregateSet& set_;
  state::Store& store_;
  const std::vector<std::string> labels_;
  const size_t cache_bytes_;
  RowTable rows_;
  RowShape shape_;
  OutputTimes times_;
  bool whole_;  // the store has no row that rows_ has not
  std::vector<Row*> dirty_;
  std::vector<Row*> changed_;
  std::string key_;
  std::string value_;
};

// The row of --total where no record has made one: shown as a change (`update`, `commit`).
void show_empty_total(GroupTable& groups, TableEmit emit, Emitter& out);

}  // namespace kutils::flow
