// The groups of a table over a table: rows leave and join them. The half of it that knows nothing of source
// rows, so that it stands in one place with them or behind a repartition. One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "flow/aggregate/aggregate_set.h"
#include "flow/table/group_table.h"
#include "flow/table/source_rows.h"
#include "flow/table/table_stage.h"
#include "flow/topology/stage.h"

namespace kutils::flow {

class RegroupedGroups {
 public:
  // Throws usage_error if an aggregate cannot take a value back.
  RegroupedGroups(TableOptions options, const AggregateSet& set, state::Store& store);

  // The row that `cause` is of gave `from` until now and gives `to` from now on; null: nothing. One change if
  // both are of one group. On an error nothing has changed and nothing was emitted.
  std::optional<RecordError> change(const Record& cause, const Contribution* from, const Contribution* to,
                                    int64_t time, Emitter& out);

  // As the functions of Stage.
  void tick(int64_t wall_ms, Emitter& out);
  std::optional<int64_t> next_wakeup() const { return due_; }
  size_t dirty_rows() const { return groups_.dirty(); }
  void before_commit(Emitter& out);
  void all_read(Emitter& out);
  void close(Emitter& out);

 private:
  void changed(const Record& cause, Row* row, Emitter& out);

  const TableOptions options_;
  const AggregateSet& set_;
  GroupTable groups_;
  std::optional<int64_t> due_;
};

}  // namespace kutils::flow
