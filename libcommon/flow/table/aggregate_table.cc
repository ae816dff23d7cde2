#include "flow/aggregate/combined.h"
#include "flow/aggregate/unpack.h"
#include "flow/table/group_table.h"
#include "flow/table/shown_rows.h"
#include "flow/table/table_stage.h"

namespace kutils::flow {
namespace {

class AggregateTable final : public Stage {
 public:
  AggregateTable(TableOptions options, const AggregateSet& set, std::unique_ptr<RecordReader> reader,
                 state::Store& store)
      : options_(std::move(options)),
        set_(set),
        reader_(std::move(reader)),
        groups_(set, options_.key_names, store, options_.cache_bytes) {}

  void process(const Record& record, Emitter& out) override {
    if (record.value.is_null()) return out.drop(record, DropReason::tombstone);
    if (is_pack(record))
      return unpack(record, grouped_, out, [this](const Record& one, Emitter& to) { process(one, to); });
    if (auto error = reader_->read(record, grouped_)) return out.fail(record, std::move(*error));
    Row* row = groups_.find(grouped_.key);
    if (auto refused = groups_.judge_time(row, grouped_.time, out))
      return out.fail(record, std::move(*refused));
    if (auto refused = can_add(set_, groups_.state(row), grouped_)) {
      if (!can_take_apart(grouped_)) return out.fail(record, std::move(*refused));
      return take_apart(record, grouped_, *reader_, out,
                        [this](const Record& one, Emitter& to) { process(one, to); });
    }
    add_checked(set_, groups_.state(row), grouped_);
    groups_.touch(row, grouped_.key_is_text, grouped_.time);
    if (options_.emit == TableEmit::update) {
      groups_.emit(&record, row, out);
    } else if (options_.emit == TableEmit::commit) {
      groups_.note_change(row);
      if (options_.interval_ms && !due_) due_ = 0;  // tick() sets the clock going
    }
  }
  void tick(int64_t wall_ms, Emitter& out) override {
    if (!options_.interval_ms || !due_) return;
    if (*due_ == 0) {
      due_ = wall_ms + *options_.interval_ms;
    } else if (*due_ <= wall_ms) {
      groups_.emit_changes(out);
      due_.reset();
    }
  }
  size_t dirty_rows() const override { return groups_.dirty(); }
  std::optional<int64_t> next_wakeup() const override { return due_; }
  void before_commit(Emitter& out) override {
    groups_.emit_changes(out);
    groups_.write_back();
  }
  void close(Emitter& out) override {
    if (options_.emit == TableEmit::close) {
      if (options_.empty_total) groups_.touch(groups_.find({}), false, kNoTimestamp);
      groups_.emit_all(out);
    } else {
      groups_.emit_changes(out);
    }
  }

 private:
  const TableOptions options_;
  const AggregateSet& set_;
  std::unique_ptr<RecordReader> reader_;
  GroupTable groups_;
  GroupedRecord grouped_;
  std::optional<int64_t> due_;
};

}  // namespace

std::unique_ptr<Stage> make_aggregate_table(TableOptions options, const AggregateSet& set,
                                            std::unique_ptr<RecordReader> reader, state::Store& store) {
  if (options.after) options.emit = TableEmit::update;
  const TableOptions held = options;
  auto table = std::make_unique<AggregateTable>(std::move(options), set, std::move(reader), store);
  return make_shown(std::move(table), held, false, set, store);
}

}  // namespace kutils::flow
