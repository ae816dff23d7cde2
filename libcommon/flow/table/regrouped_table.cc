// Source rows and groups in one store: over lines, and where every row is a group of its own.
#include "flow/table/no_key.h"
#include "flow/table/regrouped_groups.h"
#include "flow/table/shown_rows.h"

namespace kutils::flow {
namespace {

class RegroupedTable final : public Stage {
 public:
  RegroupedTable(TableOptions options, const AggregateSet& set, std::unique_ptr<RecordReader> reader,
                 state::Store& store)
      : reader_(std::move(reader)), rows_(set, store), groups_(std::move(options), set, store) {}

  void process(const Record& record, Emitter& out) override {
    if (record.key.is_null()) return out.fail(record, no_row_key());
    const SourceRows::Found& old = rows_.find(record.key.view());
    const bool deletes = record.value.is_null();
    GroupedRecord grouped;
    if (deletes) {
      if (!old.exists) return out.drop(record, DropReason::tombstone);
      grouped.has_group = false;
      grouped.time = record.timestamp;
    } else if (auto error = reader_->read(record, grouped)) {
      return out.fail(record, std::move(*error));
    }
    const Contribution now{grouped.key, grouped.key_is_text, grouped.arguments};
    const Contribution* to = grouped.has_group ? &now : nullptr;
    if (auto refused = groups_.change(record, old.in_group ? &old.part : nullptr, to, grouped.time, out))
      return out.fail(record, std::move(*refused));
    if (deletes) {
      rows_.erase();
    } else {
      rows_.put(to);
    }
  }
  void tick(int64_t wall_ms, Emitter& out) override { groups_.tick(wall_ms, out); }
  std::optional<int64_t> next_wakeup() const override { return groups_.next_wakeup(); }
  size_t dirty_rows() const override { return groups_.dirty_rows() + rows_.dirty(); }
  void before_commit(Emitter& out) override {
    groups_.before_commit(out);
    rows_.committing();
  }
  void all_read(bool /*after_rest*/, Emitter& out) override { groups_.all_read(out); }
  void close(Emitter& out) override { groups_.close(out); }

 private:
  std::unique_ptr<RecordReader> reader_;
  SourceRows rows_;
  RegroupedGroups groups_;
};

}  // namespace

std::unique_ptr<Stage> make_regrouped_table(TableOptions options, const AggregateSet& set,
                                            std::unique_ptr<RecordReader> reader, state::Store& store) {
  if (options.after) options.emit = TableEmit::update;
  const TableOptions held = options;
  auto table = std::make_unique<RegroupedTable>(std::move(options), set, std::move(reader), store);
  return make_shown(std::move(table), held, true, set, store);
}

}  // namespace kutils::flow
