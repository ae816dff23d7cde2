// Store: kSourceRow key -> what the row gave to its group:
//   flags:u8 (1: in a group, 2: the group's key is text) group:bytes { present:u8 datum }
// Rows in no group are stored too: a deletion of one is then no news, and neither is it an unknown key.
#include "flow/table/group_table.h"
#include "flow/table/table_stage.h"
#include "state/state_error.h"
#include "state/state_format.h"

namespace kutils::flow {
namespace {

constexpr uint8_t kInGroup = 1;
constexpr uint8_t kText = 2;

class RegroupedTable final : public Stage {
 public:
  RegroupedTable(TableOptions options, const AggregateSet& set, std::unique_ptr<RecordReader> reader, state::Store& store)
      : options_(std::move(options)),
        set_(set),
        reader_(std::move(reader)),
        store_(store),
        groups_(set, options_.key_names, store, options_.cache_bytes) {}

  void process(const Record& record, Emitter& out) override {
    if (record.key.is_null()) return out.fail(record, {Reason::no_key, "a table's record needs a key"});
    key_.assign(1, state::kSourceRow).append(record.key.view());
    const bool had = load_old();
    const bool deletes = record.value.is_null();
    GroupedRecord grouped;
    if (deletes) {
      if (!had) return out.drop(record, DropReason::tombstone);
      grouped.has_group = false;
      grouped.time = record.timestamp;
    } else if (auto error = reader_->read(record, grouped)) {
      return out.fail(record, std::move(*error));
    }
    const bool leaves = had && (old_flags_ & kInGroup) != 0;
    Row* from = leaves ? groups_.find(old_group_) : nullptr;
    Row* to = grouped.has_group ? groups_.find(grouped.key) : nullptr;
    // The old part first: the sum may have room only then. If the new one is refused, the old part goes back.
    if (from != nullptr)
      if (auto refused = set_.subtract(groups_.state(from), old_)) return out.fail(record, std::move(*refused));
    if (to != nullptr) {
      if (auto refused = set_.add(groups_.state(to), grouped.arguments)) {
        if (from != nullptr) set_.add_checked(groups_.state(from), old_);
        return out.fail(record, std::move(*refused));
      }
    }
    if (from != nullptr) {
      groups_.touch(from, (old_flags_ & kText) != 0, grouped.time);
      if (from != to) changed(record, from, out);
    }
    if (to != nullptr) {
      groups_.touch(to, grouped.key_is_text, grouped.time);
      changed(record, to, out);
    }
    if (deletes) {
      store_.erase(key_);
      return;
    }
    value_.assign(1, static_cast<char>((to != nullptr ? kInGroup : 0) | (grouped.key_is_text ? kText : 0)));
    put_bytes(value_, grouped.has_group ? grouped.key : std::string_view());
    if (grouped.has_group) {
      for (const Argument& argument : grouped.arguments) {
        value_.push_back(argument.present ? 1 : 0);
        if (argument.present) encode(argument.datum, value_);
      }
    }
    store_.put(key_, value_);
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
  std::optional<int64_t> next_wakeup() const override { return due_; }
  size_t dirty_rows() const override { return groups_.dirty(); }
  void before_commit(Emitter& out) override {
    groups_.emit_changes(out);
    groups_.write_back();
  }
  void close(Emitter& out) override {
    if (options_.emit == TableEmit::close) {
      groups_.emit_all(out);
    } else {
      groups_.emit_changes(out);
    }
  }

 private:
  // The row's old contribution into old_*; false: there is no such row.
  bool load_old() {
    const auto found = store_.get(key_);
    if (!found) return false;
    old_bytes_ = *found;
    Reader in(old_bytes_);
    old_flags_ = in.byte();
    old_group_ = in.bytes();
    old_.assign(set_.items().size(), {});
    if ((old_flags_ & kInGroup) != 0) {
      for (Argument& argument : old_) {
        argument.present = in.byte() != 0;
        if (argument.present) argument.datum = decode_datum(in);
      }
    }
    if (!in.ok() || !in.at_end()) throw state::CorruptState("a source row in the state is broken");
    return true;
  }
  void changed(const Record& record, Row* row, Emitter& out) {
    if (options_.emit == TableEmit::update) groups_.emit(&record, row, out);
    if (options_.emit != TableEmit::commit) return;
    groups_.note_change(row);
    if (options_.interval_ms && !due_) due_ = 0;  // tick() sets the clock going
  }

  const TableOptions options_;
  const AggregateSet& set_;
  std::unique_ptr<RecordReader> reader_;
  state::Store& store_;
  GroupTable groups_;
  std::string key_, value_, old_bytes_;
  uint8_t old_flags_ = 0;
  std::string_view old_group_;
  std::vector<Argument> old_;
  std::optional<int64_t> due_;
};

}  // namespace

std::unique_ptr<Stage> make_regrouped_table(TableOptions options, const AggregateSet& set, std::unique_ptr<RecordReader> reader,
                                            state::Store& store) {
  set.require_subtract("tables over tables");
  const std::optional<int64_t> after = options.after;
  const size_t cache_bytes = options.cache_bytes;
  if (after) options.emit = TableEmit::update;
  auto table = std::make_unique<RegroupedTable>(std::move(options), set, std::move(reader), store);
  if (!after) return table;
  return make_hold(std::move(table), *after, true, store, cache_bytes);
}

}  // namespace kutils::flow
